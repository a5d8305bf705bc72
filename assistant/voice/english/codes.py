"""Numbers that are names and not quantities: telephones, cards, rooms, PINs, versions."""

import re

from assistant.voice.english import number_words as words
from assistant.voice.english.numerals import Shape, after, before, shape

_DIALLED = (
    r"call|dial|ring|phone|text|fax|tel|telephone|mobile"
    r"|cell|hotline|helpline|lifeline|whatsapp|sms"
)
_SPELLED = (
    r"pin|pins|pin code|code|codes|passcode|passcodes|password|passwords"
    r"|zip|postcode|postal|account|acct|card|serial|"
    r"isbn|order|invoice|tracking|id|ids|extension|ext|reference|ref|case|ticket|i d"
    r"|combination|otp|cvc|cvv|tan|vin|"
    r"sku|member|policy|license|licence|plate|booking|confirmation|sort code|routing"
)
_PAIRED = (
    r"room|rooms|flight|route|highway|hwy|interstate|suite|apartment|apt|gate|platform|line|channel"
    r"|train|bus|exit|unit|boeing|airbus|building|locker|tram|area|seat|seats|row|class|block"
    r"|i s o|rfc|din|ieee|error|http|xbox"
)
_LINK = (
    r"(?:\W+(?:number|numbers|no|nr|code|codes|is|are|was|of|ending|in|to|at|on|called|me"
    r"|us|them|the|my|your|his|her|our|lifeline|line|helpline|hotline|it's))*\W*$"
)
_AFTER_DIALLED = re.compile(
    rf"\b(?:{_DIALLED})(?:{_LINK}|\b[^.!?0-9]{{1,40}}\s(?:on|at)\s$)|\bsamaritans\s(?:on|at)\s$"
)
_AFTER_SPELLED = re.compile(rf"\b(?:{_SPELLED}){_LINK}")
_AFTER_PAIRED = re.compile(rf"\b(?:{_PAIRED})(?:\W+(?:number|no|nr|code|is))?\W*$")
_JOINED = re.compile(r"\b(?:and|or|,)\W*$")
_EMERGENCY = frozenset("911 999 112 988 111 000 110 211 311 411 511 711 811".split())
_STREET = re.compile(
    r"\s(?:(?:[A-Z][\w.']*|[0-9]+(?:st|nd|rd|th))\s){1,3}(?i:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr"
    r"|Court|Ct|Way|Place|Pl|Square|Terrace|Parkway|Highway)\b"
)
_SERVICE_NEXT = re.compile(
    r"\s(?:operator|call|dispatch|service|line|lifeline|hotline|helpline|crisis|suicide)\b"
    r"|,?\sby\s(?:call|phone|text)\b"
)
_GO_ON = (
    "if for now or and at in to when on right today first please is was by from with immediately "
    "as the a any so instead then before after because but via using until during here anytime toll"
).split()
_COUNTED = re.compile(rf"\s(?!(?:{'|'.join(_GO_ON)})\b)[a-z]{{3,}}")
"""A number before this counts it: "call 300 people", but "call 911 if"."""
_ANOTHER_NEXT = re.compile(
    rf"(?:,?\sor\s|\s?/\s?)([0-9]{{3}})(?![0-9]|[.,][0-9]|{_COUNTED.pattern})"
)
_ANOTHER_BEFORE = re.compile(r"\b([0-9]{3})(?:,?\sor\s|\s?/\s?)$")
"""Emergency numbers come in pairs: "112 or 911"."""
_DATE = re.compile(
    r"[12][0-9]{3}([-./])[01]?[0-9]\1[0-3]?[0-9]|[0-3]?[0-9]([-./])[0-3]?[0-9]\2[12][0-9]{3}"
    r"|(?:0[1-9]|[12][0-9]|3[01])\.(?:0[1-9]|1[0-2])\.[0-9]{2}"
)
_BOOK = re.compile(
    r"\b(?:gen(?:esis)?|exod(?:us)?|leviticus|numbers|deut(?:eronomy)?|joshua|judges|ruth|samuel|kings|"
    r"chronicles|ezra|nehemiah|esther|job|psalms?|prov(?:erbs)?|ecclesiastes|song of songs|isaiah|"
    r"jeremiah|lamentations|ezekiel|daniel|hosea|joel|amos|jonah|micah|malachi|matt(?:hew)?|mark|luke|"
    r"john|acts|rom(?:ans)?|cor(?:inthians)?|gal(?:atians)?|eph(?:esians)?|phil(?:ippians)?|"
    r"col(?:ossians)?|thessalonians|timothy|titus|philemon|hebrews|james|peter|jude|rev(?:elation)?|"
    r"quran|qur'an|surah?|verse)\.?\s$"
)
_FIRST_GROUP = re.compile(r"[0-9]+|[A-Za-z]+")


