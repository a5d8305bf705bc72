"""A conversation with each input: `input.wav` is spoken to Attune, `output.wav` is what it played.

Both have one clock and one length. `output.json` holds what was heard of the answers, word by word;
the words lie in the pieces of speech in the output in proportion to their lengths, so that where
speech begins and ends is measured, and where a word lies within it is not.

Every sample is a conversation with a stranger. The clock jumps over waits and counts the work of
model and voice: by the time on the wall where the machine is quiet, else by the *processor time*
that it takes, of all threads together, which is more than anybody waits where there are several.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
import soundfile as sf

from assistant import events
from assistant.audio.echo import EchoRemover
from assistant.audio.file_devices import FileMicrophone, FileSpeaker
from assistant.audio.protocols import Ends
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.clock import ReplayLoop
from assistant.conversation.engines import Engines
from assistant.session import open_talk
from assistant.turns.settings import TalkSettings
from assistant.worker import Worker
from benchmarks.full_duplex.layout import Sample
from benchmarks.full_duplex.measures import Span, Word, speech_of
from benchmarks.rooms.room import LEVEL_DB, Room, RoomMicrophone, read

IDLE_S, IDLE_SHARE = 5.0, 0.002
"""Wait on the wall after which a worker counts as idle, and the share of it that is no work."""
ECHO_DELAY_MS = 80.0
"""Of a laptop, as for rivals (`benchmarks/rivals/line.py`)."""
BEFORE_END_S = 0.2
"""The talk is ended so long before the input is: what follows could not be heard any more."""


class ProcessorClock(ReplayLoop):
    """Counts work by the processor time of all threads instead of the time on the wall."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        """Starts at time 0."""
        self._began_cpu_s = time.process_time()
        self._seen = (self._began_cpu_s, time.perf_counter())
        """Processor time and time on the wall when work was last seen."""
        super().__init__(workers, counts_work=True)

    def time(self) -> float:
        """Seconds since the start: the waits jumped over, and the work."""
        return self._jumped_s + time.process_time() - self._began_cpu_s

    def patience_s(self, timeout: float | None) -> float | None:
        """Returns how long to wait really; see `ReplayLoop`.

        An engine that works in a process of its own uses none of this one's time: after a while
        in which nothing was done here the clock goes on without it.
        """
        used_s, now_s = time.process_time(), time.perf_counter()
        if used_s - self._seen[0] > IDLE_S * IDLE_SHARE:
            self._seen = (used_s, now_s)
        if timeout is not None and now_s - self._seen[1] > IDLE_S:
            self._jumped_s += timeout
            return 0.0
        return super().patience_s(timeout)


class Work(StrEnum):
    """How the work of model and voice counts on a talk's clock."""

    WALL = "wall"
    PROCESSOR = "processor"
    NOTHING = "nothing"

    def clock(self, workers: Sequence[Worker]) -> ReplayLoop:
        """Returns a loop whose clock counts the work of `workers` so."""
        if self is Work.PROCESSOR:
            return ProcessorClock(workers)
        return ReplayLoop(workers, counts_work=self is Work.WALL)


@dataclass
class Played:
    """What became of one input."""

    output: Waveform
    rate: int = SPEECH_RATE_HZ
    """Hz of the output."""
    heard: list[str] = field(default_factory=list[str])
    """Of each answer, what was heard."""
    interrupted: int = 0
    went_on: int = 0
    """How often an answer fell silent and went on."""
    timed: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    """Of each answered turn, its moments in ms since the last sound of speech (`time_marks`)."""


def ends_of(
    said: Waveform, sink: Callable[[Waveform], None], rate: int, echo_db: float | None
) -> Ends:
    """Returns a microphone that hears `said` and a loudspeaker that plays into `sink`.

    With `echo_db` the microphone hears the loudspeaker too, so much softer than it plays, and the
    echo is removed as on a machine without a headset; `rate` is 16 kHz then.
    """
    if echo_db is None:
        return Ends(FileMicrophone([said]), FileSpeaker(sink, sample_rate=rate))
    # A room without walls whose echo is relative to what is played, not to a person.
    room = Room(
        np.ones(1, np.float32), drive=1.0, delay_ms=ECHO_DELAY_MS, echo_db=echo_db - LEVEL_DB - 20.0
    )

    def play_both(samples: Waveform) -> None:
        sink(samples)
        room.play(samples)

    microphone = RoomMicrophone(said, room)
    microphone.speaker = FileSpeaker(play_both, sample_rate=rate)
    return Ends(microphone, microphone.speaker, EchoRemover())


