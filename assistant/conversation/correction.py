"""What a person's own corrections say about their next turns."""

from assistant.engines.protocols import EmotionEstimate
from models.emotions import Emotion

STRENGTH = 1.6
"""Factor that one correction puts on the odds of each of the two emotions."""
LIMIT = 6.0
"""No factor grows beyond this, nor falls below its inverse."""


class EmotionPrior:
    """Weights on the emotions of one person; all are 1 until something is corrected."""

    def __init__(self) -> None:
        self._weights = [1.0] * len(Emotion)

    def correct(self, estimated: Emotion | None, actual: Emotion) -> None:
        """Learns that a turn estimated as `estimated` was `actual`."""
        if estimated is actual:
            return
        self._weights[actual] = min(LIMIT, self._weights[actual] * STRENGTH)
        if estimated is not None:
            self._weights[estimated] = max(1.0 / LIMIT, self._weights[estimated] / STRENGTH)

    def apply(self, estimate: EmotionEstimate) -> EmotionEstimate:
        """Returns `estimate` as it stands with this person's corrections in mind."""
        if all(weight == 1.0 for weight in self._weights):
            return estimate
        weighted = [
            probability * weight
            for probability, weight in zip(estimate.probabilities, self._weights, strict=True)
        ]
        total = sum(weighted)
        probabilities = tuple(value / total for value in weighted)
        return EmotionEstimate(probabilities, abstained=estimate.abstained)
