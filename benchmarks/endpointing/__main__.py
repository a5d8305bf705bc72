"""When turns end: people answered too soon, and how long the others wait, with rivals.

    ATTUNE_DATA=… python -m benchmarks.endpointing [--model NAME] [--turn-model FILE.onnx] [--write]

Recordings of learners of English, with their own pauses and with longer ones (`pauses.py`
says how), up to 20 of each speaker in a row as if they were one conversation: who pauses long is
waited for longer from then on. Settings were chosen with one half of the speakers (`--tuning`).
Sound, pauses and detector are the same for every row:

- Silero alone ends a turn after a fixed silence, as huggingface/speech-to-speech does;
- Smart Turn alone ends it where its network says so after 200 ms of silence, else after 3 s, as
  pipecat does;
- Attune with a score of the words so far, of the sound, or of both (the last is how it comes).
  The words are the first ones of the reference text, in proportion to the speech so far (what an
  accurate recogniser would know), or what the model's own decoder writes down.

A turn is *disturbed* when the answer would begin in a pause of up to 1.5 s; it is *split* when the
answer is not taken back as the person goes on, because nothing takes answers back or because that
pause was too long for it. The delay is that of the last end found, counted from the last sound of
speech. `smart-turn-v3.2-cpu.onnx` lies in the wheel of `pipecat-ai`, which `--turn-model` takes.

    ATTUNE_DATA=… python -m benchmarks.endpointing --field [--readers N] …

gives the field's measures instead (`operating_points.py` says which), on the same learners
with their own pauses alone, and on readers of LibriSpeech. The speech model takes a
quarter of a second for each pause. `--strangers` adds how the silence of somebody's first turn
trades take-overs in pauses for latency: each recording is one.
"""

import argparse
import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from assistant.engines.protocols import Cancel, CompletenessScorer, Persona, Transcript
from assistant.engines.table import open_turn_judge
from assistant.errors import EngineUnavailable
from assistant.turns.endpointing import Endpointer
from assistant.turns.endpointing_settings import EndpointingSettings
from assistant.turns.judges import together
from assistant.turns.marks import Boundary, TurnMark
from assistant.turns.patience import Patience, PatienceSettings
from assistant.turns.settings import TalkSettings
from benchmarks.endpointing import operating_points as field
from benchmarks.endpointing.pauses import AnalysedRecording, readers, recordings
from benchmarks.results import p50_p95, table, write_section
from models.checkpoints.embedded import EMBEDDED

SMART_TURN = "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx"
SMART_TURN_SHA256 = "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f"
LEAD_MS = EndpointingSettings().lead_ms
WITHOUT = "none"
"""Of `--model`: the words are not judged."""
HEAD = [
    "end of turn by",
    "slow speakers disturbed",
    "slow speakers split",
    "others disturbed",
    "others split",
    "slow speakers' delay ms p50 / p95",
    "others' delay ms p50 / p95",
]


T = TypeVar("T")
ScorePause = Callable[[AnalysedRecording, TurnMark], float | None]
"""Judges a pause by what is known then."""


@dataclass(frozen=True, slots=True)
class JudgedWay:
    """A way to find the ends of turns."""

    title: str
    settings: TalkSettings
    score: ScorePause
    is_sooner: bool = True
    """Whether a stranger is answered sooner whose turn is complete beyond doubt."""


def ends(item: AnalysedRecording, way: JudgedWay, patience: Patience) -> list[TurnMark]:
    """Returns where turns end in a recording; `patience` follows its speaker."""
    known: list[float | None] = [None]
    endpointer = Endpointer(way.settings.endpointing, completeness=lambda: known[0])
    found: list[TurnMark] = []
    paused_at, has_paused = 0, False
    for probability, level_db in zip(item.probabilities, item.levels_db, strict=True):
        endpointer.patience = patience.factor
        endpointer.least_silence_ms = patience.least_silence_ms
        endpointer.least_beyond_doubt_ms = patience.least_known_ms if way.is_sooner else None
        for mark in endpointer.feed(probability, level_db=level_db):
            if mark.boundary is Boundary.PAUSED:
                paused_at = mark.speech_end_samples
                known[0] = way.score(item, mark)
            elif mark.boundary is Boundary.RESUMED:
                patience.paused((mark.speech_end_samples - paused_at) / 16)
                has_paused, known[0] = True, None
            elif mark.boundary is Boundary.CONFIRMED and found:
                pause_ms = (mark.start_samples - paused_at) / 16 + LEAD_MS
                if pause_ms <= way.settings.rejoin_ms:  # the answer came too soon
                    patience.paused(pause_ms)
                    has_paused = True
            elif mark.boundary is Boundary.ENDED:
                found.append(mark)
    if not has_paused:
        patience.went_straight()
    return found


