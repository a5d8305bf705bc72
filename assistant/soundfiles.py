"""Sound files: recordings in as blocks of 16 kHz waveform, spoken answers out as they are made."""

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from assistant.audio import SPEECH_RATE_HZ, AudioClip, Waveform, resample, to_int16
from assistant.errors import InputError, OutputError

BLOCK_S = 1.0
"""Seconds read at a time: what bounds the memory of a two-hour recording."""

_HEADER_BYTES = 44
_UNSET_SIZES = (0, 0x7FFFFFFF)
"""Data sizes in a WAV header from which on they mean "not known": written by streaming tools."""


class Recording:
    """A sound file, read as consecutive blocks of mono waveform at 16 kHz.

    Raises:
        InputError: The file is missing, empty, unreadable or no sound file.
    """

    def __init__(self, path: Path) -> None:
        import soundfile

        _check_readable(path)
        self.path = path
        try:
            self._file = soundfile.SoundFile(_file_name(path))
        except (soundfile.SoundFileError, TypeError) as error:
            raise InputError(
                f"{path} is not a sound file that can be read (WAV, FLAC, Ogg, MP3, …): "
                f"convert it, for example with `ffmpeg -i {path.name} question.wav`"
            ) from error
        if self._file.frames == 0:
            self._file.close()
            raise InputError(f"{path} holds no samples: record it again")
        self.duration_s = self._file.frames / self._file.samplerate
        """Length in seconds that the file's header promises."""
        self.damage: str | None = None
        """After the last block: a sentence that says what is wrong with the file, or None."""

    def close(self) -> None:
        """Closes the file; `blocks` does so by itself."""
        self._file.close()

    def blocks(self) -> Iterator[Waveform]:
        """Yields the recording in blocks of about a second; sets `damage` where it breaks off."""
        import soundfile
        import soxr

        rate = self._file.samplerate
        stream = soxr.ResampleStream(rate, SPEECH_RATE_HZ, 1, dtype="float32")
        frames_read = 0
        with self._file:
            while True:
                try:
                    block = self._file.read(
                        max(1, int(BLOCK_S * rate)), dtype="float32", always_2d=True
                    )
                except soundfile.SoundFileError:
                    block = np.zeros((0, 1), dtype=np.float32)
                    self._note_damage(frames_read / rate)
                frames_read += len(block)
                last = len(block) == 0
                mono = np.nan_to_num(block.mean(axis=1, dtype=np.float32), posinf=0.0, neginf=0.0)
                resampled = stream.resample_chunk(mono, last=last)
                if len(resampled):
                    yield np.clip(resampled, -1.0, 1.0)
                if last:
                    break
            if self._is_short(frames_read):
                self._note_damage(frames_read / rate)

    def _note_damage(self, read_s: float) -> None:
        self.damage = (
            f"{self.path} breaks off after {read_s:.1f} s: copy or record it again "
            "to have the rest answered"
        )

    def _is_short(self, frames_read: int) -> bool:
        """Whether the file holds clearly less than its header or its format promises."""
        allowed = 0.98 if self._file.format == "MP3" else 1.0
        if frames_read < self._file.frames * allowed:
            return True
        if "lacks an end-of-stream bit" in self._file.extra_info:
            return True
        declared = re.search(r"^data\s*: (\d+) \(should be (\d+)\)", self._file.extra_info, re.M)
        if declared is None or self._file.format not in ("WAV", "WAVEX"):
            return False
        size, actual = int(declared[1]), int(declared[2])
        return _UNSET_SIZES[0] < size < _UNSET_SIZES[1] and actual < size


def _file_name(path: Path) -> Any:
    """Returns the name as libsndfile takes it: bytes, where names need not be text."""
    return os.fsencode(path) if os.name == "posix" else path


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
    if not os.access(path, os.R_OK):
        raise InputError(f"{path} may not be read: change its permissions")


class AnswerFile:
    """A 16-bit mono WAV that is valid after every clip, so that a broken run leaves what it made.

    The sample rate is that of the first clip; clips of another rate are resampled.

    Raises:
        OutputError: The file cannot be written, for example because the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rate_hz: int | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise OutputError(_write_trouble(path, error)) from error
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
        try:
            if self._frames == 0:
                self._write_header()
            self._write_all(to_int16(samples).tobytes())
            self._frames += len(samples)
            self._write_header()
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(_HEADER_BYTES + 2 * self._frames if self._frames else 0)
            raise OutputError(_write_trouble(self.path, error)) from error

    def pause(self, seconds: float) -> None:
        """Appends silence, once something has been spoken."""
        if self._rate_hz is not None:
            silence = np.zeros(int(seconds * self._rate_hz), dtype=np.float32)
            self.write(AudioClip(silence, self._rate_hz))

    def _write_header(self) -> None:
        assert self._rate_hz is not None
        self._file.seek(0)
        data_bytes = 2 * self._frames
        self._write_all(
            b"RIFF"
            + (36 + data_bytes).to_bytes(4, "little")
            + b"WAVEfmt "
            + (16).to_bytes(4, "little")
            + (1).to_bytes(2, "little")
            + (1).to_bytes(2, "little")
            + self._rate_hz.to_bytes(4, "little")
            + (2 * self._rate_hz).to_bytes(4, "little")
            + (2).to_bytes(2, "little")
            + (16).to_bytes(2, "little")
            + b"data"
            + data_bytes.to_bytes(4, "little")
        )
        self._file.seek(0, 2)

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while len(view):
            view = view[self._file.write(view) :]

    def __enter__(self) -> "AnswerFile":
        """Returns itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the file, which is complete already; removes it if nothing was spoken."""
        self._file.close()
        if self._frames == 0 and self.path.is_file():
            self.path.unlink()


def _write_trouble(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return f"{path} could not be written, the disk is full: free some space and run it again"
    return f"{path} could not be written: {error.strerror or error}; choose another place by --out"
