"""What `python -m train nano` needs, looked at before hours are spent."""

import shutil
from pathlib import Path

from train.nano_settings import LINES_A_SECOND, SHARES, NanoSettings
from train.nano_speech import SHARD_SENTENCES
from train.settings import duration_s
from train.synthesis import installed_voices

PROGRAMS = {"flite": "flite", "text2wave": "festival", "espeak-ng": "espeak-ng"}
"""Program and the package that brings it."""
MORE_VOICES = {
    "mbrola": "apt install mbrola mbrola-us1 mbrola-us2 mbrola-us3 mbrola-en1",
    "pico": "apt install libttspico-utils",
}
"""Voices that make nano hear better, of Debian's non-free section, and how they are had."""
DATA = (
    "emotion/ravdess",
    "asr/speechocean762/train/text",
    "asr/librispeech",
    "noise",
    "text/dialogue.tar.xz",
    "text/vctk-sentences.txt",
    "text/ljspeech-sentences.csv.xz",
)
"""Below the data folder."""
SHARD_BYTES, OTHER_BYTES = 45e6, 1e9
"""Disk space of a shard, and of all states and checkpoints."""


def check_needs(settings: NanoSettings) -> None:
    """Checks programs, data and disk space.

    Raises:
        ValueError: Something is missing; the message names all of it and the remedy.
    """
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        raise ValueError(f"{', '.join(missing)} cannot be found: apt install {' '.join(missing)}")
    absent = [part for part in DATA if not (settings.data / part).exists()]
    if absent:
        raise ValueError(
            f"the data folder {settings.data} lacks {', '.join(absent)}: name the right "
            "one with --data; train/recipes/nano/README.md says where each part is had"
        )
    spoken = len(list((settings.run / "speech").glob("train-*.jsonl")))
    wanted = OTHER_BYTES + SHARD_BYTES * max(0, settings.shards - spoken)
    free = shutil.disk_usage(_existing(settings.run)).free
    if free < wanted:
        raise ValueError(
            f"{settings.run} has {free / 1e9:.1f} GB of free space and nano needs "
            f"{wanted / 1e9:.1f} GB: free some, take another --run, or fewer --shards"
        )


def print_plan(settings: NanoSettings) -> None:
    """Prints the stages with the time that each may take."""
    speaking_s = settings.shards * SHARD_SENTENCES / LINES_A_SECOND
    print(f"{'speech':<10} about {speaking_s / 60:5.0f} min  {settings.shards} shards")
    for engine in sorted(MORE_VOICES.keys() - installed_voices().keys()):
        print(f"{'':<10} without the voices of {engine}: {MORE_VOICES[engine]}")
    for stage in SHARES:
        minutes = duration_s(settings.stage_budget(stage)) / 60
        print(f"{stage:<10} up to {minutes:5.1f} min")
    print(f"The checkpoint will be {settings.made}")


def _existing(path: Path) -> Path:
    path = path.absolute()
    return path if path.exists() else _existing(path.parent)
