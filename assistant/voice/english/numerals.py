"""How numbers are written, and the shapes that are tried where one begins."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from assistant.voice.english import number_words as words

GROUPED = (
    r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?(?![0-9])"
    r"|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?(?![0-9]|,[0-9])"
    r"|[0-9]{1,3}(?:\.[0-9]{3}){2,}(?:,[0-9]+)?(?![.]?[0-9])"
    r"|[0-9]{1,3}\.[0-9]{3},[0-9]{1,2}(?![0-9])"
    r"|[1-9][0-9]{0,2}(?:'[0-9]{3})+(?:\.[0-9]+)?(?![0-9])"
    r"|[1-9][0-9]{0,2}(?:[ '][0-9]{3}){2,}(?:[.,][0-9]+)?(?![0-9])"
    r"|[1-9][0-9]{0,2}[ '][0-9]{3},[0-9]{2}(?![0-9])"
    r"|[1-9][0-9]{0,2}[ ']000(?![0-9]))"
)
"""Thousands set apart by commas, full stops, spaces or apostrophes; lakhs as in 1,50,000."""
NUMBER = (
    rf"(?:{GROUPED}|[0-9]+\.[0-9]+|[0-9]+,[0-9]{{1,2}}(?![0-9]|,[0-9])|0,[0-9]+(?![0-9]|,[0-9])"
    r"|[0-9]+|\.[0-9]+)"
)
"""A number without a sign, with a decimal point or comma."""
MIXED = r"(?:[0-9]+[ -])?[0-9]+/[0-9]+"
"""A fraction, perhaps after whole ones."""
SIGN = r"(?:(?<![\w)\]])[-+±])?"
RANGE = r"\s?[-–—]\s?|\s(?:to|or|and)\s"
"""What stands between the ends of a range."""

_SCALES = {
    "k": "thousand",
    "m": "million",
    "mn": "million",
    "mm": "million",
    "mio": "million",
    "mrd": "billion",
    "mil": "million",
    "b": "billion",
    "bn": "billion",
    "bio": "billion",
    "t": "trillion",
    "tn": "trillion",
    "trn": "trillion",
}
SCALE = (
    r"(?:[\s-]?(?:hundred|thousand|lakh|crore|million|billion|trillion)(?![A-Za-z])"
    r"|\s?(?:mn|mio|Mio|mil|bn|bio|Mrd|tn|trn|MM)(?![A-Za-z])|[kKMBT](?![A-Za-z\d]))"
)


@dataclass(frozen=True, slots=True)
class Shape:
    """One way of writing something that holds a number."""

    pattern: re.Pattern[str]
    say: Callable[[re.Match[str]], str | None]
    """Returns the words, or None where it is something else after all."""


def shape(pattern: str, say: Callable[[re.Match[str]], str | None]) -> Shape:
    """Returns a shape; spaces in `pattern` count."""
    return Shape(re.compile(pattern), say)


def read(text: str, start: re.Pattern[str], shapes: Iterable[Shape]) -> str:
    """Returns `text` with what `shapes` know in words.

    At each place where `start` matches, the shape that reaches farthest is taken; among equals,
    the first.
    """
    shapes = tuple(shapes)
    spoken: list[str] = []
    done = position = 0
    while found := start.search(text, position):
        begin = found.start()
        said, end = _longest(text, begin, shapes)
        if said is None:
            position = begin + 1
            continue
        spoken += [_joined(text[done:begin], text[begin - 1 : begin]), said]
        if text[end : end + 1].isalnum():
            spoken.append(" ")
        done = position = end
    return "".join([*spoken, text[done:]])


def _longest(text: str, begin: int, shapes: tuple[Shape, ...]) -> tuple[str | None, int]:
    matches = [(match.end(), s) for s in shapes if (match := s.pattern.match(text, begin))]
    for end, candidate in sorted(matches, key=lambda item: -item[0]):
        match = candidate.pattern.match(text, begin)
        if match and end > begin and (said := candidate.say(match)) is not None:
            return said, end
    return None, begin


def _joined(before: str, last: str) -> str:
    return before + " " if last.isalnum() else before


def before(match: re.Match[str], characters: int = 40) -> str:
    """Returns what stands shortly before `match`, in lower case."""
    return match.string[max(0, match.start() - characters) : match.start()].lower()


def after(match: re.Match[str], characters: int = 24) -> str:
    """Returns what stands shortly after `match`."""
    return match.string[match.end() : match.end() + characters]


def canonical(written: str) -> str:
    """Returns a number as digits with a decimal point: ``"1.234,5"`` → ``"1234.5"``."""
    if re.fullmatch(r"[1-9][0-9]{0,2}(?:,[0-9]{2,3})*,[0-9]{3}(?:\.[0-9]+)?", written):
        return written.replace(",", "")
    if re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{3}){2,}(?:,[0-9]+)?|[0-9]+\.[0-9]{3},[0-9]+", written):
        return written.replace(".", "").replace(",", ".")
    return re.sub(r"[ ']", "", written).replace(",", ".")


def number(written: str) -> str:
    """Returns a number of any writing in words, with its sign."""
    sign = {"-": "minus ", "+": "plus ", "±": "plus or minus "}.get(written[:1], "")
    digits = canonical(written.lstrip("+-±"))
    if digits.startswith("."):
        return f"{sign}point {words.spelled(digits[1:])}"
    return sign + words.decimal(digits)


def is_one(written: str) -> bool:
    """Whether a unit after this number is in the singular."""
    return canonical(written.lstrip("+-±")) in {"1", "1/1"}


def mixed(written: str) -> str:
    """Returns a fraction in words: ``"2 1/2"`` → ``"two and a half"``."""
    whole, _, part = written.replace("-", " ").rpartition(" ")
    above, below = part.split("/")
    spoken = words.fraction(above, below)
    if not whole:
        return spoken
    spoken = "a" + spoken.removeprefix("one") if above == "1" else spoken
    return f"{words.cardinal(whole)} and {spoken}"


def scaled(written: str, scale: str | None) -> str:
    """Returns a number with its scale in words: ``("5.2", "M")`` → ``"five point two million"``."""
    if not scale:
        return number(written)
    name = scale.strip(" -")
    return f"{number(written)} {_SCALES.get(name.lower(), name)}"