def play(
    engines: Engines,
    talk: TalkSettings,
    said: Waveform,
    *,
    work: Work = Work.PROCESSOR,
    echo_db: float | None = None,
) -> Played:
    """Returns what the assistant plays while `said` (16 kHz) is spoken to it.

    Args:
        engines: Of which all but the detector keep no state of a talk.
        talk: How turns are taken.
        said: (N,).
        work: How it counts.
        echo_db: How loud what it plays comes back; None: not at all.
    """
    import asyncio

    rate = engines.voice.sample_rate if echo_db is None else SPEECH_RATE_HZ
    sound: list[Waveform] = []
    loop_ = open_talk(engines, ends_of(said, sound.append, rate, echo_db), talk)
    played = Played(np.zeros(0, np.float32), rate)
    length_s = len(said) / SPEECH_RATE_HZ

    def follow(event: events.Event) -> None:
        match event:
            case events.ReplyFinished(heard=heard) | events.UtteranceJoined(heard=heard):
                played.heard.append(heard)
            case events.Interrupted(heard=heard, at_s=at_s):
                played.heard.append(heard)
                # At the end of the input nobody interrupts: the talk is over.
                played.interrupted += at_s < length_s - BEFORE_END_S
            case events.TurnTimed(marks_ms=marks_ms):
                played.timed.append(marks_ms)
            case events.Yielded(yielded=False):
                played.went_on += 1
            case events.LevelMeasured(at_s=at_s) if at_s >= length_s - BEFORE_END_S:
                loop_.stop()
            case _:
                pass

    loop_.follow(follow)

    with asyncio.Runner(loop_factory=lambda: work.clock(engines.workers)) as runner:
        runner.run(loop_.run())
    whole = np.concatenate([*sound, np.zeros(round(length_s * rate), np.float32)])
    played.output = whole[: round(length_s * rate)]
    return played


def answer(
    sample: Sample,
    engines: Engines,
    talk: TalkSettings,
    *,
    work: Work = Work.PROCESSOR,
    echo_db: float | None = None,
) -> None:
    """Writes `output.wav`, `output.json` and `talk.json` beside an input; see `play`."""
    said = read(sample.input)
    played = play(engines, talk, said, work=work, echo_db=echo_db)
    sf.write(sample.output, played.output, played.rate, subtype="PCM_16")
    write_words(sample, " ".join(played.heard).split())
    facts = {
        "interrupted": played.interrupted,
        "went_on": played.went_on,
        "heard": played.heard,
        "timed": played.timed,
    }
    _write(sample.folder / "talk.json", facts)


def write_words(sample: Sample, texts: Sequence[str] = ()) -> None:
    """Writes `output.json` of what is heard in `output.wav`.

    Args:
        sample: One with an output.
        texts: The words; where they are not known, each piece of speech is one.
    """
    said = spread(texts, speech_of(read(sample.output)))
    chunks = [{"text": word.text, "timestamp": [word.start_s, word.end_s]} for word in said]
    content = {"text": " ".join(word.text for word in said), "chunks": chunks}
    _write(sample.folder / "output.json", content)


def spread(texts: Sequence[str], pieces: Sequence[Span]) -> list[Word]:
    """Returns words with times: each as long as the others, in the pieces of speech one by one.

    Where more was heard than the log says, as at an answer that the end of the input cut, there
    are words without text: what is heard counts.
    """
    texts = list(texts) or ["…"] * len(pieces)
    total = sum(end - start for start, end in pieces)
    found: list[Word] = []
    for place, (start, end) in enumerate(pieces):
        share = (end - start) / total
        left = len(texts) - len(found)
        last = place == len(pieces) - 1
        count = left if last else min(left, max(1, round(share * len(texts))))
        step = (end - start) / max(1, count)
        for number in range(count):
            begins = start + number * step
            found.append(Word(texts[len(found)], round(begins, 3), round(begins + step, 3)))
    return found


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
