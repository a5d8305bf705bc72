"""What one conversation keeps from turn to turn: the model's side of it, and who the person is."""

from collections.abc import Sequence

from assistant.conversation.correction import EmotionPrior
from assistant.conversation.remembering import Remembering
from assistant.conversation.spoken_controls import SpokenControls
from assistant.engines.protocols import CompletenessScorer, Dialogue, EmotionEstimate
from assistant.remembered import RememberedFile
from assistant.safety import Help, HelpFinder, SafetyWatch
from models.emotions import Emotion


class Memory:
    """The model's dialogue, what the person corrected, and whether they are in danger."""

    def __init__(
        self,
        dialogue: Dialogue,
        help_finder: HelpFinder | None = None,
        scorer: CompletenessScorer | None = None,
        remembered: RememberedFile | None = None,
    ) -> None:
        """Begins with nothing said; without `help_finder` nobody is taken to be in danger."""
        self.dialogue = dialogue
        self.scorer = scorer
        """Judges by the words whether a turn is whole."""
        self.controls = SpokenControls()
        """Says which turns ask something of the talk itself, and how fast and loud it is."""
        self.remembering = Remembering(remembered)
        """Says which turns ask something of what is remembered between talks."""
        self._safety = SafetyWatch(help_finder)
        self._prior = EmotionPrior()
        self._estimated: dict[int, Emotion] = {}

    def sounds(self, turn: int, estimate: EmotionEstimate) -> EmotionEstimate:
        """Returns how a turn sounds with the person's corrections in mind, and remembers it."""
        estimate = self._prior.apply(estimate)
        self._estimated[turn] = estimate.emotion
        return estimate

    def correct(self, turn: int, emotion: Emotion) -> None:
        """Learns from the person how a turn was meant."""
        self._prior.correct(self._estimated.get(turn), emotion)

    def recall(self, past: Sequence[tuple[str, str]]) -> Help | None:
        """Remembers whether the person was in danger when an earlier talk ended, which is `past`.

        Returns:
            The help that still counts; None where there is none.
        """
        # Turns of that talk: before this one's, which are counted from 0.
        helps = [self._safety.look(said, n - len(past)) for n, (said, _) in enumerate(past)]
        last = helps[-1] if helps else None
        return None if last is None or last.is_over else last

    def look(self, words: str, turn: int) -> Help | None:
        """Returns what is to be said to these words instead of a reply of the model's."""
        return self._safety.look(words, turn)