def row(way: JudgedWay, spoken: list[AnalysedRecording]) -> list[str]:
    """Measures one way on all recordings."""
    disturbed, split, count = ({True: 0, False: 0} for _ in range(3))
    delays_ms: dict[bool, list[float]] = {True: [], False: []}
    patience = {item.speaker: Patience(way.settings.patience) for item in spoken}
    for item in spoken:
        is_slow = item.is_slow
        count[is_slow] += 1
        over = (int(item.voiced[-1]) + 1) * 512
        found = ends(item, way, patience[item.speaker])
        early = [mark for mark in found if mark.speech_end_samples < over - 1_600]
        disturbed[is_slow] += bool(early)
        split[is_slow] += any(_is_split(item, mark, way.settings.rejoin_ms) for mark in early)
        last = [mark for mark in found if mark not in early]
        delays_ms[is_slow] += [(last[-1].at_samples - over) / 16] if last else []
    return [
        way.title,
        *(
            f"{counted[is_slow]}/{count[is_slow]}"
            for is_slow in (True, False)
            for counted in (disturbed, split)
        ),
        p50_p95(delays_ms[True]),
        p50_p95(delays_ms[False]),
    ]


def _is_split(item: AnalysedRecording, mark: TurnMark, rejoin_ms: float) -> bool:
    after = item.voiced[item.voiced * 512 >= mark.speech_end_samples]
    return (int(after[0]) * 512 - mark.speech_end_samples) / 16 > rejoin_ms


def rivals(smart_turn: CompletenessScorer | None) -> list[JudgedWay]:
    """Returns how others find the ends of turns."""
    ways = [_fixed(f"Silero, {silence} ms of silence", silence) for silence in (352, 500, 800)]
    if smart_turn is not None:

        def judged(item: AnalysedRecording, mark: TurnMark) -> float:
            utterance = item.waveform[mark.start_samples : mark.at_samples]
            return float((smart_turn.score(utterance, Transcript("")) or 0.0) > 0.5)

        settings = _talk(shortest=224, longest=3_000)
        ways.append(JudgedWay("Smart Turn v3 alone, as in pipecat", settings, judged))
    return ways


def ours(model: str, smart_turn: CompletenessScorer | None) -> list[JudgedWay]:
    """Returns Attune's ways."""
    from assistant.engines.blsp_emo import BlspEmoModel

    speech_model: Any = BlspEmoModel(model)
    scorer, silence = speech_model.scorer(), np.zeros(512, dtype=np.float32)

    def of_reference(item: AnalysedRecording, mark: TurnMark) -> float | None:
        return scorer.score(silence, item.words_until(mark.speech_end_samples))

    @remembered
    def decoded(item: AnalysedRecording, mark: TurnMark) -> Transcript:
        utterance = item.waveform[mark.start_samples : mark.end_samples]
        for heard in speech_model.open(Persona()).hear(utterance, Cancel()):
            if isinstance(heard, Transcript):
                return heard
        return Transcript("")

    @remembered
    def of_decoder(item: AnalysedRecording, mark: TurnMark) -> float | None:
        return scorer.score(silence, decoded(item, mark))

    ear = _by_sound("Attune, turn ear alone", open_turn_judge())

    def of_both(item: AnalysedRecording, mark: TurnMark) -> float | None:
        words = decoded(item, mark)
        return together(ear.score(item, mark), of_decoder(item, mark), words)

    def of_both_reference(item: AnalysedRecording, mark: TurnMark) -> float | None:
        words = item.words_until(mark.speech_end_samples)
        return together(ear.score(item, mark), scorer.score(silence, words), words)

    name = Path(model).name
    ways = [
        JudgedWay("Attune, no score", TalkSettings(), lambda _item, _mark: None),
        JudgedWay(f"Attune, {name}'s score of the reference words", TalkSettings(), of_reference),
        JudgedWay(f"Attune, {name}'s score of its own words", TalkSettings(), of_decoder),
    ]
    ways += [
        ear,
        JudgedWay("Attune, turn ear and the reference words", TalkSettings(), of_both_reference),
        JudgedWay(f"Attune, turn ear and {name}'s own words", TalkSettings(), of_both),
    ]
    if smart_turn is not None:
        ways.append(_by_sound("Attune, Smart Turn v3", smart_turn))
    return ways


def _by_sound(title: str, judge: CompletenessScorer) -> JudgedWay:
    def score(item: AnalysedRecording, mark: TurnMark) -> float | None:
        utterance = item.waveform[mark.start_samples : mark.end_samples]
        return judge.score(utterance, Transcript(""))

    return JudgedWay(title, TalkSettings(), score)


