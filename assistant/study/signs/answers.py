"""Signs in how questions were answered: too fast, not typed, worded as others word it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from assistant.study.keeping.store import LOG_NAME, PARTICIPANTS, Line
from assistant.study.signs.sign import Sign

FASTEST_ITEM_S = 1.0
"""Seconds an item, on average over a page: who is faster has not read (Wood, Harms, Lowman and
DeSimone 2017, Response Speed and Response Consistency)."""
LEAST_ITEMS = 5
SILENT_DB = -95.0
"""Below the last bit of 16: no microphone is switched on, or one that mutes what is no speech."""
UNFINISHED = frozenset({"lost", "cut off", "failed", "participant"})
"""Ends of a conversation that say nothing of whether anybody would have talked."""
FASTEST_LETTERS = 15.0
"""Letters a second: 180 words a minute. Of 168,000 people the mean wrote 52, the fastest about 120
(Dhakal, Feit, Kristensson and Oulasvirta 2018, Typing from 136 Million Keystrokes)."""
MOST_PASTED = 0.5
"""Share of a text that came without keys."""
LEAST_LETTERS = 25
"""Texts shorter than this are alike, fast or pasted by chance."""
LEAST_WORDS = 8
"""Sentences shorter than this are said by many."""

Logs = Mapping[str, Sequence[Line]]


def answer_signs(logs: Logs) -> Iterator[Sign]:
    """Yields the signs in the logs of all participants."""
    for name, lines in logs.items():
        yield from _of_browser(name, lines)
        yield from _fast(name, lines)
        yield from _typing(name, lines)
    yield from _same_texts(logs)


def source(participant: str, number: int) -> str:
    """Returns the place of a line of a participant's log."""
    return f"{PARTICIPANTS}/{participant}/{LOG_NAME}:{number}"


def item_seconds(lines: Sequence[Line]) -> dict[int, float]:
    """Returns by line how long each answer took: since the one before it, or since its page came.

    Pages send the seconds since they appeared, which begin anew where a page was loaded again.
    """
    found: dict[int, float] = {}
    before: dict[str, float] = {}
    for number, line in enumerate(lines, 1):
        if line["kind"] == "page_shown":
            before.pop(line["step"], None)
        seconds = line.get("seconds")
        if line["kind"] != "answered" or line.get("turn") is not None or seconds is None:
            continue
        last = before.get(line["step"], 0.0)
        found[number] = round(seconds - last if seconds >= last else seconds, 3)
        before[line["step"]] = seconds
    return found


def _of_browser(name: str, lines: Sequence[Line]) -> Iterator[Sign]:
    driven = [n for n, line in enumerate(lines, 1) if line.get("driven")]
    if driven:
        yield Sign(name, "driven", "", 1.0, 1.0, source(name, driven[0]))
    for number, line in enumerate(lines, 1):
        place = (str(line.get("step", "")), source(name, number))
        if line["kind"] == "trapped":
            yield _sign(name, "trap", place, 1.0, 1.0)
        if line.get("item") == "noise_db" and line["value"] < SILENT_DB:
            yield _sign(name, "silence", place, line["value"], SILENT_DB)
    talks = [n for n, line in enumerate(lines, 1) if _is_mute(line)]
    if talks:
        yield _sign(name, "no_talk", ("", source(name, talks[0])), len(talks), 1.0)


def _is_mute(line: Line) -> bool:
    """Whether a conversation came to its end without an answer to anything."""
    is_over = line["kind"] == "talk_ended" and line["reason"] not in UNFINISHED
    return is_over and line["turns"] == 0


def _fast(name: str, lines: Sequence[Line]) -> Iterator[Sign]:
    pages: defaultdict[str, dict[str, tuple[float, int]]] = defaultdict(dict)
    for number, seconds in item_seconds(lines).items():
        line = lines[number - 1]
        # An answer that is changed later was read the first time.
        pages[line["step"]].setdefault(line["item"], (seconds, number))
    for step, items in pages.items():
        middle = median(seconds for seconds, _ in items.values())
        if len(items) >= LEAST_ITEMS and middle < FASTEST_ITEM_S:
            last = max(number for _, number in items.values())
            yield Sign(name, "fast", step, round(middle, 2), FASTEST_ITEM_S, source(name, last))


def _typing(name: str, lines: Sequence[Line]) -> Iterator[Sign]:
    for number, line in enumerate(lines, 1):
        typing, text = line.get("typing"), line.get("value")
        if not typing or not isinstance(text, str) or len(text) < LEAST_LETTERS:
            continue
        place = (line["step"], source(name, number))
        share = max(typing["pasted"], len(text) - typing["keys"]) / len(text)
        if share > MOST_PASTED:
            yield _sign(name, "pasted", place, min(1.0, share), MOST_PASTED)
        elif len(text) > FASTEST_LETTERS * typing["seconds"]:
            speed = len(text) / max(0.1, typing["seconds"])
            yield _sign(name, "fast_typing", place, speed, FASTEST_LETTERS)


def _sign(name: str, kind: str, place: tuple[str, str], value: float, limit: float) -> Sign:
    return Sign(name, kind, place[0], round(value, 2), limit, place[1])


def _same_texts(logs: Logs) -> Iterator[Sign]:
    texts = [
        (name, line["step"], line["value"], source(name, number))
        for name, lines in logs.items()
        for number, line in enumerate(lines, 1)
        if line["kind"] == "answered"
        and isinstance(line.get("value"), str)
        # Words of a choice are the same for all.
        and line.get("typing") is not None
        and len(line["value"]) >= LEAST_LETTERS
    ]
    yield from _shared("same_text", texts)


def word_signs(turns: Sequence[Mapping[str, Any]]) -> Iterator[Sign]:
    """Yields the sentences that several participants said alike.

    Args:
        turns: Rows of the table of turns.
    """
    said = [
        (row["participant"], row["step"], row["words"], row["source"])
        for row in turns
        if row["words"] and len(row["words"].split()) >= LEAST_WORDS
    ]
    yield from _shared("same_words", said)


def _shared(kind: str, texts: Sequence[tuple[str, str, str, str]]) -> Iterator[Sign]:
    by_text: defaultdict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for name, step, text, place in texts:
        by_text[_bare(text)].append((name, step, place))
    for found in by_text.values():
        others = len({name for name, *_ in found}) - 1
        if others:
            for name, step, place in found:
                yield Sign(name, kind, step, others, 1.0, place)


def _bare(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())
