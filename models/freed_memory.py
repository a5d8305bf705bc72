"""Memory that was freed and that the C library keeps for later, given back to the system.

Reading a model's weights takes each through several copies. glibc keeps what they leave behind,
half a gigabyte of mini's 3.1, which other programs on a small machine could use.
"""

import ctypes
from collections.abc import Callable
from functools import cache


@cache
def _trim() -> Callable[[int], int] | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # not glibc: musl, macOS, Windows
        return None


def give_back() -> None:
    """Gives back what can be; nothing happens where the C library has no such call."""
    if trim := _trim():
        trim(0)
