"""Sound files: recordings in as blocks of waveform, spoken answers out as they are made."""

import contextlib
import os
import stat
from collections.abc import Generator
from pathlib import Path
from types import TracebackType

import numpy as np

from assistant.audio.channels import ToMono
from assistant.audio.decoding.source import SoundSource
from assistant.audio.decoding.ways import SoundPart, sound_parts
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip, Waveform, resample, to_int16
from assistant.errors import InputError
from assistant.output_file import OutputFile

SLOWEST_HZ, FASTEST_HZ = 1_000, 10_000_000
"""Rates between which a recording may hold a voice; others come of a damaged header."""
FAR_BEYOND, MOSTLY = 16.0, 0.05
"""Floats beyond the first are no loud sound, where they are more than that share of all: programs
write whole numbers of 16 bits as floats."""


class Recording:
    """A recording of any format, read as consecutive blocks of mono waveform.

    Raises:
        InputError: The file is missing, empty, unreadable or no sound file.
    """

    def __init__(self, path: Path, *, rate_hz: int = SPEECH_RATE_HZ) -> None:
        """Opens the file; `rate_hz` is the rate of what `blocks` gives."""
        _check_readable(path)
        self.path = path
        self._rate_hz = rate_hz
        self._parts = sound_parts(path)
        self._source = self._opened(self._parts[0])
        lengths = [self._source.duration_s, *(part.duration_s for part in self._parts[1:])]
        known = [length for length in lengths if length is not None]
        self.duration_s = sum(known) if len(known) == len(lengths) else None
        """Length in seconds that the file promises; None where it promises nothing."""
        self.notice = _other_tracks(path, self._source.tracks)
        """A sentence that says what of the file is not heard though it is whole, or None."""
        self.damage: str | None = None
        """After the last block: a sentence that says what is wrong with the file, or None."""

    def close(self) -> None:
        """Closes the file; `blocks` does so by itself."""
        self._source.close()

    def blocks(self) -> Generator[Waveform]:
        """Yields the recording in blocks of about a second; sets `damage` where there is any."""
        yield from self._blocks_of(self._source)
        for part in self._parts[1:]:
            try:
                self._source = self._opened(part)
            except InputError:
                self._note("holds a part that cannot be read")
                continue
            yield from self._blocks_of(self._source)

    def _opened(self, part: SoundPart) -> SoundSource:
        source = part.open()
        if not SLOWEST_HZ <= source.rate_hz <= FASTEST_HZ:
            source.close()
            raise InputError(
                f"{self.path} claims {source.rate_hz} samples a second, of which no voice can be "
                f"heard: record it again at {SPEECH_RATE_HZ} or more"
            )
        return source

    def _blocks_of(self, source: SoundSource) -> Generator[Waveform]:
        import soxr

        stream = soxr.ResampleStream(source.rate_hz, self._rate_hz, 1, dtype="float32")
        mono = ToMono(source.rate_hz)
        frames, far_beyond = 0, 0
        with contextlib.closing(source):
            last = False
            while not last:
                block = source.read()
                last = len(block) == 0
                frames += block.size
                far_beyond += int(np.count_nonzero(np.abs(block) > FAR_BEYOND))
                resampled = stream.resample_chunk(mono.mix(block), last=last)
                if len(resampled):
                    yield np.clip(resampled, -1.0, 1.0)
            if source.damage:
                self._note(source.damage)
        if far_beyond > MOSTLY * frames:
            self.damage = self.damage or (
                f"{self.path} is distorted, for its values lie far beyond 1, the loudest sound: "
                "divide them, or save it with 16 bits"
            )

    def _note(self, damage: str) -> None:
        self.damage = self.damage or (
            f"{self.path} {damage}: copy or record it again to have all of it answered"
        )


def _other_tracks(path: Path, tracks: int) -> str | None:
    if tracks < 2:
        return None
    return (
        f"{path} holds {tracks} sound tracks, of which the first is heard: take another one out by "
        "`ffmpeg -i FILE -map 0:a:1 OTHER.wav`, or mix them by "
        f"`ffmpeg -i FILE -filter_complex amix=inputs={tracks} MIXED.wav`"
    )


def _check_readable(path: Path) -> None:
    try:
        state = path.stat()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: check the name and the folder") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if stat.S_ISDIR(state.st_mode):
        raise InputError(f"{path} is a folder: name the sound files in it")
    if stat.S_ISREG(state.st_mode) and state.st_size == 0:
        raise InputError(f"{path} is empty: record it again")
    if not stat.S_ISREG(state.st_mode):
        raise InputError(f"{path} is no file but a pipe or a device: save the recording first")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path} may not be read: change its permissions")


class AnswerFile:
    """A 16-bit mono WAV that is valid after every clip, so that a broken run leaves what it made.

    The sample rate is that of the first clip; clips of another rate are resampled.

    Raises:
        OutputError: The file cannot be written, for example because the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self._file = OutputFile(path)
        self._rate_hz: int | None = None
        self._frames = 0

    @property
    def duration_s(self) -> float:
        """Seconds written so far."""
        return self._frames / self._rate_hz if self._rate_hz else 0.0

    def write(self, clip: AudioClip) -> None:
        """Appends `clip` and brings the header up to date."""
        if self._rate_hz is None:
            self._rate_hz = clip.sample_rate
        samples = resample(clip.samples, from_hz=clip.sample_rate, to_hz=self._rate_hz)
        frames = self._frames + len(samples)
        self._file.append(to_int16(samples).tobytes(), head=_header(self._rate_hz, frames))
        self._frames = frames

    def pause(self, seconds: float) -> None:
        """Appends silence, once something has been spoken."""
        if self._rate_hz is not None:
            silence = np.zeros(int(seconds * self._rate_hz), dtype=np.float32)
            self.write(AudioClip(silence, self._rate_hz))

    def __enter__(self) -> "AnswerFile":
        """Returns itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the file, which is complete already; there is none if nothing was spoken."""
        self._file.close()


def _header(rate_hz: int, frames: int) -> bytes:
    """Returns what a WAV of 16 bits in one channel begins with."""
    data_bytes = 2 * frames
    return (
        b"RIFF"
        + (36 + data_bytes).to_bytes(4, "little")
        + b"WAVEfmt "
        + (16).to_bytes(4, "little")
        + (1).to_bytes(2, "little")
        + (1).to_bytes(2, "little")
        + rate_hz.to_bytes(4, "little")
        + (2 * rate_hz).to_bytes(4, "little")
        + (2).to_bytes(2, "little")
        + (16).to_bytes(2, "little")
        + b"data"
        + data_bytes.to_bytes(4, "little")
    )
