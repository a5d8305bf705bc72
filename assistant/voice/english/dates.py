"""Dates, years, decades, centuries and times of day."""

import re

from assistant.voice.english import number_words as words
from assistant.voice.english.numerals import Shape, after, before, number, shape

MONTHS = (
    "January February March April May June July August September October November December"
).split()
_SHORT_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9,
    "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
_DAYS = {
    "mon": "Monday", "tue": "Tuesday", "tues": "Tuesday", "wed": "Wednesday", "thu": "Thursday",
    "thur": "Thursday", "thurs": "Thursday", "fri": "Friday", "sat": "Saturday", "sun": "Sunday",
}  # fmt: skip
_MONTH = "(?P<month>" + "|".join(MONTHS) + r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?)"
_DAY = r"(?P<day>0?[1-9]|[12][0-9]|3[01])(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[12][0-9]{3})"
_OPTIONAL_YEAR = rf"(?:,?\s{_YEAR}(?![0-9:/-]|,[0-9]|\.[0-9]))?"
_HALF_DAY = r"(?:\s?(?P<half>[AaPp])\.?\s?[Mm](?:\b\.?(?=\s*[a-z,;:!?)]|\.)|\b))"
_AFTER_YEAR = frozenset(
    "and or to was is were when because he she it they we you i in at for that but as with who "
    "which where while after before until till on had has have will would the a an there this "
    "these those by from of did does do are so than then also since through during may might "
    "can could should season edition model version election championship olympics world film "
    "movie album novel book song war act".split()
)
_YEAR_BEFORE = re.compile(
    r"(?:\b(?:in|since|from|until|till|year|years|before|after|around|circa|ca|between|during|early|"
    r"late|mid|by|of|copyright|spring|summer|autumn|fall|winter|christmas|easter|back in|"
    r"january|february|march|april|may|june|july|august|september|october|november|december)"
    r"|[12][0-9]{3},?\s(?:and|or|to)|[©(])[\s-]*$"
)


def month_name(written: str) -> str:
    """Returns the month that a name or its abbreviation stands for."""
    number = _SHORT_MONTHS.get(written.rstrip(".").lower())
    return MONTHS[number - 1] if number else written


def _date(month: int, day: int, year: str | None) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    said = f"{MONTHS[month - 1]} {words.ordinal(str(day))}"
    return f"{said}, {_year(year)}" if year else said


def _year(digits: str) -> str:
    if len(digits) == 2:
        digits = ("20" if int(digits) < 70 else "19") + digits
    return words.year(digits)


def _year_first(match: re.Match[str]) -> str | None:
    said = _date(int(match["month"]), int(match["day"]), match["year"])
    if said is None or not match["hour"]:
        return said
    return f"{said}, {words.clock(match['hour'], match['minute'])}"


def _month_first(match: re.Match[str]) -> str | None:
    """12/25/2024 in the order of the United States; the day first where it can only be so."""
    first, second = int(match["first"]), int(match["second"])
    if first > 12:
        first, second = second, first
    return _date(first, second, match["year"])


def _day_first(match: re.Match[str]) -> str | None:
    return _date(int(match["month"]), int(match["day"]), match["year"])


def _short_date(match: re.Match[str]) -> str | None:
    """12/25 is a date only where a word before it says so."""
    if match[0] == "9/11":
        return None  # "nine eleven"
    if not re.search(
        r"\b(?:on|by|since|until|till|before|after|due|dated?|from|for|between|through|deadline|born|"
        r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|today|tomorrow)\W*$"
        r"|\b(?:between|from)\s[0-9]{1,2}/[0-9]{1,2}\s(?:and|to)\s$",
        before(match),
    ):
        return None
    first, second = int(match["first"]), int(match["second"])
    return _date(second, first, None) if first > 12 else _date(first, second, None)


