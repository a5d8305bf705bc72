"""WAV files as recorders leave them: sizes never filled in, several in one file, cut off.

libsndfile believes the sizes in a header, which a recorder that was stopped by force, or that
writes to a pipe, never filled in. Here the chunks are looked at with distrust, and each stretch
of sound is given to libsndfile behind a header that is right.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAGICS = (b"RIFF", b"RF64", b"BW64")
"""What a WAV file begins with; the latter two may be longer than 4 GiB."""
UNSET_BYTES = 0x7F000000
"""Data sizes that the file does not hold mean "not known" from here on: sox writes 0x7F000008 or
0x7FFFF000, arecord 0x7FFFFFFF, ffmpeg 0xFFFFFFFF."""

_SEARCHED_BYTES = 1 << 20
_LINEAR = (1, 3, 6, 7, 0xFFFE)
"""Format tags whose samples all have one size: PCM, float, A-law, µ-law, and their extensible."""


@dataclass(frozen=True, slots=True)
class WavPart:
    """One stretch of sound in a WAV file."""

    header: bytes
    """A header that is right, in front of the sound."""
    start: int
    """Byte of the file at which the sound begins."""
    size: int
    """Bytes of sound that the file holds."""
    duration_s: float | None
    """Length in seconds; None where the format does not say how much a byte is."""
    is_short: bool
    """Whether the header promises more than the file holds."""


def wav_parts(file: BinaryIO) -> list[WavPart]:
    """Returns every stretch of sound in a WAV file, in order; a recorder may have filled none.

    A file that is no WAV file, or whose header is cut off, has none.
    """
    end = file.seek(0, io.SEEK_END)
    return list(_parts(file, end))


def _parts(file: BinaryIO, end: int) -> Iterator[WavPart]:
    at, sizes, form, fact = 0, 0, b"", b""
    while at + 8 <= end:
        name, size = _chunk(file, at)
        if name in MAGICS and _bytes(file, at + 8, 4) == b"WAVE":
            at, sizes, form, fact = at + 12, 0, b"", b""
            continue
        if name == b"ds64":
            sizes = int.from_bytes(_bytes(file, at + 16, 8), "little")
        elif name == b"fmt " and size <= 256:
            form = _bytes(file, at + 8, size)
        elif name == b"fact" and size <= 256:
            fact = _bytes(file, at, 8 + size + size % 2)
        elif name == b"data" and len(form) >= 16:
            declared = sizes if size == 0xFFFFFFFF else size
            part = _part(file, (at + 8, end), declared, form, fact)
            yield part
            size = part.size
        at = _next(file, at + 8 + size, end)


def _part(
    file: BinaryIO, span: tuple[int, int], declared: int, form: bytes, fact: bytes
) -> WavPart:
    """Returns the sound from `span[0]` on, of which a header declares so many bytes."""
    start, end = span
    is_unset = declared >= UNSET_BYTES or (declared == 0 and not _is_chunk(file, start, end))
    held = declared
    is_beyond = start + declared > end or (is_unset and declared == 0)
    if is_beyond or _goes_on(file, (start + declared, end), form):
        held = _next_file(file, start, end) - start
    else:
        is_unset = False
    return WavPart(
        header=_header(form, b"" if held != declared else fact, held),
        start=start,
        size=held,
        duration_s=_duration_s(form, held),
        is_short=held < declared and not is_unset,
    )


def _goes_on(file: BinaryIO, span: tuple[int, int], form: bytes) -> bool:
    """Whether sound goes on behind the end that a header declares.

    Recorders bring their header up to date now and then; one that was stopped by force in between
    leaves sound behind it. A chunk begins with its name, and less than a second is no speech.
    """
    at, end = span
    if any(_is_chunk(file, place, end) for place in (at + at % 2, at)):
        return False
    duration_s = _duration_s(form, _next_file(file, at, end) - at)
    tag = int.from_bytes(form[:2], "little")
    return tag in _LINEAR and duration_s is not None and duration_s >= 1.0


def _header(form: bytes, fact: bytes, size: int) -> bytes:
    if size >= UNSET_BYTES:
        # What libsndfile takes for a file that was never closed, and reads to its end.
        whole, size = 8, 0
    else:
        whole = 4 + 8 + len(form) + len(form) % 2 + len(fact) + 8 + size
    return b"".join(
        [
            b"RIFF" + whole.to_bytes(4, "little") + b"WAVEfmt ",
            len(form).to_bytes(4, "little") + form + b"\0" * (len(form) % 2),
            fact + b"data" + size.to_bytes(4, "little"),
        ]
    )


def _duration_s(form: bytes, size: int) -> float | None:
    tag, _, rate, per_second, per_frame = (
        int.from_bytes(form[a:b], "little") for a, b in ((0, 2), (2, 4), (4, 8), (8, 12), (12, 14))
    )
    rate_bytes = rate * per_frame if tag in _LINEAR else per_second
    return size / rate_bytes if rate_bytes else None


def _next(file: BinaryIO, at: int, end: int) -> int:
    """Returns where the next chunk begins, at `at` or near it, or the next WAV file, or `end`."""
    # Chunks begin at even bytes; not all writers know.
    for place in (at + at % 2, at):
        if place + 8 <= end and _is_chunk(file, place, end):
            return place
    return _next_file(file, at, end)


def _next_file(file: BinaryIO, at: int, end: int) -> int:
    """Returns where the next WAV file begins at `at` or later; `end` where there is none."""
    while at + 12 <= end:
        block = _bytes(file, at, _SEARCHED_BYTES + 11)
        found = block.find(b"WAVE", 8)
        while found >= 0:
            if block[found - 8 : found - 4] in MAGICS:
                return at + found - 8
            found = block.find(b"WAVE", found + 1)
        at += _SEARCHED_BYTES
    return end


def _is_chunk(file: BinaryIO, at: int, end: int) -> bool:
    name, size = _chunk(file, at)
    is_named = len(name) == 4 and all(0x20 <= byte < 0x7F for byte in name)
    return is_named and (name in (*MAGICS, b"data") or at + 8 + size <= end)


def _chunk(file: BinaryIO, at: int) -> tuple[bytes, int]:
    head = _bytes(file, at, 8)
    return head[:4], int.from_bytes(head[4:8], "little")


def _bytes(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)