def _fixed(title: str, silence_ms: int) -> JudgedWay:
    settings = _talk(shortest=silence_ms, longest=silence_ms)
    return JudgedWay(title, settings, lambda _item, _mark: None)


def _talk(*, shortest: int, longest: int) -> TalkSettings:
    """Returns settings of a rival: no patience, and answers are not taken back."""
    return TalkSettings(
        endpointing=EndpointingSettings(shortest_silence_ms=shortest, longest_silence_ms=longest),
        patience=PatienceSettings(sad=0.0, slow=0.0, longer=0.0, stranger_ms=0),
        rejoin_ms=0,
    )


def open_smart_turn(path: Path | None) -> CompletenessScorer | None:
    """Returns Smart Turn, of its file or of pipecat's wheel; says so where it is missing."""
    if path is None:
        print("Smart Turn is left out: give its file with --turn-model")
        return None
    try:
        if path.suffix != ".whl":
            return open_turn_judge(f"smart_turn:{path}")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "smart-turn.onnx"
            file.write_bytes(_of_wheel(path))
            return open_turn_judge(f"smart_turn:{file}")
    except EngineUnavailable as error:
        print(f"Smart Turn is left out: {error}")
        return None


def _of_wheel(path: Path) -> bytes:
    """The network out of pipecat's wheel; its Python is never run.

    Raises:
        SystemExit: It is another network than the one that figures are published of.
    """
    with zipfile.ZipFile(path) as wheel:
        content = wheel.read(SMART_TURN)
    if hashlib.sha256(content).hexdigest() != SMART_TURN_SHA256:
        raise SystemExit(
            f"{path} holds another network than Smart Turn v3.2: take pipecat-ai 1.14.0"
        )
    return content


def measured_as_the_field_does(
    title: str,
    items: list[AnalysedRecording],
    ways: list[JudgedWay],
    smart_turn: CompletenessScorer | None,
) -> str:
    """Returns the table of the ways' operating points on some recordings."""
    found = field.silences(items)
    scored: list[tuple[str, ScorePause]] = [("silence", lambda _item, _mark: None)]
    if smart_turn is not None:
        scored.append(("Smart Turn v3.2", _by_sound("", smart_turn).score))
    scored += [(way.title, way.score) for way in ways]
    rows: list[list[str]] = []
    for name, score in scored:
        scores = [score(silence.item, silence.mark) for silence in found]
        rows.append(field.row(name, field.curve(scores, found)))
        print(rows[-1], flush=True)
    ends = sum(silence.is_end for silence in found)
    speakers = len({item.speaker for item in items})
    counts = f"{ends} turns of {speakers} speakers, {len(found) - ends} pauses of 200 ms and more"
    return f"{title}: {counts}.\n\n{table(field.HEAD, rows)}"


def as_it_comes(way: JudgedWay, items: list[AnalysedRecording]) -> list[str]:
    """Returns the one point of Attune with its own silences and its patience for each speaker."""
    patience = {item.speaker: Patience(way.settings.patience) for item in items}
    pauses = len(field.silences(items)) - len(items)
    cut, split, delays_ms = 0, 0, list[float]()
    for item in items:
        over = (int(item.voiced[-1]) + 1) * 512
        for mark in ends(item, way, patience[item.speaker]):
            if mark.speech_end_samples < over - 1_600:
                cut += 1
                split += _is_split(item, mark, way.settings.rejoin_ms)
            else:
                delays_ms.append((mark.at_samples - over) / 16)
    return [
        way.title,
        f"{cut / max(1, pauses):.1%}",
        f"{split / max(1, pauses):.1%}",
        f"{np.mean(delays_ms):.0f}",
        p50_p95(delays_ms),
    ]


STRANGERS = ((832, False), (832, True), (704, True), (608, True), (512, True), (0, True))
"""Silence in ms for somebody's first turn at the earliest, and whether less is enough where it is
complete beyond doubt."""


def as_strangers(way: JudgedWay, items: Sequence[AnalysedRecording]) -> list[list[str]]:
    """Returns a row for each choice of `STRANGERS`: every recording is somebody's first turn."""
    score = remembered(way.score)
    rows: list[list[str]] = []
    for stranger_ms, is_sooner in STRANGERS:
        settings = way.settings.patience.model_copy(update={"stranger_ms": stranger_ms})
        asked = replace(way, score=score, is_sooner=is_sooner)
        early, cut, delays_ms = 0, 0, list[float]()
        for item in items:
            over = (int(item.voiced[-1]) + 1) * 512
            found = ends(item, asked, Patience(settings))
            amid = [mark for mark in found if mark.speech_end_samples < over - 1_600]
            early, cut = early + bool(amid), cut + len(amid)
            delays_ms += [(mark.at_samples - over) / 16 for mark in found if mark not in amid]
        pauses = len(field.silences(items)) - len(items)
        rows.append(
            [
                f"{stranger_ms}" + ("" if is_sooner else ", beyond doubt too"),
                f"{early / len(items):.3f}",
                f"{cut / max(1, pauses):.1%}",
                f"{np.mean(delays_ms):.0f}",
                p50_p95(delays_ms),
            ]
        )
    return rows


