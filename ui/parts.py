"""What the command `models` prints and does, and how a part that comes is shown."""

import json
import sys
from collections.abc import Callable

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn
from rich.progress import TransferSpeedColumn as SpeedColumn
from rich.table import Table

from assistant.errors import SettingsError
from assistant.parts import bring, choose, get_part, parts_of_voice
from assistant.settings import ModelsSettings
from models.pretrained.catalogue import Part, PartError
from models.pretrained.store import Store, megabytes


def models(settings: ModelsSettings) -> int:
    """Runs `models`; returns the exit status: 1 where a part is missing or damaged."""
    actions: dict[str, Callable[[ModelsSettings], int]] = {
        "list": _list,
        "get": _get,
        "verify": _verify,
        "remove": _remove,
    }
    return actions[settings.action](settings)


def bring_voice(*voices: str) -> None:
    """Fetches what these voices speak with, where it is not on this machine, and shows how.

    Raises:
        EngineUnavailable: It cannot be had; the message names the remedy.
    """
    for voice in voices:
        if parts := parts_of_voice(voice):
            with _progress() as progress:
                bring(parts, lambda part: _watch(progress, part))


def _list(settings: ModelsSettings) -> int:
    store = Store()
    parts = choose(settings.items)
    if settings.json_lines:
        for part in parts:
            print(json.dumps(_as_json(part, store)))
        return 0
    table = Table(title=f"Pretrained parts, kept in {store.folder}", title_justify="left")
    for head in ("part", "", "size", "what it is", "licence"):
        table.add_column(head, no_wrap=head in ("part", "size"), overflow="fold")
    for part in parts:
        sign = "[green]here[/]" if store.has(part) else "[yellow]--[/]"
        licence, about = escape(part.licence), escape(part.about)
        table.add_row(part.name, sign, megabytes(part.bytes), about, licence)
    Console(highlight=False).print(table)
    return 0


def _as_json(part: Part, store: Store) -> dict[str, object]:
    return {
        "part": part.name,
        "kind": part.kind,
        "here": store.has(part),
        "bytes": part.bytes,
        "about": part.about,
        "licence": part.licence,
        "sources": [str(source) for source in part.sources],
    }


def _get(settings: ModelsSettings) -> int:
    with _progress() as progress:
        for part in choose(settings.items):
            get_part(part, lambda part: _watch(progress, part))
    for part in choose(settings.items):
        print(f"{part.name}: here, {megabytes(part.bytes)} in {Store().folder / part.name}")
    return 0


def _verify(settings: ModelsSettings) -> int:
    if settings.sources:
        return _verify_sources(settings)
    store, faults = Store(), 0
    for part in choose(settings.items):
        problems = store.problems(part) if store.has(part) or settings.items else []
        faults += len(problems)
        for problem in problems:
            print(f"{part.name}: {problem}: `app.py models get {part.name}` mends it")
        if not problems:
            print(f"{part.name}: {'as it should be' if store.has(part) else 'not on this machine'}")
    return 1 if faults else 0


def _verify_sources(settings: ModelsSettings) -> int:
    failed = 0
    for part in choose(settings.items):
        for source in part.sources:
            try:
                with _progress() as progress:
                    Store().try_source(part, source, _watch(progress, part))
            except PartError as error:
                failed += 1
                print(f"{part.name}: {error}")
            else:
                print(f"{part.name}: {source} serves it")
    return 1 if failed else 0


def _remove(settings: ModelsSettings) -> int:
    if not settings.items:
        raise SettingsError("models remove: name the parts, as in `app.py models remove joe`")
    for part in choose(settings.items):
        print(f"{part.name}: removed, {megabytes(Store().remove(part))} are free again")
    return 0


def _progress() -> Progress:
    return Progress(
        "{task.description}",
        BarColumn(),
        DownloadColumn(),
        SpeedColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr, highlight=False),
        transient=True,
    )


def _watch(progress: Progress, part: Part) -> Callable[[int, int], None]:
    total = part.sources[0].bytes
    progress.console.print(f"fetching {part.name}, once: {part.about} ({megabytes(total)})")
    task = progress.add_task(part.name, total=total)
    return lambda done, of: progress.update(task, completed=done, total=of)