def _named_date(match: re.Match[str]) -> str:
    said = f"{month_name(match['month'])} {words.ordinal(str(int(match['day'])))}"
    if match["last"]:
        said += f" to {words.ordinal(str(int(match['last'])))}"
    return f"{said}, {_year(match['year'])}" if match["year"] else said


def _day_and_month(match: re.Match[str]) -> str:
    day = words.ordinal(str(int(match["day"])))
    month = month_name(match["month"])
    has_article = re.search(r"\bthe\s+$", before(match)) is not None
    said = f"{'' if has_article else 'the '}{day} of {month}"
    return f"{said}, {_year(match['year'])}" if match["year"] else said


def _month_and_year(match: re.Match[str]) -> str:
    return f"{month_name(match['month'])} {_year(match['year'])}"


def _lone_year(match: re.Match[str]) -> str | None:
    """A number of four digits is a year unless it counts what follows."""
    digits = match["year"]
    is_usual = "1100" <= digits < "2100"
    is_said_so = _YEAR_BEFORE.search(before(match)) is not None
    following = re.match(r"\s([a-z][A-Za-z']*)", after(match))
    counts = following is not None and following[1].lower() not in _AFTER_YEAR
    if not counts:
        is_year = is_said_so or (is_usual and not _COUNTED_BEFORE.search(before(match)))
    elif following is not None and following[1].endswith("s"):
        # "in 1500 cases", but "before 1963 kids …": only recent years that are not round
        is_year = is_said_so and "1900" < digits < "2036" and digits[3] != "0"
    else:
        is_year = is_usual and (is_said_so or _POINTED_AT.search(before(match)) is not None)
    return words.year(digits) if is_year else None


_POINTED_AT = re.compile(r"\b(?:the|this)\s$")
_COUNTED_BEFORE = re.compile(
    r"\b(?:about|over|under|only|exactly|nearly|almost|than|least|most|plus|minus|times|equals)\s$"
)


def _month_of_year(match: re.Match[str]) -> str:
    return f"{MONTHS[int(match['month']) - 1]} {_year(match['year'])}"


def _span(match: re.Match[str]) -> str:
    first, last = match["first"], match["last"]
    said = _year(last) if len(last) == 4 else words.by_pairs(last)
    if len(last) == 2 and last[0] == "0":
        said = f"oh {words.cardinal(last[1])}"
    return f"{words.year(first)} to {said}"


def _season(match: re.Match[str]) -> str:
    first, last = match["first"], match["last"]
    return f"{words.year(first)} {_year(last) if len(last) == 4 else words.by_pairs(last)}"


def _decade(match: re.Match[str]) -> str | None:
    digits = match["digits"]
    if len(digits) == 2 and digits[1] != "0":
        return None
    return words.decade(digits)


def _decades(match: re.Match[str]) -> str:
    return f"{words.decade(match['first'])} to {words.decade(match['last'])}"


def _era(match: re.Match[str]) -> str:
    digits = match["digits"]
    is_year = len(digits) == 4 and "1100" <= digits < "2100"
    spoken = words.year(digits) if is_year else words.cardinal(digits)
    return f"{spoken} {' '.join(match['era'].replace('.', ''))}"


def _short_year(match: re.Match[str]) -> str:
    return (
        words.cardinal(match["digits"])
        if match["digits"][0] != "0"
        else f"oh {words.cardinal(match['digits'][1])}"
    )


def _time(match: re.Match[str]) -> str | None:
    hour, minute = match["hour"], match["minute"]
    if int(hour) > 24:
        return None
    if not match["half"] and re.search(
        r"\b(?:ratio|scale|odds|proportion|won|lost|beat|score|scored|aspect)\b[^.!?]*$",
        before(match),
    ):
        return None
    said = words.clock(hour, minute)
    if match["half"] and int(minute) == 0:
        said = words.cardinal(str(int(hour)))
    if match["second"] and match["second"] != "00":
        seconds = number(re.sub("^0(?=[0-9])", "", match["second"].replace(",", ".")))
        said += f" and {seconds} second{'' if seconds == 'one' else 's'}"
    return said + _half(match["half"])


