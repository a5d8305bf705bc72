"""Written text → what a voice can say: no markup, no emoji, numbers and symbols as words."""

import re
import unicodedata

from assistant import number_words as words

_CHARACTERS = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "«": '"',
        "»": '"',
        "…": "... ",
        "—": ", ",
        "―": ", ",
        "−": "-",
        "•": "\n",
        "·": " ",
        "½": " one half ",
        "¼": " one quarter ",
        "¾": " three quarters ",
        "⁄": "/",
        "\u00ad": None,
        "\u200b": None,
    }
)
_MARKUP: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"```.*?(```|\Z)", re.DOTALL), " "),
    (re.compile(r"!?\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"^\s{0,3}(#{1,6}|>+|[-*+])\s+", re.MULTILINE), ""),
    (re.compile(r"^\s*[-*_|:= ]{3,}\s*$", re.MULTILINE), ""),
    (re.compile(r"(\*\*|__|~~|`|\*|(?<!\w)_|_(?!\w))"), ""),
    (re.compile(r"</?[a-zA-Z][^>]{0,200}>"), " "),
    (re.compile(r"\s*\|\s*"), ", "),
)
_ABBREVIATIONS = {
    "dr": "doctor",
    "mr": "mister",
    "mrs": "missus",
    "ms": "miss",
    "prof": "professor",
    "e.g": "for example",
    "i.e": "that is",
    "etc": "et cetera",
    "vs": "versus",
    "approx": "approximately",
}
_ABBREVIATION = re.compile(r"\b(dr|mrs?|ms|prof|e\.g|i\.e|etc|vs|approx)\.", re.IGNORECASE)
_MONTHS = (
    "January February March April May June July August September October November December"
).split()
_MONTH = "|".join(_MONTHS)
_CURRENCIES = {
    "$": ("dollar", "cent"),
    "£": ("pound", "penny"),
    "€": ("euro", "cent"),
    "¥": ("yen", "sen"),
}
_UNITS = {
    "km": "kilometers",
    "cm": "centimeters",
    "mm": "millimeters",
    "kg": "kilograms",
    "mg": "milligrams",
    "ml": "milliliters",
    "km/h": "kilometers per hour",
    "mph": "miles per hour",
    "°c": "degrees celsius",
    "°f": "degrees fahrenheit",
    "°": "degrees",
    "%": "percent",
}
_UNIT = re.compile(r"(?<=\d)\s?(km/h|km|cm|mm|kg|mg|ml|mph|°[CcFf]?|%)(?![A-Za-z])", re.IGNORECASE)
_SYMBOLS = {
    "&": " and ",
    "+": " plus ",
    "=": " equals ",
    "@": " at ",
    "×": " times ",
    "÷": " divided by ",
    "<": " less than ",
    ">": " greater than ",
    "~": " about ",
    "/": " ",
    "\\": " ",
    "^": " ",
    "#": " ",
    "_": " ",
    "{": " ",
    "}": " ",
    "[": " ",
    "]": " ",
}
_SYMBOL = re.compile("|".join(re.escape(symbol) for symbol in _SYMBOLS))
_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_LONGEST_WORD = 60


def speakable(text: str, *, language: str = "en") -> str:
    """Returns `text` as plain words and punctuation, on one line; empty if nothing can be said.

    Markup, emoji and control characters go out in every language; numbers, money, dates, times,
    addresses and symbols become words in English only, since other voices read their own.
    """
    text = unicodedata.normalize("NFKC", text.translate(_CHARACTERS)).translate(_CHARACTERS)
    text = re.sub(r"(?<=\d)\s?\*\s?(?=\d)", " × ", text)
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    if language.split("-")[0] == "en":
        text = _in_english_words(text)
    text = "".join(character for character in text if _has_sound(character))
    text = re.sub(rf"\S{{{_LONGEST_WORD + 1},}}", _broken_up, text)
    text = re.sub(r"(?<=\w)[ \t]*\n\s*(?=\w)", ", ", text)
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\s+([,.;:!?])", r"\1", text)
    text = re.sub(r"^[\s,.;:!?]+", "", re.sub(r"([,;:])(?:\s*[,;:])+", r"\1", text))
    return text if any(character.isalnum() for character in text) else ""


def _in_english_words(text: str) -> str:
    text = re.sub(r"(?:https?://|www\.)\S+", _web_address, text)
    text = re.sub(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b", _email_address, text)
    text = _ABBREVIATION.sub(lambda match: _ABBREVIATIONS[match[1].lower()], text)
    text = _dates_and_times(text)
    text = _money(text)
    text = re.sub(r"(?<![\d/])([13])/([234])(?![\d/])", _fraction, text)
    text = re.sub(r"\d+(?:\.\d+){2,}", lambda match: match[0].replace(".", " point "), text)
    text = re.sub(rf"({_NUMBER})\s?[-–]\s?(?=\d)", r"\1 to ", text)
    text = _UNIT.sub(lambda match: f" {_UNITS[match[1].lower()]}", text)
    text = re.sub(r"#(?=\d)", "number ", text)
    text = re.sub(r"\b(\d+)(?:st|nd|rd|th)\b", lambda match: words.ordinal(match[1]), text)
    text = re.sub(
        r"(?<![\w.,])(1[1-9]\d\d|20\d\d)(?![\w,]|\.\d)", lambda match: words.year(match[1]), text
    )
    text = re.sub(r"(?<![\w)])-(?=\d)", "minus ", text)
    text = re.sub(_NUMBER, _number, text)
    text = text.replace("–", ", ")
    return _SYMBOL.sub(lambda match: _SYMBOLS[match[0]], text)


def _dates_and_times(text: str) -> str:
    text = re.sub(
        r"\b(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\b",
        lambda m: f"{_MONTHS[int(m[2]) - 1]} {words.ordinal(str(int(m[3])))}, {words.year(m[1])}",
        text,
    )
    text = re.sub(
        rf"\b({_MONTH}) (\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)",
        lambda m: f"{m[1]} {words.ordinal(m[2])}",
        text,
    )
    return re.sub(
        r"\b([01]?\d|2[0-3]):([0-5]\d)\b(?:\s?([ap])\.?m\b\.?)?",
        lambda m: words.clock(m[1], m[2]) + (f" {m[3]} m" if m[3] else ""),
        re.sub(r"\b(\d{1,2})\s?([ap])\.?m\b\.?", r"\1 \2 m", text),
    )


def _money(text: str) -> str:
    return re.sub(
        rf"([$£€¥])\s?({_NUMBER})(?:\s(thousand|million|billion|trillion))?", _amount, text
    )


def _amount(match: re.Match[str]) -> str:
    unit, part = _CURRENCIES[match[1]]
    number, scale = match[2].replace(",", ""), match[3]
    units = unit if unit == "yen" else unit + "s"
    if scale:
        return f"{words.decimal(number)} {scale} {units}"
    whole, _, fraction = number.partition(".")
    spoken = f"{words.cardinal(whole)} {unit if whole == '1' else units}"
    if len(fraction) != 2:
        return f"{words.decimal(number)} {units}" if fraction else spoken
    if fraction == "00":
        return spoken
    parts = part if fraction == "01" else {"penny": "pence"}.get(part, part + "s")
    return f"{spoken} and {words.cardinal(str(int(fraction)))} {parts}"


def _number(match: re.Match[str]) -> str:
    spoken = words.decimal(match[0].replace(",", ""))
    before = match.string[match.start() - 1 : match.start()]
    after = match.string[match.end() : match.end() + 1]
    return (" " if before.isalpha() else "") + spoken + (" " if after.isalpha() else "")


def _fraction(match: re.Match[str]) -> str:
    part = {"2": "half", "3": "third", "4": "quarter"}[match[2]]
    return (
        f"one {part}" if match[1] == "1" else f"three {'halves' if part == 'half' else part + 's'}"
    )


def _web_address(match: re.Match[str]) -> str:
    address = re.sub(r"^(https?://)?(www\.)?", "", match[0])
    host = re.split(r"[/?#]", address, maxsplit=1)[0].rstrip(".,;:!?)")
    ending = match[0][len(match[0].rstrip(".,;:!?)")) :]
    return host.replace(".", " dot ").replace("-", " ") + ending


def _email_address(match: re.Match[str]) -> str:
    return match[0].replace("@", " at ").replace(".", " dot ").replace("_", " ")


def _has_sound(character: str) -> bool:
    """Whether a voice can make something of `character`: letters, marks, digits, punctuation."""
    if character.isspace():
        return True
    category = unicodedata.category(character)
    return category[0] in "LN" or category in {"Mn", "Mc", "Pd", "Po", "Ps", "Pe", "Pi", "Pf", "Sc"}


def _broken_up(match: re.Match[str]) -> str:
    run = match[0]
    return " ".join(run[i : i + _LONGEST_WORD] for i in range(0, len(run), _LONGEST_WORD))
