"""Sums, powers, roots, fractions, ratios and scores, ranges, ordinals, plain numbers."""

import re
from itertools import pairwise

from assistant.voice.english import number_words as words
from assistant.voice.english.numerals import (
    MIXED,
    NUMBER,
    SCALE,
    SIGN,
    Shape,
    after,
    before,
    canonical,
    mixed,
    number,
    scaled,
    shape,
)

_FUNCTIONS = {"sin": "sine", "cos": "cosine", "tan": "tangent", "log": "log"}
_POWER_NAMES = {"2": "squared", "3": "cubed"}
_OPERATORS = {
    "+": "plus", "-": "minus", "–": "minus", "*": "times", "×": "times", "x": "times",
    "/": "divided by", "÷": "divided by", "=": "equals",
}  # fmt: skip
_RATED = re.compile(
    r"\b(?:rat\w*|scor\w*|gave|give|got|get|it|pain|level|solid|mark\w*|review\w*)\b[^.!?]*$"
)
_SCORED = re.compile(
    r"\b(?:scor\w*|won|win|lost|lose|beat|led|lead|lead\w*|final|result|draw|drew)\b[^.!?]*$"
)
_PAGED = re.compile(
    r"\b(?:page|step|part|slide|question|round|episode|day|level|item|attempt)s?\W*$"
)
_FIXED = {
    "50-50": "fifty fifty",
    "50–50": "fifty fifty",
    "24/7": "twenty four seven",
    "9/11": "nine eleven",
    "24/7/365": "twenty four seven three sixty five",
}
_RATED_NEXT = re.compile(r"\s(?:would|people|stars|points|[a-z]+(?<!s)s\b)")
_LENGTH_IN_K = re.compile(r"\b(?:an?|the|my|your|his|her|first|charity|fun)\s$")
"""Before these "5K" and "10k" are runs, where nothing follows that they count."""
_IN_K = re.compile(
    r"\s(?:tv|tvs|uhd|footage|film|camera|streaming|video|videos|resolution|monitor|screen|display|movie|run|race|marathon|walk)\b",
    re.IGNORECASE,
)
_BEST_MARKS = (5, 10, 100)
_SIGNS = {"-": "minus", "+": "plus", "±": "plus or minus"}
_ODDS_NEXT = re.compile(r"\s(?:odds|favou?rite|outsider|shot|against)\b")
_ODDS_BEFORE = re.compile(r"\bodds(?:\s(?:of|at|are|were|is))?\s$")
_HALVED = re.compile(
    r"\s(?!(?:or|and|of|the|an?|is|was|to|in|on|at|with|as|full|done|plus|minus|times|equals|my|your|for|that)\b)"
    r"([a-z]+)(?<!s)(?!\w)"
)
"""What is halved: "half a cup"."""
_MEASURED = re.compile(
    r"\s(mile|hour|minute|second|year|day|week|month|acre|inch|yard|foot|point|page)(?!\w)"
)
"""What a fraction is a part of: "three quarters of an hour"."""
_RATIO = re.compile(r"\b(?:ratio|scale|odds|proportion|aspect|format)\b")


def power(base: str, exponent: str) -> str:
    """Returns a power in words, the base being words already."""
    exponent = exponent.strip("()")
    if exponent in _POWER_NAMES:
        return f"{base} {_POWER_NAMES[exponent]}"
    said = (
        number(exponent) if exponent.lstrip("+-")[:1].isdigit() else exponent.replace("-", "minus ")
    )
    return f"{base} to the power of {said}"


def _power(match: re.Match[str]) -> str:
    base = match["base"]
    said = number(base) if not base[-1].isalpha() else _FUNCTIONS.get(base) or " ".join(base)
    return power(said, match["exponent"])


def _scientific(match: re.Match[str]) -> str:
    mantissa, exponent = match["mantissa"], number(str(int(match["exponent"])))
    said = f"ten to the {exponent}"
    sign = {"-": "minus ", "+": "plus "}.get(mantissa[0], "")
    if canonical(mantissa.lstrip("+-")) == "1":
        return sign + said
    return f"{number(mantissa)} times {said}"


def _times_ten(match: re.Match[str]) -> str:
    return f"{number(match['mantissa'])} times {power('ten', match['exponent'])}"


def _root(match: re.Match[str]) -> str:
    name = {"√": "square", "∛": "cube", "∜": "fourth"}[match["root"]]
    of = match["of"] or match["grouped"]
    return f"the {name} root of {number(of) if of[0].isdigit() else of}"


def _sum(match: re.Match[str]) -> str | None:
    """A chain of numbers that is a sum: with an equals sign, or signs that only sums have."""
    chain = match[0]
    parts = re.findall(rf"{NUMBER}|[-+*×x/÷=–]", re.sub(r"\s", "", chain))
    signs = set(parts[1::2])
    if "=" not in signs and not _belongs_to_equation(match):
        is_scored = _SCORED.search(before(match)) is not None
        if signs <= {"-", "–"} and (is_scored or not _is_difference(chain, parts)):
            return None
        if "/" in signs and not re.search(r"\s/\s", chain):
            return None
        if signs == {"x"} and not re.search(r"\sx\s", chain):
            return None
    said: list[str] = []
    for index, part in enumerate(parts):
        said.append(_OPERATORS[part] if index % 2 else number(part))
    return " ".join(said)


