"""The live picture of a conversation in a terminal: a view → lines of text with colour."""

from dataclasses import dataclass, field

from rich.console import Console, ConsoleRenderable, Group
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from assistant.history import Turn
from models.emotions import Emotion
from ui.shown import EMOTION_COLOURS, PASSED_OVER, one_line, style_words, words_shown
from ui.terminal.keys import BINDINGS, Action
from ui.view import CoursePoint, Notice, TalkState, Urgency, View, disclosure, response_s

QUIETEST_DB = -60.0
"""Left end of the level meters."""
BAR_CELLS = 10
TURNS_DRAWN = 12
"""Turns at the end of a talk that can be on a screen at all."""
NOTICES_DRAWN = 2
NOTICE_LASTS_S = {Urgency.NOTE: 15.0, Urgency.WARNING: 60.0}
"""How long a notice stays: to be read, and not to stand in the way. Where to find help stays."""
BESIDE_CELLS = 60
"""Below this width there is little room between a key and what it does."""
LABEL_CELLS = 8

_FLOOR_STYLES = {
    TalkState.PERSON: "bold green",
    TalkState.THINKING: "bold yellow",
    TalkState.ASSISTANT: "bold cyan",
    TalkState.BOTH: "bold cyan",
    TalkState.PAUSED: "bold yellow",
    TalkState.MUTED: "bold red",
    TalkState.AWAY: "bold red",
}
_URGENCY_STYLES = {Urgency.NOTE: "dim", Urgency.WARNING: "yellow", Urgency.HELP: "bold"}


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The signs that the picture is drawn with."""

    full: str = "█"
    empty: str = "░"
    heights: str = "▁▂▃▄▅▆▇█"
    dot: str = "●"
    cursor: str = "▏"
    rule: str = "─"


UNICODE = Glyphs()
ASCII = Glyphs(full="#", empty=".", heights=".:-=+*%#", dot="*", cursor="_", rule="-")


@dataclass(frozen=True, slots=True)
class Panel:
    """What the screen shows beside the conversation; changed by keys."""

    is_help_open: bool = False
    typed: str | None = None
    """What is being written instead of spoken; None while nobody writes."""
    is_push_to_talk: bool = False
    is_pressed: bool = False
    is_recording: bool = False
    shown_turns: int | None = None
    """How many turns are shown, from the first on, to who looks back; None for all that fit."""
    glyphs: Glyphs = field(default=UNICODE)
    sends_words_to: str | None = None
    """Another machine that the person's words are sent to."""


def picture(view: View, panel: Panel, console: Console) -> list[str]:
    """Returns the lines of one screen, as many as `console` is high, with their colour codes."""
    width, height = console.size
    head = _lines(console, _head(view, panel, width))
    if panel.is_help_open:
        # The keys have the screen for themselves: on a small one they would not fit beside it.
        lines = head[:1] + _lines(console, _help(width, panel))
        return (lines + [""] * height)[:height]
    foot = _lines(console, _foot(view, panel, width))
    room = max(0, height - len(head) - len(foot))
    body = _lines(console, _conversation(view, panel))
    body = body[-room:] if room else []
    body += [""] * (room - len(body))
    return (head + body + foot)[:height]


def _lines(console: Console, part: ConsoleRenderable) -> list[str]:
    with console.capture() as capture:
        console.print(part)
    return capture.get().rstrip("\n").split("\n")


def _head(view: View, panel: Panel, width: int) -> ConsoleRenderable:
    glyphs = panel.glyphs
    floor = view.floor
    state = Text()
    state.append(f" {glyphs.dot} {floor}", style=_FLOOR_STYLES.get(floor, "bold"))
    if view.is_muted and floor is not TalkState.MUTED:
        state.append(f"  {TalkState.MUTED}", style="bold red")
    if panel.is_recording:
        state.append("  recording", style="red")
    if panel.is_push_to_talk and floor is not TalkState.ENDED:
        state.append("  space sends" if panel.is_pressed else "  press space to talk", style="dim")
    minutes, seconds = divmod(int(view.clock_s), 60)
    clock = f"  {minutes}:{seconds:02d} "
    # Who has the floor is never cut: what is known already gives way to it.
    about = _about(view, width - state.cell_len - len(clock) - 2)
    title = Table.grid(expand=True)
    title.add_column(ratio=1, no_wrap=True)
    title.add_column(justify="right", no_wrap=True)
    title.add_row(state, Text(about + clock, style="dim"))
    cells = max(10, min(48, width - LABEL_CELLS - 14))
    person = "off" if view.is_muted else ""
    assistant = "waits" if view.is_held else "lowered" if view.is_ducked else ""
    return Group(
        title,
        _meter("you", view.person_db, person, "green", cells, glyphs),
        _meter("Attune", view.assistant_db, assistant, "cyan", cells, glyphs),
        Rule(style="dim", characters=glyphs.rule),
    )


