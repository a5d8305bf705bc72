"""How Full-Duplex-Bench lies on disk: `v1_0/TASK/ID/input.wav` and what is known of each input.

Lin et al., arXiv 2503.04721 and 2507.23159; the folders are those of its data release. A sample
that lacks a file, or whose output is shorter than its input, is counted by reason and left out.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import soundfile as sf

Kind = Literal["pause", "turn", "interruption", "backchannel", "overlap"]

KINDS: tuple[tuple[str, Kind], ...] = (
    (r"pause_handling", "pause"),
    (r"turn_taking", "turn"),
    (r"(synthetic_user_interruption|user_interruption_example)", "interruption"),
    (r"icc_backchannel", "backchannel"),
    (r"^(user_interruption|user_backchannel|talking_to_other|background_speech)$", "overlap"),
)
"""What the name of a task's folder says."""

SHORTER_S = 0.25
"""By how much an output may be shorter than its input: less than a word."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One input, and when what it is about happens."""

    task: str
    kind: Kind
    folder: Path
    start_s: float = 0.0
    end_s: float = 0.0
    """Of the pause, the interruption or the overlap; the turn of `turn` ends at `start_s`."""

    @property
    def input(self) -> Path:
        """What the person says."""
        return self.folder / "input.wav"

    @property
    def output(self) -> Path:
        """What the assistant is heard to say, on the same clock."""
        return self.folder / "output.wav"


def samples(root: Path, drops: Counter[str]) -> list[Sample]:
    """Returns the samples below a folder; those that are not whole are counted in `drops`.

    Raises:
        ValueError: There is no sample at all.
    """
    found: list[Sample] = []
    for folder in sorted(path for path in root.rglob("*") if path.is_dir()):
        kind = kind_of(folder.parent.name)
        if kind is None:
            continue
        if not (folder / "input.wav").is_file():
            drops[f"{folder.parent.name}: input.wav is missing"] += 1
            continue
        try:
            found.append(_sample(folder, kind))
        except (OSError, KeyError, IndexError, TypeError, ValueError):
            drops[f"{folder.parent.name}: what is known of it is missing or broken"] += 1
    if not found:
        raise ValueError(f"{root} holds no task of Full-Duplex-Bench such as candor_turn_taking/1")
    return found


def kind_of(task: str) -> Kind | None:
    """Returns what a task's folder is about; None where it is no task."""
    return next((kind for pattern, kind in KINDS if re.search(pattern, task)), None)


def _sample(folder: Path, kind: Kind) -> Sample:
    start_s, end_s = 0.0, 0.0
    names = {"pause": "pause.json", "turn": "turn_taking.json", "interruption": "interrupt.json"}
    if kind in names:
        content: Any = json.loads((folder / names[kind]).read_text(encoding="utf-8"))
        start_s, end_s = (float(value) for value in content[0]["timestamp"])
    elif kind == "overlap":
        content = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
        start_s, end_s = (float(value) for value in content["timestamps"])
    return Sample(folder.parent.name, kind, folder, start_s, end_s)


def answered(found: list[Sample], drops: Counter[str]) -> list[Sample]:
    """Returns the samples with a whole output; the others are counted."""
    kept: list[Sample] = []
    for sample in found:
        if not sample.output.is_file():
            drops[f"{sample.task}: output.wav is missing"] += 1
        elif seconds(sample.output) < seconds(sample.input) - SHORTER_S:
            drops[f"{sample.task}: output.wav is shorter than input.wav"] += 1
        else:
            kept.append(sample)
    return kept


def seconds(path: Path) -> float:
    """Returns the length of a sound file."""
    header: Any = sf.info(path)
    return float(header.frames) / float(header.samplerate)
