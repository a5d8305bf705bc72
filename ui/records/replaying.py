"""`records replay`: answers recorded turns again and shows both sides."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from assistant.assembly import open_engines
from assistant.files.record_replay import (
    Replayed,
    check_replayable,
    comparison,
    recorded_settings,
)
from assistant.files.record_replay import replay as replayed_turns
from assistant.records.comparison_files import ComparisonFolder, sides
from assistant.records.reading import Record, RecordFolder, read_record
from assistant.records.settings import ReplaySettings
from assistant.records.turns import recorded_turns
from assistant.settings import EngineSettings
from ui.parts import shown
from ui.records.printing import console
from ui.shown import one_line

DEFAULT_OUT = Path("replays")


def replay(settings: ReplaySettings, found: RecordFolder) -> int:
    """Replays a record; returns the exit status: 1 where a turn could not be answered.

    Raises:
        InputError: There is nothing in it to replay.
        EngineUnavailable: A model or voice is missing here; names the option for another.
        OutputError: The results cannot be written.
    """
    record = read_record(found)
    check_replayable(record, from_words=settings.from_words)
    folder = ComparisonFolder(settings.out or DEFAULT_OUT / found.id, record)
    under = _under(settings, recorded_settings(record))
    engines = open_engines(under, shown)
    try:
        head = _head(record, engines.model.name, engines.voice_name, engines.policy.name)
        replayed = replayed_turns(record, engines, under.persona, from_words=settings.from_words)
        turns = asyncio.run(_written(replayed, folder, total=len(recorded_turns(record))))
    finally:
        engines.close()
    folder.finish(head, turns)
    if settings.json_lines:
        for line in (head, *turns):
            print(json.dumps(line, ensure_ascii=False))
    else:
        _print_table(head, turns, folder.folder)
    return 1 if any(turn["replayed"]["failure"] for turn in turns) else 0


async def _written(
    replayed: AsyncIterator[Replayed], folder: ComparisonFolder, *, total: int
) -> list[dict[str, Any]]:
    """Writes the answers into `folder` as they come; returns both sides of each turn."""
    turns: list[dict[str, Any]] = []
    async for one in replayed:
        turns.append(comparison(one))
        folder.add_answer(one.recorded.turn.index + 1, one.clips)
        if sys.stderr.isatty():
            print(f"answered {len(turns)} of {total} turns", end="\r", file=sys.stderr)
    return turns


def _under(asked: ReplaySettings, recorded: dict[str, str | None]) -> EngineSettings:
    """Returns the settings of the replay: those of the record where nothing else is asked for."""
    given = {name: getattr(asked, name) for name in recorded}
    chosen = {name: given[name] if given[name] is not None else recorded[name] for name in recorded}
    return EngineSettings(
        model=chosen["model"] or "auto",
        voice=chosen["voice"] or "auto",
        policy=chosen["policy"] or "empathetic",
        persona=chosen["persona"],
        engine=asked.engine,
        llm=asked.llm,
        run=asked.run,
        generation=asked.generation,
    )


def _head(record: Record, model: str, voice: str, policy: str) -> dict[str, Any]:
    return {
        "kind": "replay",
        "record": record.id,
        "recorded": recorded_settings(record),
        "replayed": {"model": model, "voice": voice, "policy": policy},
    }


def _print_table(head: dict[str, Any], turns: list[dict[str, Any]], folder: Path) -> None:
    out = console()
    table = Table(pad_edge=False)
    table.add_column("")
    for side in ("recorded", "replayed"):
        names = ", ".join(str(head[side][name]) for name in ("model", "voice", "policy"))
        table.add_column(f"{side}: {_shown(names)}", overflow="fold", ratio=1)
    for turn in turns:
        for part, left, right in sides(turn["recorded"], turn["replayed"]):
            mark = "" if left == right else "[bold]"
            name = f"{turn['turn'] + 1} {part}"
            table.add_row(name, _shown(left), f"{mark}{_shown(right)}")
        table.add_section()
    out.print(table)
    out.print(f"written: {_shown(str(folder))}")


def _shown(text: str) -> str:
    return escape(one_line(text))
