"""Audio by reference: whole files, segments of files, and members of zip or tar shards.

A reference is one of

    clips/a.flac                 a file that soundfile reads
    talk.opus:16000:48000        a segment: start and length in samples of the file
    shard.zip:1234:5678          bytes of an uncompressed zip or tar: offset and length
    shard.tar#folder/a.wav       a member of a zip or tar, compressed or not

Relative paths are relative to a root, the manifest's folder.
"""

import io
import re
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.features import SPEECH_RATE_HZ, Waveform

SHARDS = (".zip", ".tar", ".tgz", ".gz", ".xz", ".bz2")


@dataclass(frozen=True, slots=True)
class AudioReference:
    """Where the samples of an utterance lie."""

    path: Path
    member: str = ""
    """Member of a shard."""
    start: int = 0
    length: int = -1
    """Samples of a file or bytes of a shard from `start` on; -1: to the end."""

    @property
    def in_shard(self) -> bool:
        """Whether the file is a zip or tar."""
        return self.path.suffix.lower() in SHARDS


def parse_reference(reference: str, root: Path = Path()) -> AudioReference:
    """Returns the parsed form of a reference.

    Raises:
        ValueError: The reference is empty.
    """
    if not reference.strip():
        raise ValueError("the audio reference is empty")
    name, _, member = reference.partition("#")
    match = re.fullmatch(r"(.+):(\d+):(\d+)", name)
    if match:
        return AudioReference(root / match[1], member, int(match[2]), int(match[3]))
    return AudioReference(root / name, member)


def audio_duration_s(reference: str, root: Path = Path()) -> float:
    """Returns the length of an utterance from its header.

    Raises:
        ValueError: There is no such file or segment, or it is not audio.
    """
    import soundfile

    place = parse_reference(reference, root)
    source = _source(place)
    try:
        header: Any = soundfile.info(source)
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        raise ValueError(f"{reference} is not audio that can be read ({error})") from error
    frames = int(header.frames)
    if place.length >= 0 and not place.in_shard:
        if place.start + place.length > frames:
            raise ValueError(f"{reference} lies beyond the file's end at sample {frames}")
        frames = place.length
    return frames / int(header.samplerate)


def read_audio(reference: str, root: Path = Path()) -> Waveform:
    """Returns an utterance as mono float32 at 16 kHz.

    Raises:
        ValueError: It is missing, not audio, empty, or holds samples that are not finite.
    """
    import soundfile
    import soxr

    place = parse_reference(reference, root)
    start, frames = (0, -1) if place.in_shard else (place.start, place.length)
    try:
        samples, rate = soundfile.read(
            _source(place), frames, start, dtype="float32", always_2d=True
        )
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        raise ValueError(f"{reference} is not audio that can be read ({error})") from error
    if len(samples) == 0:
        raise ValueError(f"{reference} holds no samples")
    mono: Any = samples.mean(axis=1)
    if rate != SPEECH_RATE_HZ:
        mono = soxr.resample(mono, rate, SPEECH_RATE_HZ)
    if not bool(np.isfinite(mono).all()):
        raise ValueError(f"{reference} holds samples that are not finite")
    return np.ascontiguousarray(mono, dtype=np.float32)


def _source(place: AudioReference) -> Any:
    if not place.path.is_file():
        raise ValueError(f"there is no file {place.path}")
    if not place.in_shard:
        return str(place.path)
    return io.BytesIO(shard_bytes(place))


def shard_bytes(place: AudioReference) -> bytes:
    """Returns the bytes of a member or a stretch of a shard.

    Raises:
        ValueError: There is no such member, or the shard is damaged.
    """
    if place.member:
        return _member(place)
    with place.path.open("rb") as file:
        file.seek(place.start)
        return file.read(place.length)


def _member(place: AudioReference) -> bytes:
    try:
        if place.path.suffix.lower() == ".zip":
            with zipfile.ZipFile(place.path) as shard:
                return shard.read(place.member)
        with tarfile.open(place.path) as shard:
            file = shard.extractfile(place.member)
            if file is None:
                raise KeyError(place.member)
            return file.read()
    except (KeyError, zipfile.BadZipFile, tarfile.TarError, OSError) as error:
        raise ValueError(f"{place.path} holds no readable {place.member!r}") from error
