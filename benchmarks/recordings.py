"""`reply` on real recordings of different speakers and emotions, and what its answers sound like.

    python -m benchmarks.recordings [--model NAME] [--voice flite] [--dry-run]

Reads the folder that ATTUNE_DATA names. Each spoken answer is transcribed by PocketSphinx and
compared with the reply's text.
"""

import argparse
import os
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pocketsphinx
import soundfile

from assistant.assembly import open_engines
from assistant.files.inputs import ReplyInputs
from assistant.files.plan import planned
from assistant.files.reply import Manner, ReplyRun
from assistant.records.transcript import ConversationRecord, TurnRecord
from assistant.settings import EngineSettings, ReplySettings
from benchmarks.results import p50_p95, table, write_section
from benchmarks.voices import errors, recognise, words
from models.checkpoints.embedded import EMBEDDED

RAVDESS = {"01": "neutral", "03": "happy", "05": "angry", "04": "sad", "08": "surprise"}
SPEAKERS = ("17", "18", "19", "20")
OTHERS = (
    "asr/jfk.flac",
    "asr/librispeech/19/198/*.opus",
    "asr/librispeech/26/*/*.opus",
    "asr/speechocean762/SPEAKER00*/*.opus",
    "asr/ljspeech32/*.flac",
    "emotion/tess/OAF_Sad/*.opus",
    "emotion/tess/YAF_angry/*.opus",
    "emotion/tess/OAF_happy/*.opus",
)


@dataclass
class Notes:
    """A report that keeps the turns and the problems."""

    turns: list[TurnRecord] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def opened(self, record: ConversationRecord) -> None:
        """Nothing to note."""

    def progress(self, done_s: float, total_s: float | None) -> None:
        """Nothing to note."""

    def answered(self, record: TurnRecord) -> None:
        """Keeps a turn."""
        self.turns.append(record)

    def problem(self, message: str) -> None:
        """Keeps a problem."""
        self.problems.append(message)

    def written(self, paths: list[Path]) -> None:
        """Nothing to note."""


def recordings(data: Path) -> dict[Path, str]:
    """Returns recordings and the emotion that was acted, empty where none was."""
    chosen: dict[Path, str] = {}
    for index, (code, emotion) in enumerate(RAVDESS.items()):
        for offset in range(3):
            actor = SPEAKERS[(index + offset) % len(SPEAKERS)]
            statement = 1 + offset % 2
            name = f"03-01-{code}-01-0{statement}-01-{actor}.flac"
            chosen[data / "emotion" / "ravdess" / f"Actor_{actor}" / name] = emotion
    for pattern in OTHERS:
        found = sorted(data.glob(pattern))
        for path in found[:: max(1, len(found) // 2)][:2]:
            chosen[path] = next((e for e in RAVDESS.values() if e in str(path).lower()), "")
    return chosen


def word_errors(turns: list[TurnRecord], answers: Path) -> dict[str, tuple[int, int]]:
    """Returns errors and words of what PocketSphinx hears, for each style."""
    samples, rate = soundfile.read(answers, dtype="float32")
    decoder = pocketsphinx.Decoder(samprate=float(rate), loglevel="FATAL")
    counts: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for turn in turns:
        span = samples[round(turn.answer_start_s * rate) : round(turn.answer_end_s * rate)]
        expected = words(turn.reply)
        missed, total = counts[turn.style.emotion]
        missed += errors(expected, recognise(decoder, np.asarray(span, dtype=np.float32)))
        counts[turn.style.emotion] = (missed, total + len(expected))
    return counts


def described(turn: TurnRecord, emotion: str) -> list[object]:
    assert turn.emotion is not None
    heard = f"{turn.emotion.label} {100 * turn.emotion.confidence:.0f} %"
    said = turn.words.replace("|", "/") or "–"
    return [turn.source, emotion or "–", heard, said, turn.reply.replace("|", "/")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--voice", default="flite")
    parser.add_argument("--dry-run", action="store_true", help="print, but leave RESULTS.md alone")
    options = parser.parse_args()
    data = Path(os.environ.get("ATTUNE_DATA", ""))
    if not (data / "emotion").is_dir():
        sys.exit("set ATTUNE_DATA to the folder of recordings")
    chosen = recordings(data)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "answers.wav"
        settings = ReplySettings(model=options.model, voice=options.voice)
        notes = Notes()
        engines = open_engines(settings.part(EngineSettings))
        manner = Manner(settings.endpointing, settings.persona, settings.effective())
        ReplyRun(planned(ReplyInputs(tuple(chosen)), out), manner, notes).run(engines)
        spoken = word_errors(notes.turns, out)
        engines.close()
    emotions = {path.name: emotion for path, emotion in chosen.items()}
    rows = [described(turn, emotions[turn.source]) for turn in notes.turns]
    answered = {turn.source for turn in notes.turns}
    styles = [[style, total, f"{100 * e / total:.0f} %"] for style, (e, total) in spoken.items()]
    firsts = [turn.latency_ms["first_audio"] for turn in notes.turns]
    body = "\n\n".join(
        [
            f"`reply` with `{options.model}`: {len(answered)} of {len(chosen)} recordings answered "
            f"in {len(notes.turns)} turns, {len(notes.problems)} problems"
            + "".join(f"; {problem}" for problem in notes.problems)
            + f". First audio after {p50_p95(firsts)} ms (p50 / p95).",
            table(["style of the answer", "words", "PocketSphinx word errors"], styles),
            table(["recording", "acted", "heard", "words understood", "reply"], rows),
        ]
    )
    if options.dry_run:
        print(body)
        return
    write_section("Real recordings", "python -m benchmarks.recordings", body)


if __name__ == "__main__":
    main()
