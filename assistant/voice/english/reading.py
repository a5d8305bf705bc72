"""English text → words: names and abbreviations first, then whatever holds a number, then signs."""

import re

from assistant.voice.english import (
    abbreviations,
    arithmetic,
    chess,
    codes,
    dates,
    money,
    names,
    roman,
    units,
)
from assistant.voice.english.numerals import after, before, read

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
    r"|(?<![\w])(?:\.(?=[0-9])|'(?=[0-9]{2})|\((?=[0-9]{2,5}\)))|(?<=[QH][1-4])'(?=[0-9]{2}(?!\w))"
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
    "¬": "not", "∧": "and", "∨": "or", "∀": "for all", "∃": "there is", "∴": "therefore",
    "∉": "not in", "∅": "the empty set", "⊂": "is a subset of", "⊆": "is a subset of",
    "⇔": "if and only if", "↔": "to and from", "∝": "is proportional to",
    "∈": "in", "∩": "intersected with", "∪": "united with", "Δ": "delta", "∆": "delta",
    "π": "pi", "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon",
    "θ": "theta", "λ": "lambda", "μ": "mu", "µ": "mu", "σ": "sigma", "τ": "tau", "φ": "phi",
    "ω": "omega", "Ω": "omega", "Σ": "sigma", "ρ": "rho", "η": "eta", "χ": "chi", "ψ": "psi",
}  # fmt: skip
_SIGNS_AS_TYPED = {
    "!=": "≠", "==": "=", "->": "→", "=>": "⇒", "+-": "±", "+/-": "±", "&&": "&", "||": " or ",
}  # fmt: skip
_TYPED = re.compile(r"(?<![-<=>!+&|])(?:!=|==|->|=>|\+/?-|&&|\|\|)(?![-=>&|])")
_GENERIC = re.compile(r"(?<=\b[A-Z])(\w*)<([A-Z]\w*(?:,\s?[A-Z]\w*)*)>")
"""Types in programs: List<String>."""
_UNDERSCORED = re.compile(r"(?<![\w.,])[1-9][0-9]{0,2}(?:_[0-9]{3})+(?!\w)")
_COUNTRY_CODE = re.compile(r"\((\+[0-9]{1,3})\)(?=\s?[0-9])")
_PORT = re.compile(r"(?<=\blocalhost):(?=[0-9]{2,5}(?![\w.,]\w))")
_SILENT = "/\\^#_{}[]~|*`"
_GREEK = "αβγδεθλμσταφωΩΣρηχψπτΔ"
_SYMBOL = re.compile(
    "|".join(
        rf"(?<![^\W\d_]){re.escape(s)}(?![α-ωά-ώ])" if s in _GREEK else re.escape(s)
        for s in _SYMBOLS
    )
)
_HAS_SHAPES = re.compile(r"[0-9√∛∜^]")
_HAS_SIGNS = re.compile(r"[^\w\s,.;:!?\"'()-]|_")


def in_words(text: str) -> str:
    """Returns `text` with nothing but words and punctuation in it."""
    text = _TYPED.sub(lambda match: _SIGNS_AS_TYPED[match[0]], text)
    if "<" in text:
        text = _GENERIC.sub(r"\1 of \2", text)
    text = _UNDERSCORED.sub(lambda match: match[0].replace("_", ","), text)
    text = _COUNTRY_CODE.sub(r"\1", text)
    text = chess.in_words(_PORT.sub(" port ", text))
    text = names.in_words(text)
    text = abbreviations.in_words(text)
    text = abbreviations.spelled(roman.in_words(text))
    text = dates.calendar_names(text)
    text = _DISCOUNT.sub(r"\1 minus ", _minus(text))
    if "/" in text:
        text = _slashes(text)
    if " x " in text:
        text = _TIMES.sub(" × ", text)
    if _HAS_SHAPES.search(text):
        text = read(text, _START, _SHAPES)
    text = units.bare_units(text)
    return _signs(text)


def _minus(text: str) -> str:
    """A dash between letters is a minus where there is an equals sign."""
    if "-" not in text:
        return text
    text = re.sub(r"(?<![\w'])([b-hj-z])\s-\s(?=[a-hj-z](?![\w']))", r"\1 minus ", text)
    if "=" not in text:
        return text
    return re.sub(
        r"(?<=[A-Za-z)])\s-\s(?=[\w(])|(?<=[0-9])\s-\s(?=[A-Za-z(]|[0-9]+[a-z]{1,3}(?!\w))",
        " minus ",
        text,
    )


