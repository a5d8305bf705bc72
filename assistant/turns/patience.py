"""How long a person may pause: longer for those who speak slowly or sound sad.

Who needs it most is answered in each of their pauses at first: what is learnt from are the pauses
that were waited for, and those that were broken by the answer. Of the latter only the short ones
are surely pauses. A longer one is where the question was half a sentence, or where it happens
twice in a row: once may be a person who interrupts.
"""

from collections import deque

from pydantic import Field

from assistant.configuration import Settings
from assistant.engines.protocols import EmotionEstimate
from models.emotions import Emotion


class PatienceSettings(Settings):
    """How far the silence that ends a turn stretches with the speaker."""

    base: float = Field(default=1.0, ge=0.3, le=5.0)
    """Factor on all silences: 2 waits twice as long before it answers."""
    sad: float = Field(default=0.3, ge=0.0, le=2.0)
    """Added to the factor when the person surely sounds sad."""
    slow: float = Field(default=0.6, ge=0.0, le=3.0)
    """Added at most for a person who makes long pauses within their turns."""
    longer: float = Field(default=1.75, ge=0.0, le=5.0)
    """How much longer than such a pause a silence must be to end a turn; 0 learns no pauses."""
    stranger_ms: int = Field(default=832, ge=0, le=3_000)
    """Silence that ends a person's first turn at the earliest, unless it is complete beyond doubt:
    how they pause is not known yet."""


# What these do to slow speakers and to all others is measured by `benchmarks.endpointing`: "End of
# turn" in benchmarks/RESULTS.md.
LONG_PAUSE_MS = 700.0
"""Pauses of this length and more within a turn mark a slow speaker."""
SLOW_PAUSE_MS = 450.0
"""Who paused so long and went on is given a longer silence, whatever the words say: `longer` times
that pause, up to `LONGEST_MS`, and where the pause is about as long as that itself, `BRIDGED` times
it: people do not pause equally long each time."""
LONGEST_MS, BRIDGED = 1_600.0, 1.2
LEARNT_MS = 4_000.0
"""The longest pause that is waited for; who is silent for longer has no more to say for now."""
HALF_SENTENCE = 0.5
"""Completeness below which what was answered was rather half a sentence."""
FADING = 0.7
"""What a turn without pauses leaves of those longer than `LONGEST_MS`: waiting for them is what
quick speakers suffer from."""


class Patience:
    """Follows one person and says by which factor to stretch the end of a turn."""

    def __init__(self, settings: PatienceSettings | None = None) -> None:
        self.settings = settings or PatienceSettings()
        """May be set at any time."""
        self._pauses_ms: deque[float] = deque(maxlen=8)
        self._sadness = 0.0
        self._is_known = False
        self._suspected_ms: float | None = None

    @property
    def factor(self) -> float:
        """The factor now."""
        settings = self.settings
        # Squared below: pauses that anybody makes hardly count, those of a slow speaker do.
        slowness = min(1.0, self._longest_ms / LONG_PAUSE_MS)
        return settings.base * (1.0 + settings.slow * slowness**2 + settings.sad * self._sadness)

    @property
    def least_silence_ms(self) -> float:
        """The silence that ends a turn at the earliest, by this person's own pauses."""
        if self._is_known or self._pauses_ms:
            return self.least_known_ms
        return self.settings.base * self.settings.stranger_ms

    @property
    def least_known_ms(self) -> float:
        """The same by the pauses that are known alone, and not because there are none yet."""
        longest = self._longest_ms
        if longest < SLOW_PAUSE_MS:
            return 0.0
        longer = min(LONGEST_MS, self.settings.longer * longest)
        return self.settings.base * max(longer, self.bridged_ms)

    @property
    def bridged_ms(self) -> float:
        """The longest silence that is still a pause of this person; 0 where none is known."""
        return BRIDGED * self._longest_ms if self.settings.longer else 0.0

    def paused(self, pause_ms: float) -> None:
        """The person paused within a turn and went on."""
        self._is_known = True
        self._suspected_ms = None
        self._pauses_ms.append(min(pause_ms, LEARNT_MS))

    def answered_in(self, silence_ms: float, completeness: float | None, *, is_cut: bool) -> bool:
        """The person speaks so long after what was answered; returns whether they had paused.

        Args:
            silence_ms: From the end of their speech to its next beginning.
            completeness: Probability that what was answered was a whole turn, where it is known.
            is_cut: Whether the answer was still being spoken.
        """
        # Gone in any case: only what happens twice in a row is a pause, and not an interruption.
        before_ms, self._suspected_ms = self._suspected_ms, None
        if silence_ms > LEARNT_MS or not self.settings.longer:
            return False
        if completeness is not None and completeness < HALF_SENTENCE:
            self.paused(silence_ms)
        elif is_cut and before_ms is not None:
            self.paused(before_ms)
            self.paused(silence_ms)
        elif is_cut:
            self._suspected_ms = silence_ms
            return False
        else:
            return False
        return True

    def went_straight(self) -> None:
        """The person spoke a turn without a pause: old pauses count less."""
        self._is_known = True
        if self._pauses_ms:
            self._pauses_ms.popleft()
        faded = (
            max(LONGEST_MS, FADING * pause_ms) if pause_ms > LONGEST_MS else pause_ms
            for pause_ms in self._pauses_ms
        )
        self._pauses_ms = deque(faded, maxlen=self._pauses_ms.maxlen)

    def heard(self, estimate: EmotionEstimate) -> None:
        """The person sounded like this."""
        sadness = 0.0 if estimate.abstained else estimate.probabilities[Emotion.SAD]
        # Half of it is this turn, half all turns before: one sad sentence slows a talk down for two
        # or three turns, not for good.
        self._sadness = 0.5 * self._sadness + 0.5 * sadness

    @property
    def _longest_ms(self) -> float:
        return max(self._pauses_ms, default=0.0)