def remembered(
    score: Callable[[AnalysedRecording, TurnMark], T],
) -> Callable[[AnalysedRecording, TurnMark], T]:
    """Returns a way to judge that judges each pause once."""
    known: dict[tuple[int, int, int], T] = {}

    def asked(item: AnalysedRecording, mark: TurnMark) -> T:
        place = (id(item), mark.start_samples, mark.end_samples)
        if place not in known:
            known[place] = score(item, mark)
        return known[place]

    return asked


STRANGERS_HEAD = [
    "silence for strangers ms",
    "turns answered in a pause",
    "cut-offs, of pauses",
    "mean latency ms",
    "p50 / p95",
]


def measure_field(options: argparse.Namespace, smart_turn: CompletenessScorer | None) -> str:
    """Returns all tables in the field's measures."""
    data = Path(os.environ["ATTUNE_DATA"])
    learners = recordings(data, options.utterances, is_held_out=not options.tuning, own_pauses=True)
    ear = _by_sound("Attune's turn ear", open_turn_judge())
    asked = [] if options.model == WITHOUT else ours(options.model, None)
    ours_too = [way for way in asked if way.title.endswith("own words")]
    parts = [measured_as_the_field_does("Learners", learners, [ear, *ours_too], smart_turn)]
    points = [as_it_comes(way, learners) for way in (ear, *ours_too[-1:])]
    head = ["as it comes, learners", "cut-offs", "not taken back", "mean latency ms", "p50 / p95"]
    parts.append(table(head, points))
    if options.strangers:
        for way in (ear, *ours_too[-1:]):
            told = f"Each recording as the first turn of a stranger, {way.title}:"
            parts += [told, table(STRANGERS_HEAD, as_strangers(way, learners))]
    if options.readers:
        read = readers(data, options.readers)
        ways = [ear, *ours_too]
        parts.append(measured_as_the_field_does("Readers, cut at pauses", read, ways, smart_turn))
    published = table(field.HEAD[:4], field.PUBLISHED)
    return "\n\n".join([*parts, "Published, of eot-bench's own recordings:", published])


def main() -> None:
    """Measures and prints the table; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=EMBEDDED, help=f"{WITHOUT}: words are not judged")
    parser.add_argument("--utterances", type=int, default=1_000)
    parser.add_argument("--tuning", action="store_true", help="the half to choose settings with")
    parser.add_argument("--turn-model", type=Path, help="smart-turn-v3 ONNX file")
    parser.add_argument("--field", action="store_true", help="the field's measures instead")
    parser.add_argument(
        "--readers", type=int, default=100, help="utterances of LibriSpeech, --field"
    )
    parser.add_argument("--strangers", action="store_true", help="first turns too, --field")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    data = Path(os.environ["ATTUNE_DATA"])
    smart_turn = open_smart_turn(options.turn_model)
    if options.field:
        text = measure_field(options, smart_turn)
        print(text)
        if options.write:
            command = f"python -m benchmarks.endpointing --field {_command(options)}"
            write_section("End of turn in the field's measures", command, text)
        return
    spoken = recordings(data, options.utterances, is_held_out=not options.tuning)
    rows: list[list[str]] = []
    named = [] if options.model == WITHOUT else ours(options.model, smart_turn)
    for way in [*rivals(smart_turn), *named]:
        rows.append(row(way, spoken))
        print(rows[-1], flush=True)
    stretched = sum(item.is_stretched for item in spoken)
    text = f"{len(spoken)} utterances; in {stretched} a pause was made longer.\n\n"
    text += table(HEAD, rows)
    print(text)
    if options.write:
        write_section("End of turn", f"python -m benchmarks.endpointing {_command(options)}", text)


def _command(options: argparse.Namespace) -> str:
    named = f"--utterances {options.utterances} --model {Path(options.model).name}"
    if options.field:
        named += f" --readers {options.readers}" + " --strangers" * options.strangers
    return named + (f" --turn-model {options.turn_model.name}" if options.turn_model else "")


if __name__ == "__main__":
    main()