def _is_difference(chain: str, parts: list[str]) -> bool:
    """Whether a dash between numbers is a minus: spaces around it, and a smaller one after it."""
    values = [float(canonical(part)) for part in parts[::2]]
    return bool(re.search(r"\s[-–]\s", chain)) and all(a > b for a, b in pairwise(values))


def _belongs_to_equation(match: re.Match[str]) -> bool:
    has_before = re.search(r"=\s*[\w\s+*/×().-]*$", before(match, 30)) is not None
    return has_before or re.match(r"\s*=", after(match)) is not None


def _fraction(match: re.Match[str]) -> str | None:
    above, below = match["above"], match["below"]
    if sign := match["sign"]:
        return f"{_SIGNS[sign]} {words.fraction(above, below)}"
    if (said := _FIXED.get(match[0])) is not None:
        return said
    if _ODDS_NEXT.match(after(match)) or _ODDS_BEFORE.search(before(match)):
        return f"{words.cardinal(above)} to {words.cardinal(below)}"
    if match[0] == "1/2" and re.match(r"\s+an?\s", after(match)):
        return "half"
    if match[0] == "1/2" and (part := _HALVED.match(after(match))):
        return f"half {'an' if part[1][0] in 'aeiou' or part[1].startswith('hour') else 'a'}"
    context = before(match)
    if _PAGED.search(context):
        return f"{words.cardinal(above)} of {words.cardinal(below)}"
    a, b = int(above), int(below)
    if a + b == 100 or (a == b and b not in _BEST_MARKS) or match[0] == "20/20":
        return f"{words.cardinal(above)} {words.cardinal(below)}"
    is_rating = a == b or _RATED.search(context) or _RATED_NEXT.match(after(match))
    if 1 < a <= b and (b == 100 or (b in _BEST_MARKS and is_rating)):
        return f"{words.cardinal(above)} out of {words.cardinal(below)}"
    if a > b and a >= 60 and b >= 30:
        return f"{words.cardinal(above)} over {words.cardinal(below)}"
    said = words.fraction(above, below)
    if 1 < a < b and (unit := _MEASURED.match(after(match))):
        said += f" of {'an' if unit[1][0] in 'aeio' or unit[1] == 'hour' else 'a'}"
    return said


def _rating(match: re.Match[str]) -> str:
    return f"{number(match['above'])} out of {words.cardinal(match['below'])}"


def _fraction_sum(match: re.Match[str]) -> str:
    """1/2 + 1/4: the bar is no division where signs with spaces stand between fractions."""
    said = (
        words.fraction(*part.split("/")) if "/" in part else _OPERATORS.get(part) or number(part)
        for part in match[0].split()
    )
    return " ".join(said)


def _fraction_range(match: re.Match[str]) -> str:
    return f"{mixed(match['low'])} to {mixed(match['high'])}"


def _mixed(match: re.Match[str]) -> str | None:
    above, below = match["part"].split("/")
    said = mixed(match[0].lstrip("+-±")) if int(above) < int(below) else None
    return f"{_SIGNS[match['sign']]} {said}" if said and match["sign"] else said


def _ratio(match: re.Match[str]) -> str:
    parts = [part.strip() for part in match[0].split(":")]
    if parts == ["50", "50"]:
        return "fifty fifty"
    return " to ".join(number(part.strip()) for part in parts)


def _called_ratio(match: re.Match[str]) -> str | None:
    return _ratio(match) if _RATIO.search(before(match) + after(match).lower()) else None


def _range(match: re.Match[str]) -> str:
    if (said := _FIXED.get(match[0])) is not None:
        return said
    low, high = match["low"], match["high"]
    low_scale = match["low_scale"] if match["low_scale"] != match["scale"] else None
    return f"{scaled(low, low_scale)} to {scaled(high, match['scale'])}"


def _ordinal(match: re.Match[str]) -> str:
    return words.ordinal(canonical(match["digits"]))


def _percent_range(match: re.Match[str]) -> str:
    return f"{number(match['low'])} to {number(match['high'])} percent"


def _quantity(match: re.Match[str]) -> str | None:
    if match["scale"] in {"K", "k"} and _is_name_in_k(match):
        return None
    if match["scale"] in {"B", "T"} and not re.match(r"\s[a-z]", after(match)):
        return None  # "flat 3B": only something that is counted makes billions of it
    return scaled(match["number"], match["scale"])


def _is_name_in_k(match: re.Match[str]) -> bool:
    """Whether "K" belongs to a name: a 4K screen, a 5k run."""
    context, is_counting = before(match), re.match(r"\s[a-z]", after(match)) is not None
    if _IN_K.match(after(match)):
        return True
    if match["number"] in {"4", "8"}:
        return match["scale"] == "K" and context.endswith(" in ")
    return (
        match["number"] in {"5", "10"}
        and not is_counting
        and _LENGTH_IN_K.search(context) is not None
    )