def _lap(match: re.Match[str]) -> str:
    """1:45.3 on a stopwatch."""
    minute, second = int(match["minute"]), match["second"]
    if minute == 0:
        said = words.cardinal(str(int(second)))
    else:
        said = f"{words.cardinal(str(minute))} {'oh ' if second < '10' else ''}"
        said += words.cardinal(str(int(second)))
    return f"{said} point {words.spelled(match['part'])}"


def _on_duty(match: re.Match[str]) -> str | None:
    """0700 hours; without a zero before it only where a time is told: "at 1900 hours"."""
    hour, minute = match["hour"], match["minute"]
    is_told = re.search(
        r"\b(?:at|by|until|till|from|to|before|after|since|around)\s$", before(match)
    )
    if hour[0] != "0" and not is_told:
        return None
    said = words.cardinal(str(int(hour)))
    said = f"{'oh ' if hour[0] == '0' else ''}{'oh' if hour == '00' else said}"
    if minute == "00":
        return f"{said} hundred hours"
    return f"{said} {'oh ' if minute[0] == '0' else ''}{words.cardinal(str(int(minute)))} hours"


def _early_decade(match: re.Match[str]) -> str | None:
    """The 00s and the 10s; elsewhere these are seconds."""
    if not re.search(r"\b(?:the|early|mid|late)\W*$", before(match)):
        return None
    return {"00": "two thousands", "10": "tens"}[match["digits"]]


def _under_age(match: re.Match[str]) -> str | None:
    """The under-5s are no seconds."""
    if not re.search(r"\b(?:under|over)[-\s]$", before(match)):
        return None
    said = words.cardinal(match["years"])
    return f"{said[:-1]}ies" if said[-1] == "y" else f"{said}{'es' if said[-1] == 'x' else 's'}"


def _hour(match: re.Match[str]) -> str | None:
    hour = match["hour"]
    return None if int(hour) > 24 else words.cardinal(str(int(hour))) + _half(match["half"])


def _hours(match: re.Match[str]) -> str | None:
    """9-5pm, 9am–5pm, 9:00-17:00: from one time of day to another."""
    said: list[str] = []
    is_timed = bool(match["half1"] or match["half2"] or match["minute1"] or match["minute2"])
    if not is_timed or max(int(match["hour1"]), int(match["hour2"])) > 24:
        return None
    for end in "12":
        hour, minute, half = match[f"hour{end}"], match[f"minute{end}"], match[f"half{end}"]
        other = match["half1"] or match["half2"]
        plain = minute is None or (int(minute) == 0 and (half or other))
        said.append(
            (words.cardinal(str(int(hour))) if plain else words.clock(hour, minute or "00"))
            + _half(half)
        )
    return " to ".join(said)


def _half(letter: str | None) -> str:
    return f" {letter.lower()} m" if letter else ""


def _end_of_hours(end: int) -> str:
    return (
        rf"(?P<hour{end}>[0-2]?[0-9])(?::(?P<minute{end}>[0-5][0-9]))?"
        rf"(?:\s?(?P<half{end}>[AaPp])\.?[Mm]\b\.?)?"
    )


