"""Units of measure: agreement in number, powers, "per", temperatures, heights."""

import re

from assistant.voice.english import number_words as words
from assistant.voice.english.numerals import (
    MIXED,
    NUMBER,
    RANGE,
    SCALE,
    SIGN,
    Shape,
    after,
    before,
    is_one,
    mixed,
    number,
    scaled,
    shape,
)

_PLURALS_BY_S = {
    "km": "kilometer", "m": "meter", "dm": "decimeter", "cm": "centimeter", "mm": "millimeter",
    "μm": "micrometer", "nm": "nanometer", "mi": "mile", "yd": "yard", "yds": "yard",
    "kg": "kilogram", "g": "gram", "mg": "milligram", "μg": "microgram", "mcg": "microgram",
    "t": "ton", "lb": "pound", "lbs": "pound", "oz": "ounce",
    "l": "liter", "L": "liter", "dl": "deciliter", "dL": "deciliter", "cl": "centiliter",
    "ml": "milliliter", "mL": "milliliter", "hl": "hectoliter", "gal": "gallon", "qt": "quart",
    "tbsp": "tablespoon", "tsp": "teaspoon", "fl oz": "fluid ounce",
    "s": "second", "sec": "second", "secs": "second", "ms": "millisecond", "μs": "microsecond",
    "ns": "nanosecond", "min": "minute", "mins": "minute", "h": "hour", "hr": "hour",
    "Tbsp": "tablespoon", "Tsp": "teaspoon", "Mbit": "megabit", "kbit": "kilobit",
    "Gbit": "gigabit", "mmol": "millimole",
    "hrs": "hour", "wk": "week", "wks": "week", "yr": "year", "yrs": "year",
    "V": "volt", "kV": "kilovolt", "mV": "millivolt", "mA": "milliampere", "W": "watt",
    "kW": "kilowatt", "MW": "megawatt", "GW": "gigawatt", "Wh": "watt hour",
    "kWh": "kilowatt hour", "MWh": "megawatt hour", "mAh": "milliampere hour", "Ω": "ohm",
    "kΩ": "kiloohm", "N": "newton", "J": "joule", "kJ": "kilojoule", "MJ": "megajoule",
    "cal": "calorie", "kcal": "kilocalorie", "Pa": "pascal", "kPa": "kilopascal",
    "hPa": "hectopascal", "mbar": "millibar", "dB": "decibel", "px": "pixel",
    "kB": "kilobyte", "KB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte",
    "PB": "petabyte", "KiB": "kibibyte", "MiB": "mebibyte", "GiB": "gibibyte", "kb": "kilobit",
    "Mb": "megabit", "Gb": "gigabit", "ha": "hectare", "mol": "mole",
    "kt": "knot", "kn": "knot", "ly": "light year", "eV": "electron volt", "nmi": "nautical mile",
    "μF": "microfarad", "nF": "nanofarad", "pF": "picofarad", "μA": "microampere",
    "μL": "microliter", "μl": "microliter", "mW": "milliwatt", "MΩ": "megaohm", "MP": "megapixel",
    "GWh": "gigawatt hour", "TWh": "terawatt hour", "lm": "lumen", "mos": "month",
    "Nm": "newton meter", "atm": "atmosphere", "IU": "international unit",
}  # fmt: skip
_OTHERS = {
    "ft": ("foot", "feet"), "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"), "GHz": ("gigahertz", "gigahertz"),
    "°": ("degree", "degrees"), "°C": ("degree celsius", "degrees celsius"),
    "°F": ("degree fahrenheit", "degrees fahrenheit"), "°K": ("kelvin", "kelvin"),
    "%": ("percent", "percent"), "‰": ("per mille", "per mille"), "bar": ("bar", "bar"),
    "mph": ("mile per hour", "miles per hour"), "MPH": ("mile per hour", "miles per hour"),
    "hp": ("horsepower", "horsepower"),
    "mmHg": ("millimeter of mercury", "millimeters of mercury"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "kmh": ("kilometer per hour", "kilometers per hour"),
    "mpg": ("mile per gallon", "miles per gallon"),
    "kbps": ("kilobit per second", "kilobits per second"),
    "Mbps": ("megabit per second", "megabits per second"),
    "Gbps": ("gigabit per second", "gigabits per second"),
    "fps": ("frame per second", "frames per second"),
    "rpm": ("revolution per minute", "revolutions per minute"),
    "bpm": ("beat per minute", "beats per minute"), "dpi": ("dot per inch", "dots per inch"),
    "ppi": ("pixel per inch", "pixels per inch"), "cu ft": ("cubic foot", "cubic feet"),
    "ppm": ("part per million", "parts per million"), "psi": ("P S I", "P S I"),
    "sq ft": ("square foot", "square feet"), "sqft": ("square foot", "square feet"),
    "sq m": ("square meter", "square meters"), "sq km": ("square kilometer", "square kilometers"),
    "sq mi": ("square mile", "square miles"), "cc": ("cubic centimeter", "cubic centimeters"),
    "kgs": ("kilogram", "kilograms"), "kms": ("kilometer", "kilometers"),
}  # fmt: skip
UNITS = {name: (one, one + "s") for name, one in _PLURALS_BY_S.items()} | _OTHERS
_POWERS = {"2": "square", "3": "cubic"}
_LENGTHS = "km|cm|mm|dm|m|ft|mi|yd|in"
_NAMES = "|".join(re.escape(name) for name in sorted(UNITS, key=len, reverse=True))
_ONE_UNIT = rf"(?:(?:{_LENGTHS})(?:\^?[23])(?![0-9])|{_NAMES})"
_NO_WORD = r"(?![A-Za-z0-9^])"
_UNIT = (
    rf"(?P<unit>{_ONE_UNIT})(?:\s?/\s?(?P<per>(?:100\s?)?(?:(?:s|min|h)\^?2|{_ONE_UNIT}"
    rf"|day|week|month|year|hour|minute|second|person)))?{_NO_WORD}(?:\.(?=\s[a-z(]|[,;:)]))?"
)
"""The full stop of an abbreviated unit goes where the sentence goes on: "1 tbsp. oil"."""
_LOOSE = {
    "s",
    "t",
    "h",
    "m",
    "g",
    "l",
    "V",
    "W",
    "N",
    "J",
    "L",
    "min",
    "bar",
    "kt",
    "ly",
    "cal",
}
"""Units that could be words or letters: they count only where a number stands before them."""
_BARE = re.compile(
    r"(?<![\w$€£/°^-])(?<![0-9] )(?P<unit>km/h|kWh|GHz|MHz|kHz|°C|°F|m/s|mg/dL)(?![\w/^])"
    r"|(?<=\bin )(?P<length>mph|km|kg|cm|mm|ml|mL|lbs)(?![\w/^])"
)
_TIMED = re.compile(r"\b(?:timer|alarm|snooze|wait|remind)\b[^.!?0-9]*$")
"""After these "10m" are minutes."""
_IRREGULAR = {"in": ("inch", "inches")}


