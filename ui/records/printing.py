"""How records look on a terminal: a table of them, and one of them turn by turn."""

import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assistant.records.index import Listed
from assistant.records.reading import Record
from assistant.records.turns import RecordedTurn, recorded_turns
from assistant.records.wording import clock, emotion_of, said_of, style_of, words_of
from ui.shown import EMOTION_COLOURS, local_time, one_line

LONGEST_WORDS = 60
PIPED = 240
"""Columns where nobody's window is the limit."""
STATES = {"whole": "", "mended": "mended", "open": "recording now", "damaged": "[red]damaged[/]"}


def console() -> Console:
    """Returns where it is printed; lines are not cut where they are piped."""
    is_shown = sys.stdout.isatty()
    return Console(highlight=False, soft_wrap=not is_shown, width=None if is_shown else PIPED)


def print_list(listed: list[Listed], total: int, *, is_search: bool) -> None:
    """Prints a table of records, the latest first, and what is damaged below it."""
    out = console()
    if not listed:
        out.print("no talk was found" if is_search else "no talk is recorded here")
        return
    table = Table(box=None, pad_edge=False)
    for head in ("id", "begun", "length", "turns", "emotions", "words"):
        # An id is there to be copied: it is never cut.
        table.add_column(head, no_wrap=head in ("id", "begun"), overflow="fold")
    for one in listed:
        table.add_row(*_row(one))
    out.print(table)
    for one in listed:
        if one.record.problem:
            out.print(f"{_shown(one.record.id)}: {_shown(one.record.problem)}")
    if total > len(listed):
        out.print(f"… and {total - len(listed)} more: --most {total} shows all")


def _row(listed: Listed) -> tuple[str, ...]:
    record = listed.record
    emotions = ", ".join(
        f"[{EMOTION_COLOURS[name]}]{name}[/] {count}" for name, count in listed.emotions.items()
    )
    words = "" if listed.match is None else _shortened(listed.match.words or listed.match.reply)
    return (
        _shown(record.id),
        local_time(record.started_utc),
        clock(record.duration_s, hours=False).partition(".")[0],
        str(record.turns),
        emotions,
        STATES.get(record.state, "") or _shown(words),
    )


def print_record(record: Record) -> None:
    """Prints one record turn by turn."""
    out = console()
    started = record.started
    about = (
        f"model {started.model}, voice {started.voice}, policy {started.policy}" if started else ""
    )
    length = clock(record.duration_s, hours=False).partition(".")[0]
    out.print(
        f"[bold]{_shown(record.id)}[/]  [dim]{local_time(record.started_utc)}, {length}, "
        f"{_shown(about)}{', still being recorded' if record.is_open else ''}[/]"
    )
    if record.continues:
        out.print(f"[dim]goes on from {_shown(record.continues)}[/]")
    for repair in record.log.repairs:
        out.print(f"[yellow]{_shown(repair)}[/]")
    for number, turn in enumerate(recorded_turns(record), start=1):
        _print_turn(out, number, turn)


def _print_turn(out: Console, number: int, turn: RecordedTurn) -> None:
    when = "typed" if turn.is_typed else f"{turn.start_s:.1f}-{turn.end_s:.1f} s"
    out.print(f"\n[dim]{number}  {when}[/]")
    if emotion := emotion_of(turn):
        label = turn.turn.corrected or (turn.estimate.emotion if turn.estimate else None)
        colour = EMOTION_COLOURS[label.label] if label is not None else "white"
        out.print(f"  voice   [{colour}]{_shown(emotion)}[/]")
    out.print(f"  words   {_shown(words_of(turn))}")
    out.print(f"  reply   [bold]{_shown(said_of(turn))}[/]")
    if style := style_of(turn):
        out.print(f"  style   {_shown(style)}")
    if turn.turn.failure is not None:
        out.print(f"  [red]{_shown(turn.turn.failure)}[/]")


def _shortened(text: str) -> str:
    text = one_line(text)
    return text if len(text) <= LONGEST_WORDS else f"{text[:LONGEST_WORDS].rstrip()} …"


def _shown(text: str) -> str:
    return escape(one_line(text))
