"""Words that are shown while somebody still speaks. They are added to and never taken back.

They are also what the model is told to expect: what it begins its answer with is then computed when
the person pauses.

The growing utterance is read again and again, where the model's thread has nothing else to do. Of
two readings in a row what both agree on is shown: the last word of a reading is mostly a piece of
one. The answer never waits for it: a pause ends the reading that is under way.
"""

import re
import time
from collections.abc import Callable

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.engines.protocols import Cancel, SpeechModel, Transcript
from assistant.errors import EngineFailed
from assistant.worker import NEVER, Worker

EVERY_S = 0.6
"""From the end of one reading to the next, at least."""
BUSY_SHARE = 3.0
"""The next reading waits so many times as long as the last one took: on a slow machine words come
seldom, and the rest of the time is for others."""
LONGEST_S = 20.0
"""Of an utterance that is read: beyond it a reading takes too long to be worth it."""
LEAST_EXPECTED = 3
"""Words from which on a reading, without its last, tells what is spoken of."""

_BARE = re.compile(r"[^\w']+")


class Captions:
    """The captions of one conversation, one utterance after the other."""

    def __init__(
        self,
        model: Callable[[], SpeechModel],
        worker: Worker,
        *,
        tell: Callable[[str], None],
        expect: Callable[[str], None],
    ) -> None:
        """Reads with the `model` of the moment on its `worker`.

        Words that are new are told to `tell`, and to `expect` those of each reading but the last.
        """
        self._model = model
        self._worker = worker
        self._tell, self._expect = tell, expect
        self._is_able = True
        self._start: int | None = None
        self._next = 0
        self._reading: Cancel | None = None
        self._last: list[str] = []
        self._shown: list[str] = []

    def begin(self, start_samples: int) -> None:
        """Somebody speaks since `start_samples` on the audio clock."""
        self.stop()
        self._start, self._next = start_samples, 0
        self._last, self._shown = [], []

    def stop(self) -> None:
        """A pause: what is being read is not wanted any more."""
        if self._reading is not None:
            self._reading.set()
            self._reading = None

    def end(self) -> None:
        """The utterance is over."""
        self.stop()
        self._start = None

    def look(self, now: int, sound: Callable[[int], Waveform]) -> None:
        """Begins to read what was said so far, if it is time and nobody else needs the model.

        Args:
            now: On the audio clock, in samples.
            sound: Gives the sound from a sample to now.
        """
        start = self._start
        if start is None or self._reading is not None or not self._is_able or now < self._next:
            return
        if self._worker.waiting or now - start > LONGEST_S * SPEECH_RATE_HZ:
            return
        self._read(now, sound(start))

    def _read(self, now: int, utterance: Waveform) -> None:
        model, cancel, began_s = self._model(), Cancel(), time.perf_counter()
        self._reading = cancel

        def deliver(words: Transcript | None, error: BaseException | None) -> None:
            if self._reading is cancel:
                self._reading = None
            took_s = time.perf_counter() - began_s
            self._next = now + round(max(EVERY_S, BUSY_SHARE * took_s) * SPEECH_RATE_HZ)
            if error is not None and not isinstance(error, EngineFailed):
                raise error
            # A model that overhears nothing is not asked again.
            self._is_able = self._is_able and (words is not None or cancel.is_set())
            if words is not None and not cancel.is_set():
                self._take(words)

        # After all that is due at any time: it is worth less than a word of an answer.
        self._worker.submit(lambda: model.overhear(utterance, cancel), deliver, due=lambda: NEVER)

    def _take(self, words: Transcript) -> None:
        """Shows what this reading and the one before agree on."""
        read = words.text.split() if words.is_understood and not words.is_guess else []
        if len(read) > LEAST_EXPECTED:
            self._expect(" ".join(read[:-1]))
        agreed = _agreed(self._last, read)
        self._last = read
        is_more = len(agreed) > len(self._shown)
        if not is_more or len(_agreed(self._shown, agreed)) < len(self._shown):
            return
        new = " ".join(agreed[len(self._shown) :])
        self._tell(f" {new}" if self._shown else new)
        self._shown = agreed


def _agreed(before: list[str], after: list[str]) -> list[str]:
    """Returns the words of `after` at its beginning that `before` has, too, however written."""
    count = 0
    for one, other in zip(before, after, strict=False):
        if _BARE.sub("", one).casefold() != _BARE.sub("", other).casefold():
            break
        count += 1
    return after[:count]
