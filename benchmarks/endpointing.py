"""When turns end: people answered too soon, and how long the others wait.

    ATTUNE_DATA=… python -m benchmarks.endpointing [--model nano] [--utterances 200] [--write]

Recordings of learners of English with their own pauses (speechocean762, test speakers). The words
so far are the first words of the reference text, in proportion to time: what an accurate
recogniser would know. A turn is *disturbed* when the answer would begin in a pause of up to 1.5 s;
it is *split* when that pause is longer than the loop takes an answer back for.
"""

import argparse
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assistant.audio import SPEECH_RATE_HZ, Framer
from assistant.endpointing import Boundary, Endpointer, TurnMark
from assistant.engines.protocols import CompletenessScorer, Transcript
from assistant.engines.silero import Silero
from assistant.loop import TalkSettings
from assistant.patience import Patience
from benchmarks.results import p50_p95, table, write_section
from benchmarks.rooms import read

SILENCE_S = 3.0
LONGEST_PAUSE_MS = 1_500.0
SLOW_PAUSE_MS = 500.0
"""A speaker who pauses this long within a sentence counts as slow."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One recording."""

    probabilities: list[float]
    text: str

    @property
    def voiced(self) -> np.ndarray:
        """Indices of the frames with speech."""
        return np.flatnonzero(np.array(self.probabilities) >= 0.5)

    @property
    def longest_pause_ms(self) -> float:
        """Longest silence between two frames with speech."""
        return 32.0 * float(np.diff(self.voiced).max(initial=0))


def recordings(data: Path, count: int) -> list[Spoken]:
    """Returns utterances of the test speakers with their speech probabilities."""
    folder = data / "asr" / "speechocean762"
    texts = dict(
        line.split(maxsplit=1)
        for line in (folder / "test" / "text").read_text(encoding="utf-8").splitlines()
    )
    files = {path.stem: path for path in folder.rglob("*.opus")}
    names = sorted(set(texts) & set(files))
    random.Random(2).shuffle(names)
    spoken: list[Spoken] = []
    noise = np.random.default_rng(0)
    for name in names[:count]:
        wave = np.concatenate(
            [read(files[name]), np.zeros(round(SILENCE_S * SPEECH_RATE_HZ), np.float32)]
        )
        wave = (wave + 3e-4 * noise.standard_normal(len(wave))).astype(np.float32)
        detector = Silero()
        frames = Framer(512).push(wave)
        text = texts[name].capitalize()
        spoken.append(Spoken([detector.probability(frame.samples) for frame in frames], text))
    return [item for item in spoken if len(item.voiced) > 6]


def ends(
    item: Spoken, settings: TalkSettings, score: Callable[[str], float | None]
) -> list[TurnMark]:
    """Returns where the endpointer ends turns in a recording."""
    known: list[float | None] = [None]
    endpointer = Endpointer(settings.endpointing, completeness=lambda: known[0])
    patience = Patience(settings.patience)
    first, last = int(item.voiced[0]), int(item.voiced[-1]) + 1
    words = item.text.split()
    found: list[TurnMark] = []
    paused_at = 0
    for index, probability in enumerate(item.probabilities):
        endpointer.patience = patience.factor
        for mark in endpointer.feed(probability):
            if mark.boundary is Boundary.PAUSED:
                paused_at = mark.speech_end_samples
                share = (paused_at / 512 - first) / max(1, last - first)
                known[0] = score(" ".join(words[: max(1, round(share * len(words)))]))
            elif mark.boundary is Boundary.RESUMED:
                patience.paused((mark.speech_end_samples - paused_at) / 16)
                known[0] = None
            elif mark.boundary is Boundary.ENDED:
                found.append(mark)
        assert endpointer.clock_samples == (index + 1) * 512
    return found


def row(
    title: str,
    spoken: list[Spoken],
    settings: TalkSettings,
    score: Callable[[str], float | None],
) -> list[str]:
    """Measures all recordings with one judge of completeness."""
    disturbed = {True: 0, False: 0}
    split = {True: 0, False: 0}
    count = {True: 0, False: 0}
    delays_ms: list[float] = []
    for item in spoken:
        if item.longest_pause_ms > LONGEST_PAUSE_MS:
            continue
        is_slow = item.longest_pause_ms >= SLOW_PAUSE_MS
        count[is_slow] += 1
        over = (int(item.voiced[-1]) + 1) * 512
        found = ends(item, settings, score)
        early = [mark for mark in found if mark.speech_end_samples < over - 1_600]
        disturbed[is_slow] += bool(early)
        for mark in early:
            after = item.voiced[item.voiced * 512 >= mark.speech_end_samples]
            pause_ms = (int(after[0]) * 512 - mark.speech_end_samples) / 16
            if pause_ms > settings.rejoin_ms:
                split[is_slow] += 1
                break
        last = [mark for mark in found if mark not in early]
        delays_ms += [(last[-1].at_samples - over) / 16] if last else []
    return [
        title,
        f"{disturbed[True]}/{count[True]}",
        f"{split[True]}/{count[True]}",
        f"{disturbed[False]}/{count[False]}",
        p50_p95(delays_ms),
    ]


def main() -> None:
    """Measures and prints the table; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--utterances", type=int, default=200)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    spoken = recordings(Path(os.environ["ATTUNE_DATA"]), options.utterances)
    settings = TalkSettings()
    scorer = open_scorer(options.model)
    silence = np.zeros(512, dtype=np.float32)
    rows = [
        row("silence alone", spoken, settings, lambda _words: None),
        row(
            "with the LLM's judgement of the words",
            spoken,
            settings,
            lambda words: scorer.score(silence, Transcript(words)),
        ),
    ]
    head = [
        "end of turn by",
        "slow speakers disturbed",
        "slow speakers split",
        "others disturbed",
        "delay ms p50 / p95",
    ]
    text = table(head, rows)
    print(text)
    if options.write:
        command = f"python -m benchmarks.endpointing --utterances {options.utterances} --model "
        write_section("End of turn", command + Path(options.model).name, text)


def open_scorer(model: str) -> CompletenessScorer:
    """Returns the judge that `model` offers."""
    from assistant.engines.blsp_emo import BlspEmoModel

    return BlspEmoModel(model).scorer()


if __name__ == "__main__":
    main()