_DIGITS_IN_ONE_BREATH = 7


def groups(written: str, *, zero: str = "zero") -> str:
    """Returns each group of digits spelled, a pause between the groups; letters one by one."""
    said: list[str] = []
    for group in re.findall(r"[0-9A-Za-z]+", written):
        parts = (
            words.spelled(part, zero=zero) if part[0].isdigit() else " ".join(part)
            for part in _FIRST_GROUP.findall(group)
        )
        said.append(" ".join(parts))
    return ", ".join(said)


def _telephone(match: re.Match[str]) -> str | None:
    count = sum(character.isdigit() for character in match[0])
    if not 7 <= count <= 15 or _DATE.fullmatch(match[0]):
        return None
    said = groups(match[0])
    if count <= _DIGITS_IN_ONE_BREATH:
        said = said.replace(",", "")
    return f"plus {said}" if match[0].startswith("+") else said


def _local(match: re.Match[str]) -> str | None:
    """555-1234, but not 100-1000 nor 1939-1945."""
    first, last = match["first"], match["last"]
    if (first.endswith("00") and last.endswith("00")) and not _AFTER_DIALLED.search(before(match)):
        return None
    return groups(match[0])


def _verse(match: re.Match[str]) -> str | None:
    """John 3:16, Matthew 5:3-12."""
    if not _BOOK.search(before(match)):
        return None
    said = [words.cardinal(match["chapter"]), words.cardinal(match["verse"])]
    return (
        f"{', '.join(said)} to {words.cardinal(match['last'])}" if match["last"] else " ".join(said)
    )


def _spelled(match: re.Match[str]) -> str:
    return groups(match[0])


def _plain(match: re.Match[str]) -> str | None:
    """Digits alone: how they are read is for the word before them to say."""
    digits = match["digits"]
    context = before(match)
    if (len(digits) > 1 and digits[0] == "0") or _is_long(digits):
        return words.spelled(digits)
    if _AFTER_DIALLED.search(context):
        if digits in _EMERGENCY or (len(digits) > 3 and not _COUNTED.match(after(match))):
            return words.spelled(digits)
        if len(digits) == 3 and not _COUNTED.match(after(match)):
            return words.spelled(digits)
        return None
    if digits == "911" and not _COUNTED.match(after(match)):
        return words.spelled(digits)
    if digits in _EMERGENCY and (_SERVICE_NEXT.match(after(match)) or _is_one_of_two(match)):
        return words.spelled(digits)
    if len(digits) in (5, 6) and re.search(r"\btext\b.*\bto\s$", context):
        return words.spelled(digits)
    return _named(digits, context, match)


def _is_one_of_two(match: re.Match[str]) -> bool:
    """Whether another emergency number stands beside this one."""
    if _COUNTED.match(after(match)):
        return False
    beside = (_ANOTHER_NEXT.match(after(match)), _ANOTHER_BEFORE.search(before(match)))
    return any(found is not None and found[1] in _EMERGENCY - {match[0]} for found in beside)


def _named(digits: str, context: str, match: re.Match[str]) -> str | None:
    if len(digits) < 3:
        return None
    if _AFTER_PAIRED.search(context) or (_STREET.match(after(match, 60)) and len(digits) < 6):
        return words.by_pairs(digits)
    if _AFTER_SPELLED.search(context) and not _COUNTED.match(after(match)):
        return words.spelled(digits, zero="oh")
    if _JOINED.search(context) and re.search(
        rf"\b(?:{_SPELLED}|{_PAIRED})s?\W+[0-9]+\W+(?:and|or)?\W*$", context
    ):
        return words.by_pairs(digits)
    if len(digits) == 5 and re.search(r"\b[A-Z]{2},?\s$", match.string[: match.start()]):
        return words.spelled(digits, zero="oh")
    return None


def _is_long(digits: str) -> bool:
    return len(digits) >= 9 and not digits.endswith("000")


def _address(match: re.Match[str]) -> str | None:
    parts = re.split(r"([.:/])", match[0])
    if any(int(part) > 255 for part in parts[:7:2]):
        return None
    names = {".": "dot", ":": "port", "/": "slash"}
    return " ".join(names.get(part) or words.spelled(part) for part in parts)


def _version(match: re.Match[str]) -> str | None:
    if _DATE.fullmatch(match[0]) or re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{3})+", match[0]):
        return None
    is_said = before(match).endswith("version ")
    version = "version " if match["v"] and not is_said else ""
    parts = re.split(r"([.-])", match["parts"])
    names = {".": "point", "-": ""}
    said = " ".join(names[p] if p in names else _letters_and_numbers(p) for p in parts)
    return version + re.sub(r"\s+", " ", said)