def _name(symbol: str, *, one: bool) -> str:
    power = re.fullmatch(rf"({_LENGTHS})\^?([23])", symbol)
    table = UNITS | _IRREGULAR
    if power:
        return f"{_POWERS[power[2]]} {table[power[1]][0 if one else 1]}"
    return table[symbol][0 if one else 1] if symbol in table else symbol


def _with_per(symbol: str, per: str | None, *, one: bool) -> str:
    if not per:
        return _name(symbol, one=one)
    many, unit = ("100", per[3:].strip()) if per.startswith("100") else ("", per)
    if unit in {"s^2", "s2", "h^2", "h2", "min^2"}:
        return f"{_name(symbol, one=one)} per {_name(unit[:-1].rstrip('^'), one=True)} squared"
    last = f"one hundred {_name(unit, one=False)}" if many else _name(unit, one=True)
    return f"{_name(symbol, one=one)} per {last}"


def _measure(match: re.Match[str]) -> str | None:
    written, symbol = match["number"], match["unit"]
    if symbol == "s" and re.search(
        r"(?:the|his|her|my|your|our|their|early|late|mid|')\W?$", before(match)
    ):
        return None
    if symbol in {"m", "t", "s", "h"} and after(match, 1) == "'":
        return None
    if symbol == "m" and _TIMED.search(before(match)):
        symbol = "min"
    spoken = mixed(written) if "/" in written else scaled(written, match["scale"])
    is_adjective = match["hyphen"] is not None or _describes(match)
    if written == "1/2" and not match["scale"]:
        unit = _with_per(symbol, match["per"], one=True)
        return f"half {'an' if unit[0] in 'aeiou' or unit.startswith('hour') else 'a'} {unit}"
    one = is_adjective or (is_one(written) and not match["scale"]) or _is_part(written)
    return f"{spoken} {_with_per(symbol, match['per'], one=one)}"


def _describes(match: re.Match[str]) -> bool:
    """Whether a noun follows that the measure belongs to: "a 5 km run", "90° angle"."""
    if match["unit"] == "°" and re.match(r"\s(?:angle|turn|view|rotation|arc)\b", after(match)):
        return True
    has_article = re.search(r"\ban?\s$", before(match)) is not None
    return has_article and re.match(r"\s[a-z]{3,}", after(match)) is not None


def _is_part(written: str) -> bool:
    """Whether a fraction is less than one: "half a mile" is singular."""
    part = re.fullmatch(r"([0-9]+)/([0-9]+)", written)
    return part is not None and int(part[1]) < int(part[2])