_FULL_WEEKDAY = "(Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
_ANY_MONTH = rf"((?:{'|'.join(MONTHS)}|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
_FULL_RANGE = re.compile(
    rf"\b(?:{_FULL_WEEKDAY}\s?[-–—]\s?{_FULL_WEEKDAY}|{_ANY_MONTH}\s?[-–—]\s?{_ANY_MONTH})(?![\w])"
)
_UNTIL_HOUR = re.compile(
    r"\b([Nn]oon|[Mm]idnight|[Dd]awn|[Dd]usk|[Ss]unrise|[Ss]unset)\s?[-–]\s?(?=[0-9])"
)
_WEEKDAY = r"(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\.?"
_WEEKDAY_RANGE = re.compile(rf"\b{_WEEKDAY}\s?[-–—]\s?{_WEEKDAY}(?![\w])")
_WEEKDAY_BEFORE = re.compile(
    rf"\b{_WEEKDAY}(?=,?\s(?:{'|'.join(MONTHS)}|[A-Z][a-z]{{2}}\.?\s[0-9]|[0-9]))"
)
_WEEKDAY_ALONE = re.compile(
    r"(?:\b(?=Tues|Wed|Thu)|(?<=\b[Oo]n\s)|(?<=\band\s)|(?<=&\s))"
    r"(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\.(?!\w)"
    r"|\b(Mon|Fri|Sat|Sun)\.(?=\s(?:and|&|or)\s[A-Z])"
)
_MONTH_ALONE = re.compile(
    r"\b(Jan|Feb|Apr|Aug|Sept?|Oct|Nov|Dec)(?:\.|(?=\s?[-–]\s?[A-Z])|(?=\s(?:and|or|to)\s[A-Z]))(?!\w)"
)


def calendar_names(text: str) -> str:
    """Returns `text` with the days of the week and the months in full."""
    text = _WEEKDAY_RANGE.sub(lambda m: f"{_DAYS[m[1].lower()]} to {_DAYS[m[2].lower()]}", text)
    text = _FULL_RANGE.sub(_full_range, text)
    text = _UNTIL_HOUR.sub(r"\1 to ", text)
    text = _WEEKDAY_BEFORE.sub(lambda m: _DAYS[m[1].lower()], text)
    text = _WEEKDAY_ALONE.sub(lambda m: _DAYS[(m[1] or m[2]).lower()] + _stop(m), text)
    return _MONTH_ALONE.sub(lambda m: month_name(m[1]) + _stop(m), text)


def _full_range(match: re.Match[str]) -> str:
    if match[1]:
        return f"{match[1]} to {match[2]}"
    return f"{month_name(match[3])} to {month_name(match[4])}"


def _stop(match: re.Match[str]) -> str:
    """The full stop of an abbreviation also ends the sentence where nothing follows."""
    is_last = match[0].endswith(".") and not after(match).strip(" \"')*_\n")
    return "." if is_last else ""


_MANY = {"10": "tens", "100": "hundreds", "1000": "thousands"}

