"""What the conversation itself costs: processor time for each 32 ms frame, model and voice aside.

    python -m benchmarks.overhead [--seconds 60] [--write]

*Loop* is the event loop's thread: frames in, endpointing, events, playback. *Ear* is its worker:
echo canceller and Silero. While the assistant speaks, its sentences come from a list and its voice
is a tone, so that neither a model nor a voice is in the figures.
"""

import argparse
import time
from collections.abc import AsyncIterator, Callable, Iterator

import numpy as np

from assistant import events
from assistant.audio.echo import EchoRemover
from assistant.audio.file_devices import FileMicrophone, FileSpeaker
from assistant.audio.protocols import Ends
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip, AudioFrame, Waveform
from assistant.clock import replay
from assistant.conversation.conversation import Conversation
from assistant.conversation.engines import Engines
from assistant.conversation.live.loop import TalkLoop
from assistant.empathy import load_policy
from assistant.engines.protocols import Cancel, SpeakingStyle
from assistant.engines.silero import Silero
from assistant.turns.settings import TalkSettings
from assistant.worker import Due, Result, Worker
from benchmarks.results import p50_p95, table, write_section
from benchmarks.rooms.talking import Talker

WARM_UP_FRAMES = 50


class TimedMicrophone(FileMicrophone):
    """Notes the processor time that its own thread spends from frame to frame."""

    def __init__(self, blocks: list[Waveform]) -> None:
        super().__init__(blocks)
        self.spent_ms: list[float] = []

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yields each frame."""
        async for frame in super().frames():
            began_s = time.thread_time()
            yield frame
            self.spent_ms.append(1_000.0 * (time.thread_time() - began_s))


class TimedWorker(Worker):
    """Notes the processor time of each frame that the ear listens to."""

    def __init__(self) -> None:
        super().__init__("ear")
        self.spent_ms: list[float] = []

    async def call(self, function: Callable[[], Result], *, due: Due | None = None) -> Result:
        """Calls `function`."""

        def timed() -> Result:
            began_s = time.thread_time()
            result = function()
            self.spent_ms.append(1_000.0 * (time.thread_time() - began_s))
            return result

        return await super().call(timed, due=due)


class Tone:
    """A voice that costs nothing: a tone of 0.3 s for each word."""

    sample_rate = SPEECH_RATE_HZ

    def __init__(self) -> None:
        times = np.arange(round(0.3 * SPEECH_RATE_HZ)) / SPEECH_RATE_HZ
        self._tone = (0.1 * np.sin(2 * np.pi * 200.0 * times)).astype(np.float32)

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        """Yields the tones."""
        for _ in text.split():
            if not cancel.is_set():
                yield AudioClip(self._tone, self.sample_rate)


def measure(seconds: float, *, removes_echo: bool, speaks: bool) -> tuple[list[float], list[float]]:
    """Returns the milliseconds of loop and ear for each frame."""
    noise = np.random.default_rng(0).standard_normal(round(seconds * SPEECH_RATE_HZ))
    microphone = TimedMicrophone([(3e-4 * noise).astype(np.float32)])
    ear = TimedWorker()
    talker = Talker(["This is what there is to say, again and again."])
    engines = Engines(talker, Tone(), load_policy(), Silero(), "tone", ear_worker=ear)
    ends = Ends(microphone, FileSpeaker(), EchoRemover() if removes_echo else None)
    is_asked = not speaks

    def listen(event: events.Event) -> None:
        nonlocal is_asked
        if isinstance(event, events.LevelMeasured):
            if not is_asked:
                is_asked = True
                loop.type_text("Talk.")
            if event.at_s > seconds - 0.3:
                loop.stop()

    loop = TalkLoop(Conversation(engines, talker), ends, TalkSettings())
    loop.follow(listen)
    replay(loop.run(), workers=engines.workers)
    engines.close()
    return microphone.spent_ms[WARM_UP_FRAMES:], ear.spent_ms[WARM_UP_FRAMES:]


def main() -> None:
    """Measures and prints the table; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    rows: list[list[str]] = []
    for title, removes_echo, speaks in (
        ("listening, headset", False, False),
        ("listening, echo canceller", True, False),
        ("speaking, headset", False, True),
        ("speaking, echo canceller", True, True),
    ):
        loop_ms, ear_ms = measure(options.seconds, removes_echo=removes_echo, speaks=speaks)
        share = 100.0 * (sum(loop_ms) + sum(ear_ms)) / (32.0 * len(loop_ms))
        rows.append([title, p50_p95(loop_ms, 2), p50_p95(ear_ms, 2), f"{share:.1f} %"])
        print(rows[-1], flush=True)
    text = table(["", "loop ms p50 / p95", "ear ms p50 / p95", "of one core"], rows)
    print(text)
    if options.write:
        command = f"python -m benchmarks.overhead --seconds {options.seconds:g}"
        write_section("Cost of a frame", command, text)


if __name__ == "__main__":
    main()