def _range(match: re.Match[str]) -> str | None:
    if re.search(r"0s\b.*0s$", match[0]):
        return None
    low, high, symbol = match["low"], match["high"], match["unit"]
    if match["low_unit"] not in (None, symbol):  # two measures: "5 lbs or 80 oz"
        return None
    link = {"to": "to", "or": "or", "and": "and"}.get(match["link"].strip(), "to")
    unit = _with_per(symbol, match["per"], one=False)
    return f"{number(low)} {link} {number(high)} {unit}"


def _size(match: re.Match[str]) -> str:
    numbers = re.findall(NUMBER, match["sizes"])
    spoken = " by ".join(number(n) for n in numbers)
    symbol = match["unit"]
    return f"{spoken} {_name(symbol, one=False)}" if symbol else spoken


def _resolution(match: re.Match[str]) -> str | None:
    """1920×1080 on a screen; a product stands in a calculation."""
    is_sum = re.search(r"[=+*/^-]\s*$", before(match)) is not None
    wide, high = match["wide"], match["high"]
    is_padded = wide[0] == "0" or high[0] == "0"
    if is_sum or is_padded or (" " in match[0] and not re.match(r"\s?pixels?\b", after(match))):
        return None
    return f"{words.by_pairs(wide)} by {words.by_pairs(high)}"


def _area(match: re.Match[str]) -> str:
    """12' x 15'."""
    is_noun_next = re.match(r"\s(?!(?:and|or|in|by|with|of|is|was|to|for|on)\b)[a-z]", after(match))
    unit = _name("ft" if match["mark"] == "'" else "in", one=bool(is_noun_next))
    return f"{number(match['long'])} by {number(match['wide'])} {unit}"


def _duration(match: re.Match[str]) -> str:
    """1h 15m 30s: beside hours and seconds "m" is a minute."""
    parts = [(name, match[name + "s"]) for name in ("hour", "minute", "second")]
    said = (f"{number(str(int(n)))} {name}{'' if int(n) == 1 else 's'}" for name, n in parts if n)
    return " ".join(said)


def _height(match: re.Match[str]) -> str:
    return f"{number(match['feet'])} foot {number(match['inches'])}"


def _feet_and_inches(match: re.Match[str]) -> str:
    feet, inches = match["feet"], match["inches"]
    return (
        f"{number(feet)} {_name('ft', one=is_one(feet))} "
        f"{number(inches)} {_name('in', one=is_one(inches))}"
    )


def _feet(match: re.Match[str]) -> str | None:
    if re.search(r"(?:^|[\s(])'[^']*$", before(match, 200)) or after(match, 1).isalnum():
        return None
    return f"{number(match['number'])} {_name('ft', one=is_one(match['number']))}"


def _inches(match: re.Match[str]) -> str | None:
    if match["mark"] == '"':
        if _is_quoted(match.string[: match.start()]):
            return None
    elif match["mark"].strip() in {"in", "in."} and not _ends_measure(match):
        return None
    written = match["number"]
    spoken = mixed(written) if "/" in written else number(written)
    is_noun_next = match["mark"] == '"' and re.match(
        r"\s(?!(?:tall|long|wide|high|deep|thick|by|and|or|in|of|from|to|x|is|was)\b)"
        r"(?:[a-z]|[A-Z]{2}|[48]K\b|Mac|Air\b)",
        after(match),
    )
    one = is_one(written) or _is_part(written) or bool(is_noun_next)
    return f"{spoken} {_name('in', one=one)}"


def _is_quoted(text: str) -> bool:
    """Whether a quotation is open at the end of `text`: there a quotation mark closes it."""
    is_open = False
    for mark in re.finditer('"', text):
        # Behind a number and in no quotation it is a measure itself.
        is_open = not is_open and not text[mark.start() - 1 : mark.start()].isdigit()
    return is_open


def _ends_measure(match: re.Match[str]) -> bool:
    """Whether "in" is no preposition: nothing follows that one could be in."""
    following = after(match)
    return (
        re.match(
            r"\s*(?:[,;:)!?.=≈]|$|(?:by|x|×|wide|tall|long|high|deep|thick|of rain|of snow)\b)",
            following,
        )
        is not None
    )


def _temperature(match: re.Match[str]) -> str:
    scale = {"C": "celsius", "F": "fahrenheit"}[match["scale"]]
    degree = "degree" if is_one(match["number"]) else "degrees"
    return f"{number(match['number'])} {degree} {scale}"


def _angle(match: re.Match[str]) -> str:
    side = {"N": "north", "S": "south", "E": "east", "W": "west"}.get(match["side"] or "", "")
    parts = [
        ("degree", match["degrees"]),
        ("minute", match["minutes"]),
        ("second", match["seconds"]),
    ]
    said = [f"{number(n)} {name if n == '1' else name + 's'}" for name, n in parts if n]
    return " ".join([*said, side]).strip()


