"""Time marks of a turn: how long after the person's last word each stage was reached."""

import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType


class Mark(StrEnum):
    """A moment of a turn, in the order in which they are usually reached."""

    HEARD = "heard"
    """The speech is encoded and its emotion estimated."""
    WORDS = "words"
    """The person's words are known."""
    FIRST_TOKEN = "first_token"
    """The first piece of the reply exists."""
    FIRST_SENTENCE = "first_sentence"
    """The first speakable piece went to the voice."""
    FIRST_AUDIO = "first_audio"
    """The first clip of the answer exists."""
    REPLY = "reply"
    """The reply's text is complete."""
    SPOKEN = "spoken"
    """The last clip of the answer exists."""


class TurnLatency:
    """Collects the marks of one turn on the wall clock (`time.perf_counter`).

    The clock starts when the object is made: at the moment the utterance is handed to the model.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._start_s = clock()
        self._marks_ms: dict[Mark, float] = {}

    def mark(self, mark: Mark) -> None:
        """Notes that `mark` has been reached; only the first time counts."""
        self._marks_ms.setdefault(mark, 1000.0 * (self._clock() - self._start_s))

    @property
    def marks_ms(self) -> Mapping[Mark, float]:
        """Milliseconds since the start of each mark reached so far."""
        return MappingProxyType(self._marks_ms)
