"""Real recordings for nano, and how they are split: words from two corpora, emotion from one."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import soundfile as sf

from train.manifest import SHORTEST_S
from train.nano_speech import ravdess_emotion
from train.synthesis import SAMPLE_RATE_HZ

logger = logging.getLogger(__name__)

RAVDESS_WORDS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
LAST_TRAINED_ACTOR = 16
HELD_OUT_CHAPTERS = ("227", "496")
"""LibriSpeech chapters of speakers 19 and 26 that are kept for judging."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A real recording with what is known of it."""

    path: Path
    text: str
    corpus: Literal["ravdess", "speechocean762", "librispeech"]
    speaker: str
    emotion: str = ""
    """Empty where nobody acted one."""


def ravdess(data: Path, *, held_out: bool) -> list[Recording]:
    """Returns the clips of actors 01 to 16, or with `held_out` of 17 to 20."""
    found: list[Recording] = []
    for path in sorted((data / "emotion" / "ravdess").glob("Actor_*/*.flac")):
        parts = path.stem.split("-")
        emotion = ravdess_emotion(path)
        if emotion is not None and (int(parts[6]) > LAST_TRAINED_ACTOR) == held_out:
            words = RAVDESS_WORDS[parts[4]]
            found.append(Recording(path, words, "ravdess", parts[6], emotion.label))
    return found


def tess(data: Path) -> list[Recording]:
    """Returns the TESS clips of the five emotions: for judging only, never for training."""
    labels = {"neutral": "neutral", "happy": "happy", "angry": "angry", "sad": "sad"}
    labels |= {"ps": "surprise", "surprise": "surprise", "surprised": "surprise"}
    found: list[Recording] = []
    for path in sorted((data / "emotion" / "tess").rglob("*.opus")):
        speaker, word, *rest = path.stem.split("_")
        label = labels.get(rest[-1].lower()) if rest else None
        if label is not None:
            found.append(
                Recording(path, f"Say the word {word}.", "ravdess", speaker.upper()[:3], label)
            )
    return found


def speechocean(data: Path, *, held_out: bool) -> list[Recording]:
    """Returns the train part of speechocean762, or with `held_out` its test part."""
    folder = data / "asr" / "speechocean762"
    table = folder / ("test" if held_out else "train") / "text"
    if not table.exists():
        return []
    found: list[Recording] = []
    for line in table.read_text(encoding="utf-8").splitlines():
        name, words = line.split(maxsplit=1)
        speaker = name[:5].lstrip("0") or "0"
        path = folder / f"SPEAKER{name[1:5]}" / f"{name}.opus"
        found.append(Recording(path, words, "speechocean762", speaker))
    return found


def librispeech(data: Path, *, held_out: bool) -> list[Recording]:
    """Returns the read books of two speakers, split by chapter."""
    return [
        Recording(path, words, "librispeech", path.stem.split("-")[0])
        for path, words in _librispeech(data / "asr" / "librispeech")
        if (path.stem.split("-")[1] in HELD_OUT_CHAPTERS) == held_out
    ]


def strangers(data: Path) -> list[Path]:
    """Returns short recordings of some hundred LibriSpeech readers, whose words are not known."""
    return sorted((data / "asr" / "librispeech-speakers").rglob("*.opus"))


def measured(recordings: list[Recording], *, longest_s: float) -> list[tuple[Recording, int]]:
    """Returns the recordings of 0.1 s to `longest_s`, each with its samples at 16 kHz.

    The others are counted in the log.

    Raises:
        ValueError: A recording is missing or no audio; the message names it.
    """
    found: list[tuple[Recording, int]] = []
    for recording in recordings:
        try:
            info = sf.info(str(recording.path))
        except sf.LibsndfileError as error:
            raise ValueError(f"{recording.path} cannot be read: {error}") from error
        samples = int(info.frames * SAMPLE_RATE_HZ / info.samplerate)
        if SHORTEST_S <= samples / SAMPLE_RATE_HZ <= longest_s:
            found.append((recording, samples))
    if len(found) < len(recordings):
        left_out = len(recordings) - len(found)
        logger.warning(
            "left out %d of %d recordings, shorter than %g s or longer than %g s",
            *(left_out, len(recordings), SHORTEST_S, longest_s),
        )
    return found


def _librispeech(folder: Path) -> Iterator[tuple[Path, str]]:
    for table in sorted(folder.rglob("*.trans.txt")):
        for line in table.read_text(encoding="utf-8").splitlines():
            name, words = line.split(maxsplit=1)
            yield table.parent / f"{name}.opus", words
