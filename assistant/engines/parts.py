"""Which pretrained parts a run needs, and how they come onto this machine."""

import logging
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager

from assistant.errors import EngineUnavailable
from models.checkpoints.embedded import EMBEDDED, parts_of_model
from models.pretrained.catalogue import Part, PartError, find_part, read_catalogue
from models.pretrained.store import Progress, Store

logger = logging.getLogger(__name__)

PIPER = "piper"
PIPER_VOICE = "joe"
"""The voice of the catalogue that `piper` alone means."""
KOKORO = "kokoro"
KOKORO_VOICE = "af_heart"
"""The voice of Kokoro that `kokoro` alone means."""
STYLES = ".bin"
"""Ends the name of the file of a voice of Kokoro."""

Watch = Callable[[Part], AbstractContextManager[Progress]]
"""Told that a part is being fetched; while it is, what it gives is told how far that is."""


@contextmanager
def unwatched(part: Part) -> Generator[Progress]:
    """Watches where nobody looks on."""
    logger.info("fetching %s", part.name)
    yield lambda _done, _total: None


def parts_of_voice(voice: str) -> list[Part]:
    """Returns the parts of the catalogue that the voice `ENGINE:VARIANT` speaks with."""
    engine, _, variant = voice.partition(":")
    parts = read_catalogue()
    if engine == PIPER and (part := parts.get(variant or PIPER_VOICE)):
        return [part]
    if engine == KOKORO and (variant or KOKORO_VOICE) in kokoro_voices(parts[KOKORO]):
        return [parts[KOKORO]]
    return []


def kokoro_voices(part: Part) -> list[str]:
    """Returns the names of the voices in the part of Kokoro."""
    names = (file.name for file in part.files)
    return [name.removesuffix(STYLES) for name in names if name.endswith(STYLES)]


def default_parts() -> list[Part]:
    """Returns the parts of the model and of the voice that are taken where nobody names others."""
    return [*parts_of_model(EMBEDDED), *parts_of_voice(PIPER)]


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
    """Fetches a part, or mends it where it is damaged, and unpacks it.

    Raises:
        EngineUnavailable: It cannot be had; the message names the remedy.
    """
    try:
        with watch(part) as progress:
            Store().get(part, progress)
            from assistant.engines.blsp_emo import unpack  # brings torch

            unpack(part)
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
