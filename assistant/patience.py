"""How long a person may pause: longer for those who speak slowly or sound sad."""

from collections import deque

from pydantic import BaseModel, ConfigDict, Field

from assistant.engines.protocols import EmotionEstimate
from models.emotions import Emotion


class PatienceSettings(BaseModel):
    """How far the silence that ends a turn stretches with the speaker."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    base: float = Field(default=1.0, ge=0.3, le=5.0)
    """Factor on all silences: 2 waits twice as long before it answers."""
    sad: float = Field(default=0.3, ge=0.0, le=2.0)
    """Added to the factor when the person surely sounds sad."""
    slow: float = Field(default=0.6, ge=0.0, le=3.0)
    """Added at most for a person who makes long pauses within their turns."""
    longer: float = Field(default=1.75, ge=0.0, le=5.0)
    """How much longer than such a pause a silence must be to end a turn."""
    stranger_ms: int = Field(default=832, ge=0, le=3_000)
    """Silence that ends a person's first turn at the earliest: how they pause is not known yet."""


LONG_PAUSE_MS = 700.0
"""Pauses of this length and more within a turn mark a slow speaker."""
SLOW_PAUSE_MS = 450.0
"""Who paused so long and went on is given a longer silence, whatever the words say: `longer` times
that pause, up to `LONGEST_MS`."""
LONGEST_MS = 1_600.0


class Patience:
    """Follows one person and says by which factor to stretch the end of a turn."""

    def __init__(self, settings: PatienceSettings | None = None) -> None:
        self.settings = settings or PatienceSettings()
        """May be set at any time."""
        self._pauses_ms: deque[float] = deque(maxlen=8)
        self._sadness = 0.0
        self._is_known = False

    @property
    def factor(self) -> float:
        """The factor now."""
        settings = self.settings
        longest = max(self._pauses_ms, default=0.0)
        slowness = min(1.0, longest / LONG_PAUSE_MS) if self._pauses_ms else 0.0
        return settings.base * (1.0 + settings.slow * slowness**2 + settings.sad * self._sadness)

    @property
    def least_silence_ms(self) -> float:
        """The silence that ends a turn at the earliest, by this person's own pauses."""
        longest = max(self._pauses_ms, default=0.0)
        if longest < SLOW_PAUSE_MS:
            return 0.0 if self._is_known else self.settings.base * self.settings.stranger_ms
        return self.settings.base * min(LONGEST_MS, self.settings.longer * longest)

    def paused(self, pause_ms: float) -> None:
        """The person paused within a turn and went on."""
        self._is_known = True
        self._pauses_ms.append(pause_ms)

    def went_straight(self) -> None:
        """The person spoke a turn without a pause: old pauses count less."""
        self._is_known = True
        if self._pauses_ms:
            self._pauses_ms.popleft()

    def heard(self, estimate: EmotionEstimate) -> None:
        """The person sounded like this."""
        sadness = 0.0 if estimate.abstained else estimate.probabilities[Emotion.SAD]
        self._sadness = 0.5 * self._sadness + 0.5 * sadness
