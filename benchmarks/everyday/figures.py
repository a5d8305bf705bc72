"""Figures of answered talks that need no judge."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.everyday.holding import AnsweredTurn
from benchmarks.everyday.sets import ScriptedTalk
from benchmarks.long_talk import is_whole, repeats

_Z = 1.96
"""Of the normal distribution, for 95 %."""
REPLY_MARK = "< "
"""Before each reply in a file of training text."""


def interval(part: int, whole: int) -> tuple[float, float]:
    """Returns the 95 % interval of a share (Wilson's), from 0 to 1; all of it for nothing."""
    if whole == 0:
        return 0.0, 1.0
    share, spread = part / whole, _Z * _Z / whole
    middle = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * math.sqrt(share * (1 - share) / whole + spread / (4 * whole))
    return max(0.0, middle - half), min(1.0, middle + half)


def share(part: int, whole: int) -> str:
    """Returns, for example, ``31 of 50 (62 %, 48 to 74)``, the latter the 95 % interval."""
    if whole == 0:
        return "–"
    low, high = interval(part, whole)
    percent = f"{100 * part / whole:.0f} %, {100 * low:.0f} to {100 * high:.0f}"
    return f"{part} of {whole} ({percent})"


def spoken_words(text: str) -> list[str]:
    """Returns the words of `text` in lower case, without marks."""
    return re.findall(r"\w+(?:['’]\w+)*", text.lower())


def ends_in_mark(reply: str) -> bool:
    """Whether `reply` ends as a sentence does; a quotation mark or bracket may follow."""
    return bool(re.search(r"[.!?…][\"'”’)]*$", reply.strip()))


def remembers(reply: str, talk: ScriptedTalk) -> bool:
    """Whether `reply` has an accepted word and no wrong one, as whole words."""
    words = f" {' '.join(spoken_words(reply.replace('-', ' ')))} "

    def has(fact: str) -> bool:
        # The name's own ending may stand at it: "Walnut's".
        told = " ".join(spoken_words(fact.replace("-", " ")))
        return bool(re.search(rf" {re.escape(told)}(['’]s)? ", words))

    return any(has(fact) for fact in talk.accepted) and not any(has(fact) for fact in talk.wrong)


def repeated_in_talk(talk: Sequence[AnsweredTurn]) -> int:
    """Returns how many replies were given before in the same talk, word for word."""
    replies = [tuple(spoken_words(turn.reply)) for turn in talk]
    return sum(bool(reply) and reply in replies[:index] for index, reply in enumerate(replies))


def shared_between_talks(talks: Sequence[Sequence[AnsweredTurn]]) -> int:
    """Returns how many replies are those of another talk too, word for word."""
    by_talk = [{tuple(spoken_words(turn.reply)) for turn in talk} for talk in talks]
    counts = Counter(reply for replies in by_talk for reply in replies if reply)
    return sum(counts[tuple(spoken_words(turn.reply))] > 1 for talk in talks for turn in talk)


def whole_by_third(talks: Sequence[Sequence[AnsweredTurn]]) -> list[str]:
    """Returns how many replies are whole sentences in each third of the talks."""
    thirds: list[list[bool]] = [[], [], []]
    for talk in talks:
        for index, turn in enumerate(talk):
            thirds[3 * index // len(talk)].append(is_whole(turn.reply))
    return [share(sum(third), len(third)) for third in thirds]


def answers_a_sentence(talks: Sequence[Sequence[AnsweredTurn]]) -> float:
    """Returns how many different answers a sentence gets in its emotions, in the mean."""
    answers: dict[str, set[tuple[str, ...]]] = {}
    for talk in talks:
        for turn in talk:
            answers.setdefault(turn.said, set()).add(tuple(spoken_words(turn.reply)))
    return sum(map(len, answers.values())) / max(1, len(answers))


def training_replies(folder: Path) -> set[tuple[str, ...]]:
    """Returns the words of each reply in the training text.

    Raises:
        ValueError: No file below `folder` has a line that begins with ``< ``.
    """
    found: set[tuple[str, ...]] = set()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            found |= {tuple(spoken_words(line)) for line in lines if line.startswith(REPLY_MARK)}
    if not found:
        raise ValueError(f"no line of a file in {folder} begins with {REPLY_MARK!r}")
    return found


def figures(
    answered: Sequence[Sequence[AnsweredTurn]],
    talks: Sequence[ScriptedTalk],
    trained_on: Iterable[tuple[str, ...]] | None = None,
) -> list[tuple[str, str]]:
    """Returns each figure of a set with its name, in the order of a report."""
    turns = [turn for talk in answered for turn in talk]
    replies = [turn.reply for turn in turns]
    count, lengths = len(replies), [len(spoken_words(reply)) for reply in replies]
    is_long = any(len(talk) > 1 for talk in answered)
    is_emotional = len({turn.said for turn in turns}) < len(answered)
    rows = [
        ("answered", share(sum(map(bool, lengths)), count)),
        ("end in a sentence mark", share(sum(map(ends_in_mark, replies)), count)),
        ("repeat four words", share(sum(map(repeats, replies)), count)),
        ("words a reply, mean", f"{sum(lengths) / max(1, count):.1f}"),
        ("also the reply in another talk", share(shared_between_talks(answered), count)),
    ]
    if is_long:
        repeated = sum(map(repeated_in_talk, answered))
        rows.append(("repeated word for word within a talk", share(repeated, count)))
    asked = [(turns, talk) for turns, talk in zip(answered, talks, strict=True) if talk.accepted]
    if asked:
        right = sum(remembers(turns[-1].reply, talk) for turns, talk in asked)
        rows.append(("remembered", share(right, len(asked))))
    if is_long and not asked:
        names = ("first", "second", "last")
        thirds = zip(names, whole_by_third(answered), strict=True)
        rows += [(f"whole sentences, {name} third", whole) for name, whole in thirds]
    if is_emotional:
        rows.append(("different answers to a sentence", f"{answers_a_sentence(answered):.1f}"))
    if any(turn.sounded for turn in turns):
        right = sum(turn.sounded.strip("()") == turn.emotion for turn in turns)
        rows.append(("emotion heard as spoken", share(right, count)))
    if trained_on is not None:
        known = set(trained_on)
        copied = sum(tuple(spoken_words(reply)) in known for reply in replies if reply)
        rows.append(("stand word for word in the training text", share(copied, count)))
    return rows