def _times_as_many(match: re.Match[str]) -> str | None:
    if "=" in match.string or re.match(r"\s?[-+*/^]", after(match)):
        return None
    if re.search(r"[\w^]\($", before(match)):
        return None  # f(2x), e^(2x)
    return f"{number(match['number'])} times"


def bare_units(text: str) -> str:
    """Returns `text` with the units in words that stand without a number, as in "in km/h"."""
    return _BARE.sub(lambda m: _with_per(*_parts(m[0]), one=False), text)


def _parts(unit: str) -> tuple[str, str | None]:
    symbol, _, per = unit.partition("/")
    return symbol, per or None


SHAPES: tuple[Shape, ...] = (
    shape(
        rf"(?P<number>{SIGN}(?:{MIXED}|{NUMBER}))(?P<scale>{SCALE})?(?:\s?|(?P<hyphen>-)){_UNIT}",
        _measure,
    ),
    shape(
        rf"(?P<low>{SIGN}{NUMBER})\s?(?P<low_unit>{_ONE_UNIT})?(?P<link>{RANGE})(?P<high>-?{NUMBER})\s?{_UNIT}",
        _range,
    ),
    shape(
        rf"(?P<sizes>{NUMBER}(?:\s?(?:{_LENGTHS}))?(?:\s?[x×]\s?{NUMBER})+)\s?(?P<unit>{_LENGTHS}|px){_NO_WORD}(?:\.(?=\s[a-z]))?",
        _size,
    ),
    shape(
        r"(?P<wide>[0-9]{3,4})\s?[x×]\s?(?P<high>[0-9]{3,4})(?![\w×]|[.,][0-9]|\s?[=×])",
        _resolution,
    ),
    shape(r"(?P<sizes>[0-9.]*[0-9](?:x[0-9.]*[0-9])+)(?P<unit>)(?![\w])", _size),
    shape(
        rf"(?P<long>{NUMBER})\s?[x×]\s?(?P<wide>{NUMBER})(?P<mark>\")(?![\w'\"])",
        lambda m: None if _is_quoted(m.string[: m.start()]) else _area(m),
    ),
    shape(
        rf"(?P<long>{NUMBER})(?P<mark>['\"])\s?[x×]\s?(?P<wide>{NUMBER})(?P=mark)(?![\w'\"])",
        _area,
    ),
    shape(
        r"(?:(?P<hours>[0-9]+)\s?h\s?)(?P<minutes>[0-9]{1,2})\s?m(?:in)?"
        r"(?:\s?(?P<seconds>[0-9]{1,2})\s?s(?:ec)?)?(?!\w)",
        _duration,
    ),
    shape(
        r"(?P<hours>)(?P<minutes>[0-9]+)\s?m\s?(?P<seconds>[0-9]{1,2})\s?s(?:ec)?(?!\w)",
        _duration,
    ),
    shape(r"(?P<feet>[1-9])\s?ft\s?(?P<inches>[0-9]{1,2})(?![\w.,])", _height),
    shape(r"(?P<feet>[1-9])\s?'\s?(?P<inches>[0-9]{1,2}(?:\.[0-9])?)(?:\"|''|(?![\w']))", _height),
    shape(
        rf"(?P<feet>{NUMBER})\s?(?:ft\.?|feet|foot)\s(?P<inches>{NUMBER})\s?(?:in\.?|inch(?:es)?)(?!\w)",
        _feet_and_inches,
    ),
    shape(r"(?P<number>[0-9]{1,3})'(?![\w'])", _feet),
    shape(rf"(?P<number>(?:{MIXED}|{NUMBER}))(?P<mark>\"|\s?in\.?(?!\w))", _inches),
    shape(
        rf"(?P<number>{SIGN}{NUMBER})\s?(?:°\s?|deg(?:rees?|\.)?\s)?(?P<scale>[CF])(?![\w+#])",
        _temperature,
    ),
    shape(
        r"(?P<degrees>[0-9.]+)\s?°\s?(?:(?P<minutes>[0-9.]+)\s?['′]\s?)?"
        r"(?:(?P<seconds>[0-9.]+)\s?(?:\"|″|'')\s?)?(?P<side>[NSEW])?(?![\w])",
        _angle,
    ),
    shape(rf"(?P<number>{NUMBER})[x×](?![\w])", _times_as_many),
    shape(
        rf"(?P<low>{NUMBER})\s?[-–]\s?(?P<high>{NUMBER})[x×](?![\w])",
        lambda m: f"{number(m['low'])} to {number(m['high'])} times",
    ),
)
