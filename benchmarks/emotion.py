"""What voices are taken for: acted ones as recorded and as they come by a microphone, and readers.

    python -m benchmarks.emotion [--models mini] [--most 400] [--write]

RAVDESS actors 17–20, whom no recipe trains on; TESS, of which no recipe hears anything; and people
who read and do not act: LibriSpeech's readers 19 and 26, and the test speakers of speechocean762.
All lie below `ATTUNE_DATA`. `as a turn` is what detector and endpointer cut out of a recording, the
longest where there are several; one without any is left out and counted. The accuracy is the
unweighted one, over five emotions; fearful and disgust are left out, calm counts as neutral.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch

from assistant.audio.waveform import Waveform
from benchmarks.cut_turns import cut_turns
from benchmarks.results import table, write_section
from models.checkpoints.embedded import EMBEDDED
from models.config import CalibrationConfig
from models.emotion.heads import is_told
from models.emotions import EMOTION_LABELS, Emotion, emotion_from_label
from models.listening.listener import Listener
from train.corpora.files import CorpusFiles
from train.corpora.table import reader_of
from train.data.audio_files import read_audio
from train.data.manifest import Drops, Utterance
from train.evaluation.answers import Prediction, felt
from train.evaluation.arriving import as_it_arrives
from train.evaluation.command import called_figures, emotion_figures
from train.evaluation.settings import ArrivalSettings
from train.metrics import Figure, share

UNHEARD_ACTORS = ("ravdess-17", "ravdess-18", "ravdess-19", "ravdess-20")
WAYS = {
    "as recorded": ArrivalSettings(),
    "20 dB softer": ArrivalSettings(gain_db=-20.0),
    "offset .02": ArrivalSettings(offset=0.02),
    "pink noise, 10 dB": ArrivalSettings(noise_db=10.0),
    "telephone": ArrivalSettings(telephone=True),
}
TURN = "as a turn"
ACTED = {
    "RAVDESS 17–20": ("emotion", "ravdess"),
    "TESS": ("emotion", "tess"),
}
READ = {
    "LibriSpeech 19, 26": ("asr", "librispeech"),
    "speechocean762 test": ("asr", "speechocean762"),
}

Arrive = Callable[[Waveform, str], Waveform | None]
"""A recording and its name → what the model is given; None where nothing comes."""


NOT_ACTED = ("acted on though not neutral, %", "told to the LLM, %")


def said(place: tuple[str, str], most: int) -> list[Utterance]:
    """Returns the test recordings of a corpus below `ATTUNE_DATA`, spread evenly over it.

    Raises:
        ValueError: It is not there.
    """
    folder, corpus = place
    files = CorpusFiles(Path(os.environ["ATTUNE_DATA"]) / folder / corpus)
    found: list[Utterance] = list(reader_of(corpus)(files, Drops()))
    if corpus == "ravdess":
        found = [one for one in found if one.speaker in UNHEARD_ACTORS]
    if folder == "emotion":
        found = [one for one in found if one.emotion]
    found = [one for one in found if one.split == "test"] or found
    chosen = np.linspace(0, len(found) - 1, min(most, len(found))).astype(int)
    return [found[place] for place in chosen]


def arriving(settings: ArrivalSettings) -> Arrive:
    """Returns what changes recordings as `python -m train evaluate` does."""
    return lambda waveform, name: as_it_arrives(waveform, settings, name)


def longest_turn(waveform: Waveform, name: str) -> Waveform | None:
    """Returns the longest turn of a recording."""
    del name
    return max(cut_turns(waveform), key=len, default=None)


def heard(ears: Listener, utterances: Sequence[Utterance], arrive: Arrive) -> Iterator[Prediction]:
    """Yields what is made of the recordings that come to something."""
    for one in utterances:
        waveform = arrive(read_audio(one.audio), one.id)
        if waveform is not None:
            emotion = int(emotion_from_label(one.emotion)) if one.emotion else -1
            yield felt(one.id, emotion, ears.hear_emotion(waveform))


def per_cent(figure: Figure) -> str:
    """Returns a share with its interval."""
    return f"{100 * figure.value:.1f} [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"


def acted_row(name: str, way: str, answers: Sequence[Prediction]) -> list[str]:
    """Returns the row of acted voices that come in one way."""
    figures = emotion_figures(answers)
    error, perfect = (
        figures[f"emotion: calibration error{end}"] for end in ("", " of a perfect model")
    )
    return [
        name,
        way,
        per_cent(figures["emotion: unweighted accuracy"]),
        f"{error.value:.3f}",
        f"{perfect.value:.3f} [{perfect.low:.3f}, {perfect.high:.3f}]",
        per_cent(figures["emotion: acted on"]),
        str(len(answers)),
    ]


def read_row(
    name: str, way: str, answers: Sequence[Prediction], calibration: CalibrationConfig
) -> list[str]:
    """Returns the row of voices of people who do not act."""
    figures = called_figures(answers)
    called = [f"{100 * figures[f'emotion: called {label}'].value:.0f}" for label in EMOTION_LABELS]
    moved = figures["emotion: acted on, and not neutral"]
    told = share([is_told(answer.probabilities, calibration) for answer in answers])
    return [name, way, *called, per_cent(moved), per_cent(told), str(len(answers))]


def measure(source: str, most: int, kept: list[dict[str, object]]) -> str:
    """Returns the tables of one model; `kept` gets every single answer."""
    ears = Listener.from_pretrained(source, device="cpu")
    ways = {name: arriving(settings) for name, settings in WAYS.items()} | {TURN: longest_turn}
    rows: dict[bool, list[list[str]]] = {True: [], False: []}
    for name, place in {**ACTED, **READ}.items():
        try:
            utterances = said(place, most)
        except (ValueError, OSError) as error:
            print(f"{name} is left out: {error}")
            continue
        is_acted = name in ACTED
        every = ways if name == next(iter(ACTED)) else {w: ways[w] for w in ("as recorded", TURN)}
        for way, arrive in every.items():
            answers = list(heard(ears, utterances, arrive))
            row = acted_row if is_acted else partial(read_row, calibration=ears.config.calibration)
            rows[is_acted].append(row(name, way, answers))
            print(" | ".join(rows[is_acted][-1]), flush=True)
            about = {"model": source, "set": name, "way": way}
            kept.extend({**about, **asdict(answer)} for answer in answers)
    acted = ["acted", "how it comes", "accuracy, %", "calibration error", "of a perfect model"]
    others = [emotion.adjective for emotion in Emotion]
    read = ["not acted", "how it comes", *(f"called {one}, %" for one in others)]
    return (
        f"{table([*acted, 'acted on, %', 'n'], rows[True])}\n\n"
        f"{table([*read, *NOT_ACTED, 'n'], rows[False])}"
    )


def main() -> None:
    """Measures and prints the tables; `--write` puts them into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=[EMBEDDED])
    parser.add_argument("--most", type=int, default=400, help="recordings of each set")
    parser.add_argument("--out", type=Path, help="every single answer, as lines of JSON")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if not os.environ.get("ATTUNE_DATA"):
        sys.exit("set ATTUNE_DATA to the folder of recordings")
    torch.set_num_threads(1)
    kept: list[dict[str, object]] = []
    parts = [(__doc__ or "").split("[--write]")[1].strip()]
    for source in options.models:
        parts.append(f"`{Path(source).name}`:\n\n{measure(source, options.most, kept)}")
    body = "\n\n".join(parts)
    print(body)
    if options.out:
        options.out.write_text("".join(json.dumps(line) + "\n" for line in kept))
    if options.write:
        named = " ".join(Path(source).name for source in options.models)
        command = f"python -m benchmarks.emotion --models {named} --most {options.most}"
        write_section("Emotion", command, body)


if __name__ == "__main__":
    main()
