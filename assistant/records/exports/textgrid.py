"""Praat TextGrid: tiers of words, emotion and style on the record's sound."""

from collections.abc import Iterable

from assistant.records.reading import Record
from assistant.records.turns import RecordedTurn, passages, recorded_turns
from assistant.records.wording import one_line

TierInterval = tuple[float, float, str]


def export(record: Record) -> str:
    """Returns the grid in Praat's long text form; times are seconds."""
    spoken, turns = passages(record), recorded_turns(record)
    tiers = {
        "person": [(p.start_s, p.end_s, one_line(p.text)) for p in spoken if p.is_person],
        "emotion": [(t.start_s, t.end_s, _emotion(t)) for t in turns if _emotion(t)],
        "assistant": [(p.start_s, p.end_s, one_line(p.text)) for p in spoken if not p.is_person],
        "style": list(_styles(turns)),
    }
    ends = [end for intervals in tiers.values() for _, end, _ in intervals]
    length_s = max([record.duration_s, 0.001, *ends])
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {length_s:.4f}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, (name, intervals) in enumerate(tiers.items(), start=1):
        lines += _tier(number, name, _filled(intervals, length_s), length_s)
    return "\n".join(lines) + "\n"


def _tier(number: int, name: str, intervals: list[TierInterval], length_s: float) -> list[str]:
    lines = [
        f"    item [{number}]:",
        '        class = "IntervalTier"',
        f'        name = "{name}"',
        "        xmin = 0",
        f"        xmax = {length_s:.4f}",
        f"        intervals: size = {len(intervals)}",
    ]
    for index, (start_s, end_s, text) in enumerate(intervals, start=1):
        quoted = text.replace('"', '""')
        lines += [
            f"        intervals [{index}]:",
            f"            xmin = {start_s:.4f}",
            f"            xmax = {end_s:.4f}",
            f'            text = "{quoted}"',
        ]
    return lines


def _filled(intervals: Iterable[TierInterval], length_s: float) -> list[TierInterval]:
    """Returns intervals that cover the whole length without overlap, as Praat demands."""
    filled: list[TierInterval] = []
    place = 0.0
    for start_s, end_s, text in sorted(intervals):
        start_s, end_s = round(max(place, start_s), 4), round(end_s, 4)
        if end_s <= start_s:  # typed within what was said before: there is no room for it
            continue
        if start_s > place:
            filled.append((place, start_s, ""))
        filled.append((start_s, end_s, text))
        place = end_s
    if place < round(length_s, 4):
        filled.append((place, length_s, ""))
    return filled


def _emotion(turn: RecordedTurn) -> str:
    return turn.emotion.label if turn.emotion is not None else ""


def _styles(turns: Iterable[RecordedTurn]) -> Iterable[TierInterval]:
    for turn in turns:
        style = turn.turn.style
        if style is not None and turn.reply_start_s is not None and turn.reply_end_s is not None:
            text = f"{style.emotion.label} {style.intensity:.2f}"
            yield turn.reply_start_s, turn.reply_end_s, text