def _named_version(match: re.Match[str]) -> str | None:
    if not re.search(
        r"\b(?:version|release|python|node|java|ios|android|macos|ubuntu|windows|firefox|chrome|"
        r"php|ruby|kernel|linux|postgres|django|numpy|pytorch|cuda|gcc|debian|fedora|firmware)\s$",
        before(match),
    ):
        return None
    return f"{words.cardinal(match['major'])} point {words.cardinal(match['minor'])}"


def _letters_and_numbers(token: str) -> str:
    parts = re.findall(r"[0-9]+|[A-Za-z]+", token)
    return " ".join(words.cardinal(part) if part[0].isdigit() else part for part in parts)


def _token(match: re.Match[str]) -> str | None:
    """Letters with digits: A380, H2O, COVID-19, GPT-4, B12, MP3, LH441, 221B, 5G."""
    token = match[0]
    if re.match(r"[a-z]{2,}-", token):
        return None
    if re.fullmatch(r"[a-z]-[0-9]+", token):
        return f"{token[0]} minus {words.cardinal(token[2:])}"
    is_flight = _AFTER_PAIRED.search(before(match)) or _AFTER_SPELLED.search(before(match))
    said: list[str] = []
    for part in re.findall(r"[0-9]+|[A-Za-z]+", token):
        if part[0].isdigit():
            if len(part) > 4 or (is_flight and len(part) > 2 and len(token) > 5):
                said.append(words.spelled(part))
            elif len(part) > 2:
                said.append(words.by_pairs(part))
            else:
                said.append(words.cardinal(part))
        elif part.isupper() and (len(part) <= 3 and not _is_word(part)):
            said.append(" ".join(part))
        else:
            said.append(part)
    return " ".join(said)


def _is_word(letters: str) -> bool:
    return letters in {"GPT", "USB", "PIN"} or (len(letters) == 3 and letters[1] in "AEIOU")


def _flight(match: re.Match[str]) -> str | None:
    """LH 441, where a word before it says that it is a code."""
    context = before(match)
    if not (_AFTER_PAIRED.search(context) or _AFTER_SPELLED.search(context)):
        return None
    return f"{' '.join(match['letters'])} {words.spelled(match['digits'])}"


def _postcode(match: re.Match[str]) -> str:
    return groups(match[0])


def _lettered(match: re.Match[str]) -> str | None:
    """Room 5B, seat 12A: where the word before it says that it is no scale or unit."""
    if not _AFTER_PAIRED.search(before(match)):
        return None
    return f"{words.by_pairs(match['digits'])} {match['letter']}"


def _aircraft(match: re.Match[str]) -> str | None:
    """Boeing 747-400, which is no range of numbers."""
    model, series = match[0][:3], match[0][4:7]
    if model <= series and not re.search(r"\bboeing\s$", before(match)):
        return None
    return " ".join([words.by_pairs(model), words.by_pairs(series), *match[0][7:]])


def _grouped(match: re.Match[str]) -> str | None:
    context = before(match)
    is_code = _AFTER_DIALLED.search(context) or _AFTER_SPELLED.search(context)
    return groups(match[0]) if is_code else None


def _hyphenated(match: re.Match[str]) -> str | None:
    """Three groups and more: ISBN, social security, serial numbers; not a date."""
    if _DATE.fullmatch(match[0]):
        return None
    context = before(match)
    is_code = _AFTER_SPELLED.search(context) or _AFTER_DIALLED.search(context)
    parts = match[0].split("-")
    if not is_code and all(len(part) < 3 and (part == "0" or part[0] != "0") for part in parts):
        return ", ".join(words.cardinal(part) for part in parts)  # a record of games: 10-2-1
    return groups(match[0])


def _vanity(written: str) -> str:
    parts = re.findall(r"[0-9]+|[A-Z]+", written)
    return ", ".join(words.spelled(part) if part[0].isdigit() else part.lower() for part in parts)