def _about(view: View, room: int) -> str:
    """Returns who answers, who speaks and in which manner, as far as there is room for it."""
    known = [one_line(str(view.settings.get(name, ""))) for name in ("model", "voice", "policy")]
    known[0] = known[0].rstrip("/").rpartition("/")[2]
    while known and len(" ".join(known)) > room:
        known.pop()
    return " ".join(known)


def _meter(
    name: str, level_db: float, note: str, colour: str, cells: int, glyphs: Glyphs
) -> ConsoleRenderable:
    share = (level_db - QUIETEST_DB) / -QUIETEST_DB
    filled = round(cells * min(1.0, max(0.0, share)))
    line = Text(f" {name:<{LABEL_CELLS}}", no_wrap=True)
    line.append(glyphs.full * filled, style=colour)
    line.append(glyphs.empty * (cells - filled), style="dim")
    line.append(f"  {note}")
    return line


def _conversation(view: View, panel: Panel) -> ConsoleRenderable:
    if not view.turns and not view.caption:
        hint = "Just speak." if not panel.is_push_to_talk else "Press space, speak, press it again."
        told = _indented(disclosure(panel.sends_words_to))
        return Group(Text(""), told, Text(""), _indented(f"{hint} ? shows keys."))
    rows = Table.grid(padding=(0, 1), expand=True)
    rows.add_column(width=LABEL_CELLS, no_wrap=True)
    rows.add_column(ratio=1, overflow="fold")
    shown = view.turns[: panel.shown_turns]
    for turn in shown[-TURNS_DRAWN:]:
        _add_turn(rows, turn, view, panel.glyphs)
    if view.caption and view.person_speaks and panel.shown_turns is None:
        rows.add_row(Text(" You", style="green"), Text(f"{one_line(view.caption)} …", style="dim"))
    if later := len(view.turns) - len(shown):
        turns = "turn" if later == 1 else "turns"
        rows.add_row("", Text(f"{later} later {turns}: PgDn, or Esc for the last one", style="dim"))
    return rows


def _add_turn(rows: Table, turn: Turn, view: View, glyphs: Glyphs) -> None:
    if turn.passed_over:
        rows.add_row("", Text(PASSED_OVER, style="dim"))
        return
    if turn.transcript is None:
        words = Text("…", style="dim")
    else:
        style = "italic dim" if turn.transcript.is_guess else ""
        words = Text(words_shown(turn.transcript), style=style)
    rows.add_row(Text(" You", style="green"), words)
    emotion = emotion_text(turn, glyphs)
    if emotion is not None:
        rows.add_row("", emotion)
    if turn.failure is not None:
        rows.add_row("", Text(one_line(turn.failure), style="yellow"))
    rows.add_row(Text(" Attune", style="cyan"), _reply_text(turn, view, glyphs))
    time_s, manner = response_s(turn), style_words(turn)
    notes = [f"spoken {manner}"] if manner else []
    notes += [] if time_s is None else [f"answered after {time_s:.2f} s"]
    if notes:
        rows.add_row("", Text(", ".join(notes), style="dim"))


def _reply_text(turn: Turn, view: View, glyphs: Glyphs) -> Text:
    if turn.interrupted:
        text = Text(one_line(turn.heard), style="bold")
        text.append(" (interrupted)", style="dim")
        return text
    text = Text(one_line(turn.heard or turn.generated), style="bold")
    if view.answering == turn.index:
        text.append(glyphs.cursor, style="cyan")
    return text


def emotion_text(turn: Turn, glyphs: Glyphs) -> Text | None:
    """Returns the emotion as a word, a bar and a number; None where there is none to speak of.

    That a voice was neutral stands in the course below: under each turn it would say nothing.
    """
    if turn.corrected is None and turn.emotion in (None, Emotion.NEUTRAL) and not _in_doubt(turn):
        return None
    text = Text()
    if turn.corrected is not None:
        colour = EMOTION_COLOURS[turn.corrected.label]
        text.append(f"{turn.corrected.label} by your word", style=colour)
    if turn.estimate is not None:
        estimate = turn.estimate
        label, sure = estimate.emotion.label, estimate.confidence
        name = f"unsure, perhaps {label}" if estimate.abstained else label
        if turn.corrected is not None:
            text.append(f", heard as {name} {100 * sure:.0f} %", style="dim")
            return text
        filled = round(BAR_CELLS * sure)
        text.append(f"{name} ", style=EMOTION_COLOURS[label])
        text.append(glyphs.full * filled, style=EMOTION_COLOURS[label])
        text.append(glyphs.empty * (BAR_CELLS - filled), style="dim")
        text.append(f" {100 * sure:.0f} %", style=EMOTION_COLOURS[label])
    return text