def _slashes(text: str) -> str:
    """What a slash says by what stands beside it; elsewhere it is silent."""
    text = _PER.sub(lambda match: f" per {match[1] or match[2]}", text)
    text = _FOR_PRICE.sub(r"\1 for ", text)
    text = _EITHER.sub(lambda match: f"{match[match.lastindex or 0]} or ", text)
    return _OVER.sub(_over, text)


_TIMES = re.compile(r"(?<=[0-9)]) x (?=[$£€(0-9])")
_DISCOUNT = re.compile(r"([$£€][0-9.,]+)\s-\s(?=[0-9.]+\s?%)")
_METRIC = r"(?:k?g|[ck]?m|m[lL]|[lL])"
_IMPERIAL = r"(?:oz|lbs?|in|ft|mi(?:les)?|cups?|pints?|yds?)"
_PER = re.compile(
    r"(?:(?<=[a-z]s)|(?<=\bonce)|(?<=[0-9]x)|(?<=[0-9]×))\s?/\s?"
    r"(day|week|month|year|hour|minute|second|person|night)(?!\w)"
    r"|(?<=[0-9\sm][mµc]g)\s?/\s?([0-9.]+\s?m[lL])(?!\w)"
)
"""5 days/week, 3x/week, 120 mg/5 ml."""
_FOR_PRICE = re.compile(r"(?<![\w.,$£€/-])([2-9])\s?/\s?(?=[$£€][0-9])")
"""2/$5."""
_EITHER = re.compile(
    r"([$£€¥₹][0-9.,]*[0-9]|[0-9][.,][0-9]{2})\s?/\s?(?=[$£€¥₹][0-9])"
    r"|([0-9]\s?°\s?[CF])\s?/\s?(?=-?[0-9]+\s?°)"
    rf"|([0-9]\s?{_METRIC})\s?/\s?(?=[0-9./]+\s?{_IMPERIAL}(?!\w))"
    rf"|([0-9]\s?{_IMPERIAL})\s?/\s?(?=[0-9.]+\s?{_METRIC}(?!\w))"
)
"""The same in other money or measures: $10/€9, 180°C/350°F, 200 g/7 oz."""
_OVER = re.compile(
    r"(\)|(?<![\w/.'-])(?:d[a-z]|[a-zπ]|[0-9]{1,3}))\s?/\s?"
    r"(?=\(|(?:d[a-z]|[a-zπ]|[0-9]{1,3}[a-zπ]?)(?![\w/'-]|\.\w))"
)


def _over(match: re.Match[str]) -> str:
    """x/2, a/b, dy/dx; fractions and units, such as 1/2 and m/s, are read elsewhere."""
    above, below = match[1], re.match(r"\w+|\(", after(match)) or match
    if above == ")" and not re.search(r"(?:\((?:(?![A-Za-z]{3})[^()])*|\))$", before(match)):
        return match[0]
    is_formula = re.search(r"[a-cnpqx-zπ()]|d[a-z]", above + below[0]) is not None
    is_choice = {above, below[0]} <= {"y", "n"}
    return f"{above} over " if is_formula and not is_choice else match[0]


def _signs(text: str) -> str:
    text = _DASH.sub(", ", text)
    if not _HAS_SIGNS.search(text) and text.isascii():
        return text
    text = text.replace("–", ", ")
    text = re.sub(r"\s?\^\s?(two|three)(?!\w)", lambda m: _RAISED[m[1]], text)
    text = re.sub(r"(?<=[\w)])\s*\^\s*(?=[\w(-])", " to the power of ", text)
    text = re.sub(
        r"(?<![\w)])-(?=[A-Za-z0-9(]+\b)(?<=[=<>+*/^(]\s-)|(?<=[=<>+*/^(])-(?=[A-Za-z](?!\w))",
        "minus ",
        text,
    )
    text = _SYMBOL.sub(lambda match: f" {_SYMBOLS[match[0]]} ", text)
    return text.translate(_SPACES)


_DASH = re.compile(r"(?<=[\w.!?)\"'])\s+-{1,3}\s+(?=\S)")
"""A dash between words is a pause."""
_RAISED = {"two": " squared", "three": " cubed"}
_SPACES = str.maketrans(dict.fromkeys(_SILENT, " "))
