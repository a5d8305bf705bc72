"""Where the samples of a recording come from, and the source that needs no other program."""

import contextlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Generator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.audio.decoding.riff import UNSET_BYTES
from assistant.errors import InputError

Samples = NDArray[np.float32]
"""Shape (frames, channels)."""
BLOCK_S = 1.0
"""Seconds read at a time: what bounds the memory of a three-hour recording."""
MOST_SAMPLES = 1 << 22
"""And at most so many, of all channels together."""

_UNKNOWN_FRAMES = 1 << 48
"""libsndfile calls the length of a piped FLAC file a number as large as can be."""
_WRONG_SIZE = re.compile(
    r"^(?!\s*(?:Bytes/sec|Block Align|Bit Width)\b)[^\n:]*: (\d+) \(should be (\d+)\)", re.MULTILINE
)
"""What libsndfile notes of a chunk that is longer than its file: what it says, what is there."""
_CHATTER = re.compile(rb"\s*$|\[src/libmpg123|\[.*libmpg123|Note: |Warning: ")
"""What libmpg123, inside libsndfile, prints of a damaged MP3 file past everybody's settings."""


class NoSamples(InputError):
    """A sound file without sound."""


class SoundSource(Protocol):
    """Samples of one recording, read from its first to its last."""

    rate_hz: int
    duration_s: float | None
    """Length in seconds that the file declares; None where it does not."""
    damage: str | None
    """After the end: what is wrong with the file, to be said behind its name."""
    tracks: int
    """Sound tracks side by side, of which the first is read."""

    def read(self) -> Samples:
        """Returns the next second or so; at the end, none."""
        ...

    def close(self) -> None:
        """Lets go of the file."""
        ...


class LibrarySound:
    """A file that libsndfile decodes."""

    def __init__(self, file: Any, *, is_short: bool = False) -> None:
        """Opens the file.

        Args:
            file: A name, or an open file.
            is_short: Whether it is known to hold less than it promises.

        Raises:
            InputError: libsndfile cannot read it.
            NoSamples: It holds none.
        """
        import soundfile

        try:
            with quiet_decoder():
                self._file = soundfile.SoundFile(file)
        except (soundfile.SoundFileError, TypeError) as error:
            raise InputError("it is not a sound file that libsndfile knows") from error
        if self._file.frames == 0:
            self._file.close()
            raise NoSamples("it holds no samples")
        self.rate_hz: int = self._file.samplerate
        self.is_counted = self._file.frames < _UNKNOWN_FRAMES
        """Whether the file declares its length."""
        self.duration_s = self._file.frames / self.rate_hz if self.is_counted else None
        self.damage: str | None = None
        self.tracks = 1
        self.frames_read = 0
        self.has_more = False
        """After the end: whether something that it cannot read stands behind all it declares."""
        self._is_mpeg = self._file.subtype.startswith("MPEG")
        self._source = file
        self._is_short = is_short
        self._is_over = False

    def read(self) -> Samples:
        """Returns the next second or so; at the end, none."""
        block = self._read()
        self.frames_read += len(block)
        if len(block) == 0 and self.damage is None and self._lacks_something():
            self.damage = f"breaks off after {self.frames_read / self.rate_hz:.1f} s"
        return block

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        if isinstance(self._source, io.IOBase):
            self._source.close()

    def _read(self) -> Samples:
        import soundfile

        channels = self._file.channels
        # Rate and channels are what a header claims: they must not decide how much memory is taken.
        most = min(int(BLOCK_S * self.rate_hz), MOST_SAMPLES // channels)
        frames = 0 if self._is_over else max(1, most)
        # Where libsndfile meets damage it tells nothing of what it has read up to there.
        block = np.full((frames, channels), np.nan, dtype=np.float32)
        try:
            with quiet_decoder() if self._is_mpeg else contextlib.nullcontext():
                return block[: len(self._file.read(out=block))] if frames else block
        except soundfile.SoundFileError:
            self._is_over = True
            got = block[: int(np.count_nonzero(~np.isnan(block[:, 0])))]
            # A file without a declared length has no other end than this; behind one that gave all
            # there may be a tag, or another file.
            self.has_more = self.frames_read + len(got) >= self._file.frames
            self._is_short = self._is_short or (self.is_counted and not self.has_more)
            return got

    def _lacks_something(self) -> bool:
        """Whether the file holds clearly less than its header or its format promises."""
        allowed = 0.98 if self._is_mpeg else 1.0
        is_less = self.is_counted and self.frames_read < self._file.frames * allowed
        log: str = self._file.extra_info
        sizes = ((int(said), int(held)) for said, held in _WRONG_SIZE.findall(log))
        is_cut = any(held < said < UNSET_BYTES for said, held in sizes)
        return self._is_short or is_less or is_cut or "lacks an end-of-stream bit" in log


@contextlib.contextmanager
def quiet_decoder() -> Generator[None]:
    """Keeps what libmpg123 prints from standard error; lines of others are printed afterwards."""
    try:
        sys.stderr.flush()
        real = os.dup(2)
    except (OSError, ValueError, AttributeError):
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(real, 2)
            held.seek(0)
            for line in held:
                if not _CHATTER.match(line):
                    os.write(real, line)
            os.close(real)
