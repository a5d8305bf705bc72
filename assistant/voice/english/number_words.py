"""Numbers as English words, for voices that are given nothing but words."""

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = ("", "thousand", "million", "billion", "trillion")
_IRREGULAR_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_LONGEST_QUANTITY_DIGITS = 15
_LARGEST_DENOMINATOR = 32
"""Up to here parts have names in everyday speech; beyond it, one says "over"."""


def cardinal(digits: str) -> str:
    """Returns `digits` (ASCII digits only) as words.

    Long strings and those with a leading zero (telephone numbers, codes) are read digit by digit.
    """
    is_code = len(digits) > 1 and digits[0] == "0"
    if is_code or len(digits) > _LONGEST_QUANTITY_DIGITS:
        return spelled(digits)
    value = int(digits)
    if value == 0:
        return _SMALL[0]
    words: list[str] = []
    for power in range(len(_SCALES) - 1, -1, -1):
        group = value // 1000**power % 1000
        if group:
            words.append(_below_thousand(group))
            if power:
                words.append(_SCALES[power])
    return " ".join(words)


def decimal(number: str) -> str:
    """Returns a number such as ``"3.50"`` as words: ``"three point five zero"``."""
    whole, _, fraction = number.partition(".")
    words = cardinal(whole or "0")
    return f"{words} point {spelled(fraction)}" if fraction else words


def ordinal(digits: str) -> str:
    """Returns `digits` as an ordinal: ``"21"`` → ``"twenty first"``."""
    *front, last = cardinal(digits).split(" ")
    if last in _IRREGULAR_ORDINALS:
        last = _IRREGULAR_ORDINALS[last]
    elif last.endswith("y"):
        last = last[:-1] + "ieth"
    else:
        last += "th"
    return " ".join([*front, last])


def year(digits: str) -> str:
    """Returns a year of four digits as it is spoken: ``"1984"`` → ``"nineteen eighty four"``."""
    century, rest = int(digits[:2]), int(digits[2:])
    if century == 0:
        return cardinal(str(rest))
    if rest == 0:
        if century % 10 == 0:
            return f"{_below_thousand(century // 10)} thousand"
        return f"{_below_thousand(century)} hundred"
    if century == 20 and rest < 10:
        return f"two thousand {_SMALL[rest]}"
    tail = f"oh {_SMALL[rest]}" if rest < 10 else _below_thousand(rest)
    return f"{_below_thousand(century)} {tail}"


def decade(digits: str) -> str:
    """Returns ten years or a hundred: ``"1990"`` → ``"nineteen nineties"``."""
    return plural(cardinal(digits) if len(digits) < 4 else year(digits))


def clock(hour: str, minute: str) -> str:
    """Returns a time of day: ``("5", "30")`` → ``"five thirty"``."""
    hours = cardinal(str(int(hour)))
    if int(minute) == 0:
        if int(hour) in (0, 24):
            return "midnight"
        return f"{hours} hundred" if int(hour) > 12 else f"{hours} o'clock"
    tail = f"oh {_SMALL[int(minute)]}" if int(minute) < 10 else _below_thousand(int(minute))
    return f"{hours} {tail}"


def fraction(above: str, below: str) -> str:
    """Returns a part of a whole: ``("5", "8")`` → ``"five eighths"``."""
    if int(below) in (0, 1) or (int(below) > _LARGEST_DENOMINATOR and below.strip("0") != "1"):
        return f"{cardinal(above)} over {cardinal(below)}"
    part = {2: "half", 4: "quarter"}.get(int(below)) or ordinal(below)
    if part.startswith("one "):
        part = part.removeprefix("one ")
    return f"{cardinal(above)} {part if int(above) == 1 else plural(part)}"


def spelled(digits: str, *, zero: str = "zero") -> str:
    """Returns the digits one by one."""
    return " ".join(_SMALL[int(digit)] if digit != "0" else zero for digit in digits)


def by_pairs(digits: str) -> str:
    """Returns a number that is a name, as of a room: ``"214"`` → ``"two fourteen"``."""
    if len(digits) < 3 or len(digits) > 4 or digits[0] == "0":
        return cardinal(digits) if len(digits) < 3 else spelled(digits, zero="oh")
    head, tail = digits[:-2], digits[-2:]
    if tail == "00":
        return f"{cardinal(head)} hundred" if int(head) % 10 else cardinal(digits)
    if len(digits) == 3 and tail[0] == "0":
        return spelled(digits, zero="oh")
    return f"{cardinal(head)} {'oh ' if tail[0] == '0' else ''}{cardinal(str(int(tail)))}"


def plural(word: str) -> str:
    """Returns the plural of a word that counts: ``"sixty"`` → ``"sixties"``."""
    if word.endswith("half"):
        return word[:-1] + "ves"
    if word.endswith("y"):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("x", "s", "ch")) else "s")


def _below_thousand(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    words = [_SMALL[hundreds], "hundred"] if hundreds else []
    if 0 < rest < 20:
        words.append(_SMALL[rest])
    elif rest:
        words.append(_TENS[rest // 10])
        if rest % 10:
            words.append(_SMALL[rest % 10])
    return " ".join(words)
