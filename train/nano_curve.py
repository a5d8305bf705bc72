"""`python -m train nano-curve`: word errors over the hours of speech that the recogniser heard."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from pydantic import Field

from models.blsp_emo import BlspEmo
from models.transcription import transcribe
from train.domain import read_domain
from train.metrics import Figure, word_error_rate
from train.nano_assemble import recogniser_weights, state_weights
from train.nano_recogniser_runs import SpeechStages
from train.nano_recordings import librispeech, speechocean
from train.nano_settings import NanoSettings
from train.nano_speech import read_lines
from train.nano_text import spoken_form
from train.settings import Frozen
from train.surroundings import read_mono

logger = logging.getLogger(__name__)

Heard = tuple[str, Path, int, int]
"""Words, file, first sample, samples (-1: all)."""


class NanoCurveSettings(Frozen):
    """Judges every saved state of the stage `words` of a nano run."""

    run: Path = Path("runs/nano")
    """Run folder of `python -m train nano`, its checkpoint `parts` made."""
    data: Path = Path("../shared/data")
    """Real recordings."""
    most: int = Field(default=100, ge=10)
    """Most utterances of each set."""
    out: Path = Path("runs/nano/curve.json")
    """Where the points are written; a picture is drawn beside it."""


@dataclass(frozen=True, slots=True)
class Point:
    """What one state hears."""

    hours: float
    """Of speech heard until then, repetitions counted."""
    word_errors: dict[str, Figure]


def nano_curve(settings: NanoCurveSettings) -> None:
    """Prints and writes a point for each state, and draws them.

    Raises:
        ValueError: The run has no states, or its parts were not put together.
    """
    torch.set_num_threads(1)
    states = sorted((settings.run / "words").glob("state-*/training.pt"))
    if not states or not (settings.run / "parts" / "config.json").exists():
        raise ValueError(f"{settings.run} holds no trained words: run `python -m train nano` first")
    stages = SpeechStages(NanoSettings(run=settings.run, data=settings.data), read_domain())
    hours_a_step = stages.hours_a_step()
    model = BlspEmo.from_pretrained(settings.run / "parts", dtype="float32", device="cpu")
    sets = _sets(settings)
    points: list[Point] = []
    for path in states:
        model.load_state_dict(recogniser_weights(state_weights(path)), strict=False)
        errors = {name: _word_errors(model, heard) for name, heard in sets.items()}
        points.append(Point(int(path.parent.name.split("-")[-1]) * hours_a_step, errors))
        told = ", ".join(f"{name} {figure}" for name, figure in errors.items())
        print(f"{points[-1].hours:6.1f} h: {told}", flush=True)
        settings.out.parent.mkdir(parents=True, exist_ok=True)
        settings.out.write_text(json.dumps([asdict(point) for point in points], indent=1) + "\n")
    draw(points, settings.out.with_suffix(".png"))


def draw(points: Sequence[Point], picture: Path) -> None:
    """Draws word errors over hours, a line for each set."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Picture

    figure = Picture(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    hours = [point.hours for point in points]
    for name in points[0].word_errors:
        axes.plot(hours, [100 * p.word_errors[name].value for p in points], marker="o", label=name)
    axes.set(xlabel="hours of speech heard", ylabel="word errors, %", ylim=(0, None))
    axes.legend()
    figure.savefig(picture, dpi=110)


def _sets(settings: NanoCurveSettings) -> dict[str, list[Heard]]:
    folder = settings.run / "speech"
    held_out: list[Heard] = [
        (spoken_form(line.text), folder / line.shard, line.start, line.samples)
        for line in read_lines(folder, "wording")
    ]
    found = {"held-out wordings and voices": held_out}
    for name, recordings in (
        ("speechocean762 test", speechocean(settings.data, held_out=True)),
        ("LibriSpeech 19/26 held out", librispeech(settings.data, held_out=True)),
    ):
        found[name] = [(spoken_form(r.text), r.path, 0, -1) for r in recordings]
    return {
        name: heard[:: max(1, len(heard) // settings.most)][: settings.most]
        for name, heard in found.items()
        if heard
    }


def _word_errors(model: BlspEmo, heard: Sequence[Heard]) -> Figure:
    return word_error_rate(
        [
            (words, transcribe(model, model.hear(read_mono(path, start, samples))).text)
            for words, path, start, samples in heard
        ]
    )
