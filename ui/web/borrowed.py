"""The shared engines for code that runs on a thread of its own: each step is one of a worker's.

What answers recordings is written as one plain sequence (`assistant.files.answer`). Beside live
talks it may not hold an engine for a whole answer, nor call one from another thread than the
engine's. With these in the engines' place, each item of each iterator is a step in their queues.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, replace
from typing import TypeVar

from assistant.audio.waveform import AudioClip, Waveform
from assistant.conversation.engines import Engines
from assistant.engines.protocols import (
    Cancel,
    Dialogue,
    EmotionEstimate,
    SpeakingStyle,
    TextDelta,
    TextToSpeech,
    Transcript,
    VoiceActivityDetector,
)
from assistant.errors import EngineFailed
from assistant.worker import Worker

T = TypeVar("T")
LOOK_AGAIN_S = 1.0
"""How often a thread that waits looks whether the server still runs."""
CLOSING = "the server is closing: try again in a moment"


class _Over:
    """Stands for the end of an iterator."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Has a worker take steps, for a thread that is neither the worker's nor the event loop's."""

    worker: Worker
    loop: asyncio.AbstractEventLoop
    """To which the worker belongs; it runs meanwhile."""

    def call(self, step: Callable[[], T]) -> T:
        """Returns what `step` returns, run on the worker's thread.

        Raises:
            EngineFailed: The engine broke, has too much to do, or the server is closing.
        """
        asked = self.worker.call(step)
        try:
            future = asyncio.run_coroutine_threadsafe(asked, self.loop)
        except RuntimeError as error:  # the loop is closed
            asked.close()
            raise EngineFailed(CLOSING) from error
        return self._result(future)

    def each(self, make: Callable[[], Iterator[T]]) -> Iterator[T]:
        """Yields the items of `make()`, each computed on the worker's thread when it is wanted."""
        items = self.call(lambda: iter(make()))
        while not isinstance(item := self.call(lambda: next(items, _Over())), _Over):
            yield item

    def _result(self, future: Future[T]) -> T:
        while True:
            try:
                return future.result(LOOK_AGAIN_S)
            except CancelledError as error:
                raise EngineFailed(CLOSING) from error
            except NotYet:
                if future.done():
                    raise
                if self.loop.is_closed():
                    raise EngineFailed(CLOSING) from None


class BorrowedDialogue(Dialogue):
    """A dialogue whose model works on its own thread."""

    def __init__(self, dialogue: Dialogue, steps: Steps) -> None:
        """Lends `dialogue`."""
        self._dialogue = dialogue
        self._steps = steps

    @property
    def is_shortened(self) -> bool:
        """Whether only the end of the last question counts."""
        return self._dialogue.is_shortened

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        """Takes a 16 kHz utterance in; yields how it sounds and its words."""
        return self._steps.each(lambda: self._dialogue.hear(utterance, cancel))

    def read(self, text: str) -> None:
        """Takes a typed utterance in."""
        self._steps.call(lambda: self._dialogue.read(text))

    def withdraw(self) -> None:
        """Forgets the last utterance."""
        self._steps.call(self._dialogue.withdraw)

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        """Generates the reply to what was heard last."""
        for delta in self._steps.each(lambda: self._dialogue.reply(cancel)):
            if delta.awaits is not None:
                wait([delta.awaits])  # on this thread: the worker's has others to serve
            else:
                yield delta

    def replace_reply(self, text: str) -> None:
        """Takes `text` as the reply."""
        self._steps.call(lambda: self._dialogue.replace_reply(text))

    def truncate(self, heard: str) -> None:
        """Keeps of the last reply what was heard of it."""
        self._steps.call(lambda: self._dialogue.truncate(heard))


class BorrowedVoice(TextToSpeech):
    """A voice that speaks on its own thread."""

    def __init__(self, voice: TextToSpeech, steps: Steps) -> None:
        """Lends `voice`."""
        self.sample_rate = voice.sample_rate
        self._voice = voice
        self._steps = steps

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        """Speaks; yields clips as soon as they exist."""
        return self._steps.each(lambda: self._voice.synthesize(text, style, cancel))


class BorrowedDetector(VoiceActivityDetector):
    """A detector that listens on the thread of the ears."""

    def __init__(self, detector: VoiceActivityDetector, steps: Steps) -> None:
        """Lends `detector`."""
        self.sample_rate = detector.sample_rate
        self.frame_samples = detector.frame_samples
        self._detector = detector
        self._steps = steps

    def probability(self, frame: Waveform) -> float:
        """Returns the probability in [0, 1] that `frame` holds speech."""
        return self._steps.call(lambda: self._detector.probability(frame))

    def reset(self) -> None:
        """Forgets what was heard so far."""
        self._steps.call(self._detector.reset)


def borrowed(engines: Engines, loop: asyncio.AbstractEventLoop) -> Engines:
    """Returns `engines` with voice and detector to be called from a thread of one's own."""
    return replace(
        engines,
        voice=BorrowedVoice(engines.voice, Steps(engines.voice_worker, loop)),
        detector=BorrowedDetector(engines.detector, Steps(engines.ear_worker, loop)),
    )
