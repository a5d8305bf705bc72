"""Which pretrained parts a run needs, and how they come onto this machine."""

from collections.abc import Callable

from assistant.errors import EngineUnavailable
from models.pretrained.catalogue import Part, PartError, find_part, read_catalogue
from models.pretrained.store import Store

PIPER = "piper"
PIPER_VOICE = "joe"
"""The voice of the catalogue that `piper` alone means."""

Watch = Callable[[Part], Callable[[int, int], None]]
"""Told that a part is being fetched; returns what is told how many bytes of how many have come."""


def parts_of_voice(voice: str) -> list[Part]:
    """Returns the parts of the catalogue that the voice `ENGINE:VARIANT` speaks with."""
    engine, _, variant = voice.partition(":")
    if engine != PIPER:
        return []
    part = read_catalogue().get(variant or PIPER_VOICE)
    return [part] if part is not None else []


def bring(parts: list[Part], watch: Watch) -> None:
    """Fetches those of `parts` that are not on this machine.

    Raises:
        EngineUnavailable: One of them cannot be had; the message names the remedy.
    """
    store = Store()
    for part in parts:
        if not store.has(part):
            get_part(part, watch)


def get_part(part: Part, watch: Watch) -> None:
    """Fetches a part, or mends it where it is damaged.

    Raises:
        EngineUnavailable: It cannot be had; the message names the remedy.
    """
    try:
        Store().get(part, watch(part))
    except PartError as error:
        raise EngineUnavailable(str(error)) from error


def choose(names: tuple[str, ...]) -> list[Part]:
    """Returns the parts of these names, or all.

    Raises:
        EngineUnavailable: There is no such part; the message names those that there are.
    """
    try:
        return [find_part(name) for name in names] if names else list(read_catalogue().values())
    except PartError as error:
        raise EngineUnavailable(str(error)) from error