SHAPES: tuple[Shape, ...] = (
    shape(
        r"(?P<year>[12][0-9]{3})(?P<sign>[-/.])(?P<month>0?[1-9]|1[0-2])(?P=sign)"
        r"(?P<day>0?[1-9]|[12][0-9]|3[01])(?![0-9]|\.[0-9])"
        r"(?:[T ](?P<hour>[0-2][0-9]):(?P<minute>[0-5][0-9])"
        r"(?::[0-9]{2}(?:\.[0-9]+)?)?Z?(?![\w:]))?",
        _year_first,
    ),
    shape(
        r"(?P<first>[0-3]?[0-9])(?P<sign>[/-])(?P<second>[0-3]?[0-9])(?P=sign)"
        r"(?P<year>[12][0-9]{3}|(?<=/)[0-9]{2})(?![0-9/-])",
        _month_first,
    ),
    shape(
        r"(?P<day>[0-3]?[0-9])\.\s?(?P<month>[01]?[0-9])\.\s?(?P<year>[12][0-9]{3})(?![0-9]|\.[0-9])",
        _day_first,
    ),
    shape(r"(?P<month>0?[1-9]|1[0-2])/(?P<year>(?:19|20)[0-9]{2})(?![0-9/])", _month_of_year),
    shape(r"(?P<first>[0-3]?[0-9])/(?P<second>[0-3]?[0-9])(?![0-9/%])", _short_date),
    shape(
        rf"{_MONTH}\s{_DAY}(?:\s?[-–—]\s?(?P<last>[0-3]?[0-9])(?:st|nd|rd|th)?)?"
        rf"(?![0-9:%]|[.,][0-9]){_OPTIONAL_YEAR}",
        _named_date,
    ),
    shape(
        rf"(?P<first>0?[1-9]|[12][0-9]|3[01])(?:st|nd|rd|th)?\s?[-–—]\s?{_DAY}\s(?:of\s)?{_MONTH}"
        rf"(?![\w]){_OPTIONAL_YEAR}",
        lambda m: f"the {words.ordinal(str(int(m['first'])))} to {_day_and_month(m)}",
    ),
    shape(rf"{_DAY}\.?\s(?:of\s)?{_MONTH}(?![\w]){_OPTIONAL_YEAR}", _day_and_month),
    shape(rf"{_MONTH},?\s{_YEAR}(?![0-9]|[.,][0-9])", _month_and_year),
    shape(r"(?P<year>[12][0-9]{3})(?![\w%]|[.,:][0-9])", _lone_year),
    shape(
        r"(?P<first>1[0-9]{3}|20[0-9]{2})\s?[-–—]\s?(?P<last>(?:1[0-9]|20)[0-9]{2}|[0-9]{2})(?![\w-]|[.,][0-9])",
        _span,
    ),
    shape(
        r"(?P<first>1[0-9]{3}|20[0-9]{2})/(?P<last>(?:1[0-9]|20)[0-9]{2}|[0-9]{2})(?![\w/])",
        _season,
    ),
    shape(r"(?P<digits>10{1,3})s(?=\sof\b)", lambda m: _MANY[m["digits"]]),
    shape(r"'?(?P<digits>1[0-9]{2}0|20[0-9]0|[2-9]0)'?s(?![\w])", _decade),
    shape(
        r"(?P<first>1[0-9]{2}0|20[0-9]0|[2-9]0)'?s\s?[-–—]\s?'?"
        r"(?P<last>1[0-9]{2}0|20[0-9]0|[2-9]0)'?s(?![\w])",
        _decades,
    ),
    shape(r"'(?P<digits>[0-9]{2})(?![\w'\"])", _short_year),
    shape(r"(?P<digits>[0-9]{1,4})\s(?P<era>BCE|BC|CE|AD|B\.C\.(?:E\.)?|A\.D\.)(?!\w)", _era),
    shape(
        rf"(?P<hour>[01]?[0-9]|2[0-4]):(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9](?:[.,][0-9]{{1,3}})?))?(?![0-9:]){_HALF_DAY}?",
        _time,
    ),
    shape(rf"(?P<hour>[01]?[0-9])\.(?P<minute>[0-5][0-9])(?P<second>){_HALF_DAY}", _time),
    shape(
        r"(?P<day>0[1-9]|[12][0-9]|3[01])\.(?P<month>0[1-9]|1[0-2])\.(?P<year>[0-9]{2})(?![\w.])",
        _day_first,
    ),
    shape(rf"(?P<hour>[0-2]?[0-9]){_HALF_DAY}", _hour),
    shape(r"(?P<minute>[0-5]?[0-9]):(?P<second>[0-5][0-9])\.(?P<part>[0-9]{1,3})(?![\w:])", _lap),
    shape(
        r"(?P<hour>[01][0-9]|2[0-4])(?P<minute>[0-5][0-9])\s?(?:hours|hrs|h)\b(?!\sof\b)", _on_duty
    ),
    shape(r"'?(?P<digits>[01]0)'?s(?!\w)", _early_decade),
    shape(r"(?P<years>[1-9][0-9]?)s(?!\w)", _under_age),
    shape(
        r"(?P<hour>1?[0-9]|2[0-4])h(?P<minute>[0-5][0-9])(?!\w)",
        lambda m: words.clock(m["hour"], m["minute"]),
    ),
    shape(
        rf"{_end_of_hours(1)}(?:\s?[-–—]\s?|\sto\s){_end_of_hours(2)}(?![\w:]|[.,][0-9])", _hours
    ),
)
