"""English text → words: names and abbreviations first, then whatever holds a number, then signs."""

import re

from assistant.voice.english import (
    abbreviations,
    arithmetic,
    codes,
    dates,
    money,
    names,
    roman,
    units,
)
from assistant.voice.english.numerals import read

_SHAPES = (
    *codes.SHAPES,
    *dates.SHAPES,
    *money.SHAPES,
    *units.SHAPES,
    *arithmetic.SHAPES,
    *codes.TOKENS,
)
_START = re.compile(
    r"[0-9]"
    rf"|(?<![A-Za-z])(?:{money.CURRENCY})(?=\s?[-+]?\.?[0-9])"
    r"|(?<![\w)\]])[-+±](?=[$£€.]?[0-9]|[A-Z]{0,2}[$£€][0-9])"
    r"|(?<![\w])(?:\.(?=[0-9])|'(?=[0-9]{2})|\((?=[0-9]{2,5}\)))"
    r"|(?:<=|>=|[~≈<>≤≥])(?=\s?[-+$£€]?\.?[0-9])"
    r"|[√∛∜]|[#§](?=\s?[0-9])"
    r"|(?<![A-Za-z0-9])(?:[A-Za-z]{1,12}-?(?=[0-9])|[A-Za-z]{1,3}(?=\^)|[A-Z]{2,3}(?=\s[0-9]))"
    rf"|(?<![A-Za-z])(?:{'|'.join(dates.MONTHS)}|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)"
    r"(?=\.?,?\s[0-9])"
)
_SYMBOLS = {
    "&": "and", "+": "plus", "=": "equals", "@": "at", "×": "times", "÷": "divided by",
    "<": "less than", ">": "greater than", "≤": "less than or equal to",
    "≥": "greater than "
    "or equal to", "≈": "is about", "≠": "is not equal to", "≡": "is identical to",
    "±": "plus or minus", "∞": "infinity", "√": "the square root of", "%": "percent",
    "‰": "per mille",
    "°": "degrees", "→": "to", "⇒": "means", "$": "dollar", "£": "pound", "€": "euro", "¥": "yen",
    "¢": "cent", "§": "section", "∑": "the sum of", "∫": "the integral of", "∂": "partial",
    "∈": "in", "∩": "intersected with", "∪": "united with", "Δ": "delta", "∆": "delta",
    "π": "pi", "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon",
    "θ": "theta", "λ": "lambda", "μ": "mu", "µ": "mu", "σ": "sigma", "τ": "tau", "φ": "phi",
    "ω": "omega", "Ω": "omega", "Σ": "sigma", "ρ": "rho", "η": "eta", "χ": "chi", "ψ": "psi",
}  # fmt: skip
_SIGNS_AS_TYPED = {"!=": "≠", "==": "=", "->": "→", "=>": "⇒", "+-": "±", "+/-": "±"}
_TYPED = re.compile(r"(?<![-<=>!+])(?:!=|==|->|=>|\+/?-)(?![-=>])")
_SILENT = "/\\^#_{}[]~|*`"
_GREEK = "αβγδεθλμσταφωΩΣρηχψπτΔ"
_SYMBOL = re.compile(
    "|".join(
        rf"(?<![^\W\d_α-ωΑ-Ω]){re.escape(s)}(?![α-ωά-ώ])" if s in _GREEK else re.escape(s)
        for s in _SYMBOLS
    )
)
_HAS_SHAPES = re.compile(r"[0-9√∛∜^]")
_HAS_SIGNS = re.compile(r"[^\w\s,.;:!?\"'()-]|_")


def in_words(text: str) -> str:
    """Returns `text` with nothing but words and punctuation in it."""
    text = _TYPED.sub(lambda match: _SIGNS_AS_TYPED[match[0]], text)
    text = names.in_words(text)
    text = abbreviations.in_words(text)
    text = abbreviations.spelled(roman.in_words(text))
    text = dates.calendar_names(text)
    text = _minus(text)
    if _HAS_SHAPES.search(text):
        text = read(text, _START, _SHAPES)
    text = units.bare_units(text)
    return _signs(text)


def _minus(text: str) -> str:
    """A dash between letters is a minus where there is an equals sign."""
    if "=" not in text or "-" not in text:
        return text
    return re.sub(r"(?<=[A-Za-z)])\s-\s(?=[\w(])|(?<=[0-9])\s-\s(?=[A-Za-z(])", " minus ", text)


def _signs(text: str) -> str:
    if not _HAS_SIGNS.search(text) and text.isascii():
        return text
    text = text.replace("–", ", ")
    text = re.sub(r"(?<=\w)\s*\^\s*(?=[\w(-])", " to the power of ", text)
    text = re.sub(r"(?<![\w)])-(?=[A-Za-z0-9(]+\b)(?<=[=<>+*/^(]\s-)", "minus ", text)
    text = _SYMBOL.sub(lambda match: f" {_SYMBOLS[match[0]]} ", text)
    return text.translate(_SPACES)


_SPACES = str.maketrans(dict.fromkeys(_SILENT, " "))