SHAPES: tuple[Shape, ...] = (
    shape(r"\+[0-9]{1,3}(?:[\s./-]?\(?[0-9]+\)?)+(?![0-9])", _telephone),
    shape(r"(?:1[\s.-])?\(?[0-9]{3}\)[\s.-]?[0-9]{3}[\s.-][0-9]{4}(?![0-9])", _telephone),
    shape(r"(?:1[\s.-])?[0-9]{3}[\s.-][0-9]{3}[\s.-][0-9]{4}(?![0-9])", _telephone),
    shape(r"(?P<first>[2-9][0-9]{2})[-.](?P<last>[0-9]{4})(?![0-9-])", _local),
    shape(r"\(?0[0-9]{1,5}\)?(?:[\s/-][0-9]{2,}){1,5}(?![0-9:])", _telephone),
    shape(r"0800(?:[\s/-][0-9]+){1,5}(?![0-9:])", _telephone),
    shape(r"1[38]00[\s-][0-9]{3}[\s-][0-9]{3}(?![0-9])", _telephone),
    shape(r"13\s[0-9]{2}\s[0-9]{2}(?![0-9])", lambda m: groups(m[0])),
    shape(r"116\s?(?:000|006|016|111|117|123)(?![0-9])", lambda m: groups(m[0])),
    shape(
        r"1?-?8(?:00|88|77|66|55|44|33)-[A-Z0-9]{3,}(?:-[A-Z0-9]+)*",
        lambda m: groups(m[0]) if re.search("[0-9]{3}$", m[0]) else _vanity(m[0]),
    ),
    shape(r"[0-9]{4}(?:[ -][0-9]{4}){2,3}(?:[ -][0-9]{1,3})?(?![0-9])", _spelled),
    shape(r"[0-9]{4}[ -][0-9]{6}[ -][0-9]{5}(?![0-9])", _spelled),
    shape(r"[A-Z]{2}[0-9]{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?[A-Z0-9]{1,3})?(?![A-Za-z0-9])", _spelled),
    shape(
        r"(?P<chapter>[0-9]{1,3}):(?P<verse>[0-9]{1,3})(?:\s?[-–]\s?(?P<last>[0-9]{1,3}))?(?![0-9:])",
        _verse,
    ),
    shape(r"40[13]\([kb]\)", lambda m: f"four oh {words.cardinal(m[0][2])} {m[0][4]}"),
    shape(
        r"802\.(?P<group>1[0-9])(?P<letters>[a-z]{1,2})?(?!\w)",
        lambda m: " ".join(
            ["eight oh two point", words.cardinal(m["group"]), *(m["letters"] or "")]
        ),
    ),
    shape(r"7[0-9]7-[1-9][0-9]{2}(?:ER|LR)?(?![\w-])", _aircraft),
    shape(r"404(?=\s(?:error|page|not found)\b)", lambda m: words.by_pairs(m[0])),
    shape(r"[0-9]+(?:-[0-9]+){2,}(?![0-9]|-[0-9]|[.,/][0-9])", _hyphenated),
    shape(r"[A-Z]{1,2}[0-9][A-Z0-9]?\s[0-9][A-Z]{2}(?![A-Za-z0-9])", _postcode),
    shape(r"[A-Z][0-9][A-Z]\s?[0-9][A-Z][0-9](?![A-Za-z0-9])", _postcode),
    shape(r"[0-9]{5}-[0-9]{4}(?![0-9-])", lambda m: groups(m[0], zero="oh")),
    shape(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?::[0-9]+|/[0-9]{1,2})?(?![\w]|\.[0-9])", _address),
    shape(
        r"(?P<v>[vV]\.?\s?)?(?P<parts>[0-9]+(?:\.[0-9]+){2,}(?:-?(?:rc|alpha|beta|a|b|dev|post)(?:\.?[0-9]+)?)?)(?!\w)",
        _version,
    ),
    shape(r"(?P<v>[vV])(?P<parts>[0-9]+(?:\.[0-9]+)*)(?!\w)", _version),
    shape(r"(?P<major>[0-9]+)\.(?P<minor>[0-9]{1,2})(?![\w]|\.[0-9])", _named_version),
    shape(
        rf"(?P<digits>[0-9]{{1,4}})(?P<letter>[A-Z])(?={_STREET.pattern})",
        lambda m: f"{words.by_pairs(m['digits'])} {m['letter']}",
    ),
    shape(r"(?P<digits>[0-9]{1,4})(?P<letter>[A-Z])(?![\w°])", _lettered),
    shape(r"[0-9]{2,4}(?:[ -][0-9]{2,4})+(?![0-9:%/])", _grouped),
    shape(r"(?P<letters>[A-Z]{2,3})\s(?P<digits>[0-9]{2,4})(?!\w)", _flight),
    shape(r"(?P<digits>[0-9]+)(?![0-9]|[.,][0-9])", _plain),
)
TOKENS: tuple[Shape, ...] = (
    shape(
        r"(?:[A-Za-z]+-?[0-9]+|[0-9]+[A-Za-z]+[0-9]*)[A-Za-z0-9]*(?:-[0-9]+)?(?![.,][0-9])",
        _token,
    ),
)
"""Letters with digits that no other shape knows."""