def _plus(match: re.Match[str]) -> str:
    return f"{scaled(match['number'], match['scale'])} plus"


def _compared(match: re.Match[str]) -> str:
    names = {"~": "about", "≈": "about", "<": "less than", ">": "more than", "≤": "at most",
             "≥": "at least", "<=": "at most", ">=": "at least", "±": "plus or minus"}  # fmt: skip
    if re.search(r"[\w)]\s*$", match.string[: match.start()]):
        names |= {"≈": "is about", ">": "greater than"}
        names |= dict.fromkeys(("≤", "<="), "less than or equal to")
        names |= dict.fromkeys(("≥", ">="), "greater than or equal to")
    if names[match["sign"]] == "about" and re.search(r"\b(?:about|around)\s$", before(match)):
        return " "
    return names[match["sign"]] + " "


def _numbered(match: re.Match[str]) -> str:
    return {"#": "number", "§": "section", "§§": "sections", "№": "number"}[match["sign"]] + " "


def _hash(match: re.Match[str]) -> str:
    digits = match["number"]
    return f"number {words.spelled(digits) if len(digits) > 3 else number(digits)}"


def _list(match: re.Match[str]) -> str:
    return ", ".join(number(part) for part in match[0].split(","))


_EXPONENT = r"(?:[-+]?[0-9]+|\([-+]?[0-9]+\))"
_ROOTED = rf"{NUMBER}|[A-Za-z](?![A-Za-z])"
_PLAIN_FRACTION = r"[0-9]{1,3}/[0-9]{1,3}(?![0-9/])"
_OPERAND = rf"{NUMBER}(?![A-Za-z%])"
SHAPES: tuple[Shape, ...] = (
    shape(
        rf"(?P<base>{NUMBER}|(?<![A-Za-z])[A-Za-z]{{1,3}}(?=\^))\^(?P<exponent>{_EXPONENT}|[a-zA-Z](?![A-Za-z]))",
        _power,
    ),
    shape(rf"(?P<mantissa>{SIGN}{NUMBER})[eE](?P<exponent>[-+]?[0-9]{{1,3}})(?!\w)", _scientific),
    shape(rf"(?P<mantissa>{SIGN}{NUMBER})\s?[x×*·]\s?10\^(?P<exponent>{_EXPONENT})", _times_ten),
    shape(rf"(?P<root>[√∛∜])\s?(?:\((?P<grouped>{_ROOTED})\)|(?P<of>{_ROOTED}))", _root),
    shape(
        rf"{_PLAIN_FRACTION}(?:\s[-+×*=]\s(?:{_PLAIN_FRACTION}|[0-9]+(?![0-9/.,])))+", _fraction_sum
    ),
    shape(rf"{_OPERAND}(?:\s?[-+*×x/÷=–]\s?{_OPERAND})+", _sum),
    shape(
        rf"(?P<sign>{SIGN})(?P<above>[0-9]{{1,4}})/(?P<below>[0-9]{{1,4}})(?:/365|ths?|rds?|nds?)?(?![0-9/%])",
        _fraction,
    ),
    shape(r"(?P<above>[0-9]+\.[0-9])/(?P<below>5|10)(?![0-9/%.])", _rating),
    shape(rf"(?P<low>{MIXED})\s?[-–]\s?(?P<high>{MIXED})(?![0-9/])", _fraction_range),
    shape(
        rf"(?P<sign>{SIGN})[0-9]{{1,4}}[ -](?P<part>[0-9]{{1,3}}/[0-9]{{1,3}})(?![0-9/])", _mixed
    ),
    shape(rf"[0-9]+(?:\.[0-9]+)?(?:\s?:\s?{NUMBER})+(?![0-9:])", _ratio),
    shape(r"[0-9]+:[0-9]+(?![0-9:])", _called_ratio),
    shape(
        rf"(?P<low>{SIGN}{NUMBER})(?P<low_scale>{SCALE})?(?:\s?[-–—]\s?)(?P<high>[-+]?{NUMBER})(?P<scale>{SCALE})?(?![\w/])",
        _range,
    ),
    shape(rf"(?P<low>{NUMBER})\s?%?\s?[-–—]\s?(?P<high>{NUMBER})\s?%", _percent_range),
    shape(r"(?P<digits>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)-?(?:st|nd|rd|th)(?![\w])", _ordinal),
    shape(rf"(?P<number>{SIGN}{NUMBER})(?P<scale>{SCALE})?", _quantity),
    shape(rf"(?P<number>{NUMBER})(?P<scale>{SCALE})?\+(?=\s|[,.;:!?)]|$)", _plus),
    shape(r"[0-9](?:,[0-9]){2,}(?![0-9])", _list),
    shape(r"(?P<sign><=|>=|[~≈<>≤≥±])\s?(?=[-+$£€]?\.?[0-9])", _compared),
    shape(r"(?P<sign>§§?)\s?(?=[0-9])", _numbered),
    shape(r"#\s?(?P<number>[0-9]+)(?![\w])", _hash),
)
