"""What the command `models` prints and does, and how a part that comes is shown."""

import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn
from rich.progress import TransferSpeedColumn as SpeedColumn
from rich.table import Table

from assistant.engines.parts import choose, get_part
from assistant.errors import SettingsError
from assistant.settings import ModelsSettings
from command_line.called import program_name
from models.pretrained.catalogue import Part, PartError
from models.pretrained.store import Progress as Told
from models.pretrained.store import Store, megabytes


def models(settings: ModelsSettings) -> int:
    """Runs `models`; returns the exit status: 1 where a part is missing or damaged."""
    actions: dict[str, Callable[[ModelsSettings], int]] = {
        "list": _list,
        "get": _get,
        "verify": _verify,
        "remove": _remove,
    }
    if settings.sources and settings.action not in ("list", "verify"):
        raise SettingsError(
            f"models {settings.action} takes no --sources: `models list --sources` names them"
        )
    return actions[settings.action](settings)


@contextmanager
def shown(part: Part) -> Generator[Told]:
    """Says on standard error what is fetched, how large and under which licence, and how far."""
    total = part.sources[0].bytes
    with Progress(
        "{task.description}",
        BarColumn(),
        DownloadColumn(),
        SpeedColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr, highlight=False, soft_wrap=not sys.stderr.isatty()),
        transient=True,
    ) as progress:
        size = f"{megabytes(total)}, licence {part.licence}"
        progress.console.print(f"fetching {part.name}, once: {part.about} ({size})", markup=False)
        task = progress.add_task(part.name, total=total)

        def show(done: int, of: int) -> None:
            name = f"{part.name}: checking it" if done >= of else part.name
            progress.update(task, completed=done, total=of, description=name)

        yield show


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
    # Not in the table, which would break them to fit: they are there to be copied.
    for part in parts if settings.sources else ():
        for source in part.sources:
            print(f"{part.name}: {source}")
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
    for part in choose(settings.items):
        get_part(part, shown)
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
            called = program_name(sys.argv[0])
            print(f"{part.name}: {problem}: `{called} models get {part.name}` mends it")
        if not problems:
            print(f"{part.name}: {'as it should be' if store.has(part) else 'not on this machine'}")
    return 1 if faults else 0


def _verify_sources(settings: ModelsSettings) -> int:
    failed = 0
    for part in choose(settings.items):
        for source in part.sources:
            try:
                with shown(part) as progress:
                    Store().try_source(part, source, progress)
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
