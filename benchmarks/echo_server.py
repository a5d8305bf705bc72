"""Echo on a real sound server: self-interruptions, and words of people who speak into answers.

    python -m benchmarks.echo_server [--minutes 10] [--sentences 12] [--only NAME] [--write]

The talk is that of `talk`, real time, through PortAudio and PulseAudio with two null sinks. Answers
are twenty seconds long; what is said in them is not a model's (`benchmarks/rooms/long_answers.py`):
ears, voice and loop are the product's. *Nobody interrupts*: answers follow each other, the
loudspeaker is led back into the microphone 30 and 50 ms late. *A person*: a sentence of flite is
said some seconds into an answer, the first one included; it is kept where an interruption follows
and at least half of its words are understood. Word errors are counted against what was said;
`--echo headset` without echo and with the same sentences is the floor that model and detector set.
Overloaded machines lose sound (*slips*): measure on a quiet one.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from assistant import events
from assistant.assembly import open_engines
from assistant.audio.echo import EchoMode
from assistant.audio.waveform import Waveform
from assistant.conversation.engines import Engines
from assistant.conversation.live.loop import TalkLoop
from assistant.history import History
from assistant.settings import TalkCommandSettings
from assistant.turns.settings import TurnJudgeSettings
from benchmarks.cases.speech import say, trimmed
from benchmarks.results import table, write_section
from benchmarks.rooms.long_answers import NAME, long_answers
from benchmarks.rooms.sound_server import TalkUnderWay, sound_loop, talking

SAID = (
    "I failed my driving test.",
    "I lost my job yesterday.",
    "My sister is ill.",
    "We won the match today.",
    "My cat died this morning.",
    "I am so tired of this work.",
)
ASKED = ("Tell me about yourself.", "How are you today?", "I feel sad.", "What can you do?")
Speak = Callable[[Waveform], Awaitable[None]]
VOICES = ("rms", "slt")
OVER = (events.ReplyFinished, events.Interrupted, events.TurnFailed)
ANSWERS_PER_TALK = 3


@dataclass
class Kept:
    """What became of the sentences that people said into answers."""

    said: int = 0
    caught: int = 0
    kept: int = 0
    words: int = 0
    errors: int = 0
    slips: int = 0

    def row(self, name: str) -> list[str]:
        """Returns a row of the table."""
        share = 100.0 * self.errors / max(1, self.words)
        caught, kept = f"{self.caught}/{self.said}", f"{self.kept}/{self.said}"
        return [name, caught, kept, f"{share:.0f} %", str(self.slips)]


def word_errors(said: str, heard: str) -> int:
    """Returns insertions, deletions and substitutions from `said` to `heard`."""
    wanted, got = (text.lower().replace(".", "").split() for text in (said, heard))
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


async def alone(engines: Engines, seconds: float) -> tuple[int, int, TalkUnderWay]:
    """Lets the assistant answer without end; returns answers, those cut off, and what happened."""
    async with talking(engines) as (loop, overheard):
        await asyncio.sleep(1.0)
        began, asked = loop.clock_s, 0
        while loop.clock_s - began < seconds:
            count = len(overheard.happened)
            loop.type_text(ASKED[asked % len(ASKED)])
            asked += 1
            # Answers to its own words are waited for, too: what is typed would interrupt them.
            await overheard.until(partial(_is_answered, overheard, count), 60.0)
            await asyncio.sleep(1.0)
        happened = list(overheard.happened)
    turns = History(happened).turns
    cut = sum(isinstance(e, events.Interrupted | events.UtteranceJoined) for e in happened)
    return len(turns), cut, overheard


def _is_answered(overheard: TalkUnderWay, count: int) -> bool:
    """Whether what was typed when there were `count` events, and all else, is answered."""
    asked = overheard.since(0, events.UtteranceEnded)
    over = overheard.since(0, *OVER, events.UtteranceJoined)
    return overheard.since(count, events.UtteranceEnded) > 0 and over >= asked


async def spoken_to(engines: Engines, echo: EchoMode, sentences: int, speak: Speak) -> Kept:
    """Says sentences into answers, a few a talk; returns what became of them."""
    kept = Kept()
    for first in range(0, sentences, ANSWERS_PER_TALK):
        async with talking(engines, echo) as (loop, overheard):
            await asyncio.sleep(1.0)
            for number in range(first, min(sentences, first + ANSWERS_PER_TALK)):
                await _say_into(loop, overheard, number, kept, speak)
        kept.slips += overheard.slips
    return kept


async def _say_into(
    loop: TalkLoop, overheard: TalkUnderWay, number: int, kept: Kept, speak: Speak
) -> None:
    text = SAID[number % len(SAID)]
    count = len(overheard.happened)
    loop.type_text(ASKED[number % len(ASKED)])
    await overheard.until(lambda: overheard.since(count, events.ReplyStarted) > 0, 20.0)
    await asyncio.sleep(0.5 + 0.4 * (number % 4))
    count = len(overheard.happened)
    await speak(trimmed(say(text, VOICES[number % len(VOICES)])))
    await overheard.until(lambda: bool(overheard.words_since(count)), 12.0)
    heard = " ".join(overheard.words_since(count))
    await overheard.until(lambda: overheard.since(count, events.ReplyFinished) > 0, 40.0)
    errors = word_errors(text, heard)
    kept.said += 1
    kept.caught += overheard.since(count, events.Interrupted) > 0
    kept.kept += errors <= len(text.split()) / 2
    kept.words += len(text.split())
    kept.errors += errors
    print(f"    {text!r}: {heard!r}", flush=True)


def measure(minutes: float, sentences: int, only: str = "") -> str:
    """Returns both tables, of the situations whose names begin with `only`."""
    with long_answers() as url:
        settings = TalkCommandSettings.model_validate({"llm": {"server": url, "name": NAME}})
        engines = open_engines(settings, judging=TurnJudgeSettings())
        return _measured(engines, minutes, sentences, only)


def _measured(engines: Engines, minutes: float, sentences: int, only: str) -> str:
    alone_rows: list[list[str]] = []
    kept_rows: list[list[str]] = []
    situations: tuple[tuple[str, EchoMode, float | None], ...] = (
        ("no echo, --echo headset", "headset", None),
        ("no echo, --echo cancel", "cancel", None),
        ("echo at -20 dB", "cancel", -20.0),
        ("echo at -10 dB", "cancel", -10.0),
    )
    for name, echo, echo_db in situations:
        if not name.startswith(only):
            continue
        with sound_loop() as server:
            if echo_db is not None:
                delay_ms = 30 if echo_db < -15.0 else 50
                server.lead_back(echo_db, delay_ms=delay_ms)
                answers, cut, heard = asyncio.run(alone(engines, 60.0 * minutes))
                alone_rows.append([name, f"{minutes:g}", str(answers), str(cut), str(heard.slips)])
                print(alone_rows[-1], flush=True)
            kept = asyncio.run(spoken_to(engines, echo, sentences, server.say))
            kept_rows.append(kept.row(name))
            print(kept_rows[-1], flush=True)
    alone_head = ["nobody interrupts", "minutes", "answers", "cut off", "slips"]
    kept_head = ["a person interrupts", "caught", "kept", "word errors", "slips"]
    return f"{table(alone_head, alone_rows)}\n\n{table(kept_head, kept_rows)}"


def main() -> None:
    """Measures and prints; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="alone, for each echo")
    parser.add_argument("--sentences", type=int, default=12, help="said in each situation")
    parser.add_argument(
        "--only", default="", help="situations whose names begin so; all if omitted"
    )
    parser.add_argument(
        "--write", action="store_true", help="into RESULTS.md, if all were measured"
    )
    options = parser.parse_args()
    text = measure(options.minutes, options.sentences, options.only)
    print(text)
    if options.write and not options.only:
        command = "python -m benchmarks.echo_server"
        command = f"{command} --minutes {options.minutes:g} --sentences {options.sentences}"
        write_section("Echo on a sound server", command, text)


if __name__ == "__main__":
    main()
