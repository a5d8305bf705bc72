"""MP3 files that were joined: where each begins.

Behind another one, the tag that a file begins with is taken for damaged sound.
"""

import io
from typing import BinaryIO

_TAG, _TAG_BYTES = b"ID3", 10
_BLOCK_BYTES = 1 << 20
_MOST_TAG_BYTES = 1 << 26
"""Pictures are a part of tags; beyond this a size is no size."""


def is_mp3(magic: bytes) -> bool:
    """Whether a file that begins so may be an MP3 file: with a tag, or a frame of MPEG sound."""
    return magic.startswith(_TAG) or _is_frame(magic)


def mp3_spans(file: BinaryIO) -> list[tuple[int, int]]:
    """Returns the first byte of each MP3 file in a file, and the one behind it."""
    end = file.seek(0, io.SEEK_END)
    starts, at = [0], _behind_tags(file, 0) or 0
    while (found := _next_tag(file, at, end)) is not None:
        start, at = found
        starts.append(start)
    return list(zip(starts, [*starts[1:], end], strict=True))


def _next_tag(file: BinaryIO, at: int, end: int) -> tuple[int, int] | None:
    """Returns where the next tag with sound behind it begins, and where that sound does."""
    while at < end:
        block = _bytes(file, at, _BLOCK_BYTES + len(_TAG) - 1)
        found = block.find(_TAG)
        while found >= 0:
            behind = _behind_tags(file, at + found)
            if behind is not None and behind < end:
                return at + found, behind
            found = block.find(_TAG, found + 1)
        at += _BLOCK_BYTES
    return None


def _behind_tags(file: BinaryIO, at: int) -> int | None:
    """Returns where the sound begins behind the tags at `at`; None where these are no tags."""
    start = at
    while (size := _tag_size(_bytes(file, at, _TAG_BYTES))) is not None:
        at += size
    return at if at > start and _is_frame(_bytes(file, at, 4)) else None


def _tag_size(head: bytes) -> int | None:
    """Returns how long the tag is that begins with `head` (ID3v2, section 3.1)."""
    if len(head) < _TAG_BYTES or not head.startswith(_TAG):
        return None
    major, revision, flags, *sizes = head[3:]
    if not 2 <= major <= 4 or revision == 0xFF or any(size >= 0x80 for size in sizes):
        return None
    has_footer = major == 4 and flags & 0x10
    length = sum(size << 7 * place for place, size in enumerate(reversed(sizes)))
    size = _TAG_BYTES + length + (_TAG_BYTES if has_footer else 0)
    return size if size <= _MOST_TAG_BYTES else None


def _is_frame(head: bytes) -> bool:
    """Whether a frame of MPEG sound begins so: its sync, and no value that is forbidden."""
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    return version != 1 and layer != 0 and head[2] >> 4 != 0xF and head[2] >> 2 & 3 != 3


def _bytes(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)