def _in_doubt(turn: Turn) -> bool:
    """Whether it may have been another emotion than neutral."""
    estimate = turn.estimate
    return estimate is not None and estimate.abstained and estimate.emotion is not Emotion.NEUTRAL


def _foot(view: View, panel: Panel, width: int) -> ConsoleRenderable:
    parts: list[ConsoleRenderable] = [_notice(notice) for notice in _chosen(view)]
    if view.suggestion:
        text = f'to keep "{view.suggestion}" for the next talk, say "remember that"'
        parts.append(_indented(text, style="dim"))
    parts.append(Rule(style="dim", characters=panel.glyphs.rule))
    if view.course:
        parts.extend(_course(view.course, width, panel.glyphs))
    if panel.typed is not None:
        shown = one_line(panel.typed)[-(width - LABEL_CELLS - 4) :]
        line = Text(f" {'Type':<{LABEL_CELLS}}{shown}", no_wrap=True)
        line.append(panel.glyphs.cursor)
        parts.append(line)
    else:
        parts.append(_key_line(panel, width))
    return Group(*parts)


def _chosen(view: View) -> list[Notice]:
    """Returns the notices to draw: the latest help, then the latest others that are still new."""
    help_texts = [notice for notice in view.notices if notice.urgency is Urgency.HELP][-1:]
    others = [
        notice
        for notice in view.notices
        if notice.urgency is not Urgency.HELP
        and view.clock_s - notice.at_s < NOTICE_LASTS_S[notice.urgency]
    ]
    # What is said again stands once, in its newest place.
    newest = {notice.text: notice for notice in reversed(others)}
    return [*help_texts, *[*newest.values()][:NOTICES_DRAWN][::-1]]


def _notice(notice: Notice) -> ConsoleRenderable:
    return _indented(notice.text, style=_URGENCY_STYLES[notice.urgency])


def _indented(text: str, style: str = "") -> ConsoleRenderable:
    row = Table.grid(padding=(0, 0, 0, 1), expand=True)
    row.add_column(ratio=1, overflow="fold")
    row.add_row(Text(one_line(text), style=style))
    return row


def _course(course: tuple[CoursePoint, ...], width: int, glyphs: Glyphs) -> list[Text]:
    """Returns two lines: how sure, and the emotions' first letters (capital: by your word)."""
    points = course[-max(1, (width - LABEL_CELLS - 2) // 2) :]
    heights = Text(f" {'emotion':<{LABEL_CELLS}}", no_wrap=True)
    letters = Text(f" {'':<{LABEL_CELLS}}", no_wrap=True)
    top = len(glyphs.heights) - 1
    for point in points:
        colour = EMOTION_COLOURS[point.emotion.label] if point.is_certain else "dim"
        heights.append(glyphs.heights[round(top * point.confidence)] + " ", style=colour)
        letter = "u" if point.emotion.label == "surprise" else point.emotion.label[0]
        letter = letter.upper() if point.is_corrected else letter
        letters.append((letter if point.is_certain else "?") + " ", style=colour)
    legend = "  n neutral h happy a angry s sad u surprise ? unsure"
    if len(letters) + len(legend) <= width:
        letters.append(legend, style="dim")
    return [heights, letters]


def _key_line(panel: Panel, width: int) -> Text:
    hidden = Action.INTERRUPT if panel.is_push_to_talk else Action.TALK
    # The list of keys tells those for which there is no room; itself and the end stand always.
    keys = {
        action: (binding.keys.split(" ")[0], f" {binding.short}  ")
        for action, binding in BINDINGS.items()
        if action not in (hidden, Action.BACK)
    }
    others = [action for action in keys if action not in (Action.HELP, Action.QUIT)]
    while others and 1 + sum(len(key) + len(short) for key, short in keys.values()) > width + 2:
        del keys[others.pop()]
    line = Text(" ", no_wrap=True, overflow="ellipsis")
    for key, short in keys.values():
        line.append(key, style="bold")
        line.append(short, style="dim")
    line.rstrip()
    return line


def _help(width: int, panel: Panel) -> ConsoleRenderable:
    rows = Table.grid(padding=(0, 1 if width < BESIDE_CELLS else 2), expand=True)
    rows.add_column(no_wrap=True)
    rows.add_column(ratio=1, overflow="fold")
    for binding in BINDINGS.values():
        rows.add_row(Text(f" {binding.keys}", style="bold"), binding.about)
    return Group(rows, "", _indented(disclosure(panel.sends_words_to), style="dim"))
