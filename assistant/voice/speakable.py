"""Written text → what a voice can say: no markup, no emoji, numbers and symbols as words."""

import logging
import re
import unicodedata
from collections.abc import Callable

from assistant.voice import markup
from assistant.voice.english import reading as english
from assistant.voice.scripts import unreadable

logger = logging.getLogger(__name__)

ASK_AGAIN = "Sorry?"
"""Said once instead of an answer that holds nothing to say: silence would look like a failure."""

IN_WORDS: dict[str, Callable[[str], str]] = {"en": english.in_words}
"""Who writes a language in words; the voices of all others read numbers and signs themselves."""

_CHARACTERS = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "′": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "″": '"',
        "…": "... ",
        "—": ", ",
        "―": ", ",
        "−": "-",
        "‐": "-",
        "‒": "–",
        "‑": "-",
        "•": "\n",
        "·": " ",
        "№": "number ",
        "⁄": "/",
        "∕": "/",
        "∶": ":",
        "⋅": "×",
        "∙": "×",
        "¯": None,
        "™": None,
        "®": None,
        "©": None,
        "\u00ad": None,
        "\u200b": None,
        "\ufeff": None,
        **{chr(code): None for code in range(0xFE00, 0xFE10)},
    }
)
_PARTS = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5",
    "⅘": "4/5", "⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
}  # fmt: skip
_PART = re.compile(rf"[ \u00a0]?([{''.join(_PARTS)}])(?:[ \u00a0]|(?=\w))?")
_GROUP_SPACE = re.compile(
    r"(?<![\w.,\u00a0\u202f\u2009-])[1-9][0-9]{0,2}(?:[\u00a0\u202f\u2009][0-9]{3})+(?![\w\u00a0\u202f\u2009]?[0-9])"
)
"""Thousands set apart by a space that does not break: no other sign stands between groups."""
_SUPERSCRIPTS = re.compile(r"(?<=[\w)])[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ]+")
_ISOTOPE = re.compile(r"(?<![\w)])([⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})([A-Z][a-z]?)(?![a-z])")
_ION = re.compile(r"(?<=[A-Za-z₀-₉])([²³⁴⁵]?)([⁺⁻])(?![\w⁰-⁹⁺⁻])")
_NEWTON_METERS = re.compile(r"(?<=\d)(\s?)N\s?[·⋅]\s?m(?!\w)")
_LOWERED = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ", "+-0123456789n")
_FOOTNOTE = re.compile(r"(?<=[A-Za-z]{4})[¹²³⁴⁵⁶⁷⁸⁹⁰]+|(?<=[.,;!?\"”])[¹²³⁴⁵⁶⁷⁸⁹⁰]+")
_LONGEST_WORD = 60


def speakable(text: str, *, language: str = "en") -> str:
    """Returns `text` as plain words and punctuation, on one line; empty if nothing can be said.

    Markup, emoji and control characters go out in every language; numbers, money, dates, times,
    addresses and symbols become words in English only, since other voices read their own. What
    the voice of a language cannot read is left out, and counted in the log.
    """
    in_words = IN_WORDS.get(language.split("-")[0])
    if in_words and not text.isascii():
        text = _ION.sub(_charge, text)
    text = markup.plain(_normalised(text))
    if in_words:
        text = in_words(_ascii_digits(text))
    if foreign := unreadable(text, language):
        count = sum(character in foreign for character in text)
        text = "".join(" " if character in foreign else character for character in text)
        logger.warning(
            "%d characters were left out: a voice of %r cannot read them", count, language
        )
    if not (text.isascii() and text.isprintable()):
        text = "".join(character for character in text if _has_sound(character))
    return _tidied(text)


def _normalised(text: str) -> str:
    """Returns `text` in compatible characters, powers and fractions as they are typed."""
    if text.isascii():
        return text
    text = _FOOTNOTE.sub("", text)
    text = _ISOTOPE.sub(lambda match: f"{match[2]}-{match[1].translate(_LOWERED)}", text)
    text = _NEWTON_METERS.sub(r"\1Nm", text)
    text = _PART.sub(lambda match: f" {_PARTS[match[1]]} ", text)
    text = _GROUP_SPACE.sub(lambda match: re.sub(r"\s", "", match[0]), text)
    text = re.sub(r"(?<=[0-9])\s?·\s?(?=[0-9])", "×", text)
    text = _SUPERSCRIPTS.sub(lambda match: "^" + match[0].translate(_LOWERED), text)
    return unicodedata.normalize("NFKC", text.translate(_CHARACTERS)).translate(_CHARACTERS)


def _charge(match: re.Match[str]) -> str:
    """Fe³⁺ is charged, not raised."""
    sign = "plus" if match[2] == "⁺" else "minus"
    return f" {match[1].translate(_LOWERED)} {sign}" if match[1] else f" {sign}"


def _ascii_digits(text: str) -> str:
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def _tidied(text: str) -> str:
    text = re.sub(rf"\S{{{_LONGEST_WORD + 1},}}", _broken_up, text)
    text = re.sub(r"(?<=\w)[ \t]*\n\s*(?=\w)", ", ", text)
    text = re.sub(r"(?<=[^\W\d_])([,!?])(?=[^\W\d_])", r"\1 ", text)
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\(\s*\)|\"\s*\"", " ", text)
    text = re.sub(r"\s+([,.;:!?])", r"\1", text)
    text = re.sub(r"([,;:])(?:\s*[,;:])+", r"\1", text)
    text = re.sub(r"[,;:]\s*(?=[.!?])|(?<=[.!?])\s*[,;:](?=\s|$)", "", text)
    text = re.sub(r"^[\s,.;:!?]+", "", re.sub(r"\s{2,}", " ", text)).rstrip()
    return text if any(character.isalnum() for character in text) else ""


def _has_sound(character: str) -> bool:
    """Whether a voice can make something of `character`: letters, marks, digits, punctuation."""
    if character.isascii():
        return character.isprintable() or character.isspace()
    if character.isspace():
        return True
    category = unicodedata.category(character)
    return category[0] in "LN" or category in {"Mn", "Mc", "Pd", "Po", "Ps", "Pe", "Pi", "Pf", "Sc"}


def _broken_up(match: re.Match[str]) -> str:
    run = match[0]
    return " ".join(run[i : i + _LONGEST_WORD] for i in range(0, len(run), _LONGEST_WORD))
