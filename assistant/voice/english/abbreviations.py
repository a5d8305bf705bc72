"""Abbreviations in full, and letters that are said one by one."""

import re

_WITH_STOP = {
    "mr": "mister", "mrs": "missus", "ms": "miss", "prof": "professor", "e.g": "for example",
    "i.e": "that is", "etc": "et cetera", "vs": "versus", "approx": "approximately",
    "jr": "junior", "sr": "senior", "dept": "department", "govt": "government",
    "est": "established", "incl": "including", "excl": "excluding", "ave": "avenue",
    "blvd": "boulevard", "apt": "apartment", "capt": "captain", "sgt": "sergeant",
    "lt": "lieutenant", "col": "colonel", "gov": "governor", "sen": "senator", "rev": "reverend",
    "viz": "namely", "cf": "compare", "et al": "and others", "tel": "telephone",
    "misc": "miscellaneous", "temp": "temperature", "avg": "average", "resp": "respectively",
    "ltd": "limited", "corp": "corporation", "inc": "incorporated", "assoc": "association",
    "univ": "university", "max": "maximum", "min": "minimum",
        "a.k.a": "also known as", "w.r.t": "with respect to", "n.b": "note well",
}  # fmt: skip
_WITH_STOP_PATTERN = re.compile(
    r"\b(" + "|".join(re.escape(a) for a in sorted(_WITH_STOP, key=len, reverse=True)) + r")\.",
    re.IGNORECASE,
)
_ONLY_BEFORE_NAMES = {"lt", "col", "gov", "sen", "rev", "capt", "sgt"}
_NOT_WORDS = {
    "cf",
    "jr",
    "sr",
    "max",
    "min",
    "temp",
    "est",
    "ave",
    "col",
    "rev",
    "sen",
}
"""Abbreviations that are words or names too: at the end of a text their full stop ends it."""
_TITLES = re.compile(r"\b(Dr|Mr|Mrs|Ms|Prof|Capt|Sgt|Gen|Rep|Pres)\.?(?=\s[A-Z])")
_TITLE_WORDS = {
    "Dr": "doctor", "Mr": "mister", "Mrs": "missus", "Ms": "miss", "Prof": "professor",
    "Capt": "captain", "Sgt": "sergeant", "Gen": "general", "Rep": "representative",
    "Pres": "president",
}  # fmt: skip
_STREETS = {
    "St": "street",
    "Dr": "drive",
    "Rd": "road",
    "Ln": "lane",
    "Ct": "court",
    "Pl": "place",
    "Ave": "avenue",
    "Blvd": "boulevard",
    "Hwy": "highway",
    "Pkwy": "parkway",
}
_STREET = re.compile(
    r"(?<=[a-z\d]\s)(St|Rd|Ln|Ave|Blvd|Hwy|Pkwy)\.(?!\s[A-Z][a-z]+\s(?:said|says|was|is|asked)\b)|"
    r"(?<=[a-z]\s)(St|Rd|Ln|Ave|Blvd|Hwy|Pkwy)(?=$|[,.;!?]|\s(?:[NS][EW]?|[EW])\b)\.?|"
    r"(?<=[a-z]\s)(Dr)(?=$|[,;!?]|\.(?!\s[A-Z]))\.?"
)
"""Dr. before a name is a doctor: "call Dr. Lee"."""
_SAINT = re.compile(r"\bSt\.?(?=\s[A-Z][a-z])")
_MOUNT = re.compile(r"\bMt\.?(?=\s[A-Z])")
_FORT = re.compile(r"\bFt\.?(?=\s[A-Z])")
_BEFORE_NUMBERS = {
    "no": "number", "nos": "numbers", "nr": "number", "fig": "figure", "figs": "figures",
    "vol": "volume", "vols": "volumes", "p": "page", "pp": "pages", "ch": "chapter",
    "chap": "chapter", "sec": "section", "art": "article", "ext": "extension", "c": "circa",
    "ca": "circa", "eq": "equation", "para": "paragraph", "ed": "edition", "pt": "part",
    "rm": "room", "ver": "version", "op": "opus", "lvl": "level", "ste": "suite",
}  # fmt: skip
_BEFORE_NUMBER = re.compile(
    r"\b("
    + "|".join(sorted(_BEFORE_NUMBERS, key=len, reverse=True))
    + r")\.\s?(?=[0-9]|(?-i:[IVX]+\b))",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?…:;][\"')\]]*\s*$|\n\s*$")
_COUNTED = re.compile(
    r"I\b|[0-9][0-9.,]*\s(?:[a-z]+s|people|children|men|women|or|and|percent|of)\b", re.ASCII
)
"""After "No." at the beginning of a sentence: what is counted, or another sentence."""
_NAMED_BY_NUMBER = re.compile(
    r"(?:\b(?:room|house|flat|apartment|apt|suite|track|song|line|bus|tram|train|gate|seat|platform|"
    r"page|symphony|concerto|sonata|quartet|opus|prelude|etude|waltz|nocturne|mambo|chanel|number|"
    r"item|exhibit|question|rule|lesson|chapter|volume|issue|episode|case|order|invoice|account|"
    r"ticket|channel|model|part|serial|table|figure|box|building|unit|street|exercise|step|reason|"
    r"problem|player|seed|enemy|at|from|opposite|outside|near|the|a|my|your|his|her|our|their|this|that|ranked|minor|major)"
    r"|'s|\(|#)\s*$",
    re.IGNORECASE,
)
"""Before "no." in small letters: what has a number."""
_SLASHED = {
    "w/o": "without", "a/an": "a or an", "w/": "with ", "b/c": "because", "c/o": "care of",
    "n/a": "not applicable",
    "a/c": "air conditioning", "and/or": "and or", "s/he": "she or he", "he/she": "he or she",
    "his/her": "his or her", "him/her": "him or her", "she/her": "she her", "he/him": "he him",
    "they/them": "they them", "yes/no": "yes or no", "tcp/ip": "T C P I P", "i/o": "I O",
    "r/w": "read write", "q&a": "Q and A", "r&d": "R and D", "b&b": "B and B", "r&b": "R and B",
}  # fmt: skip
_SLASHED_PATTERN = re.compile(
    r"(?<![\w/])("
    + "|".join(re.escape(s) for s in sorted(_SLASHED, key=len, reverse=True))
    + r")(?![/])",
    re.IGNORECASE,
)
_COMMON = {
    "btw": "by the way", "fyi": "for your information", "asap": "as soon as possible",
    "imo": "in my opinion", "imho": "in my humble opinion", "idk": "I don't know",
    "tbh": "to be honest", "afaik": "as far as I know", "aka": "also known as",
    "omg": "oh my god", "brb": "be right back", "etc": "et cetera",
    "approx": "approximately", "wwii": "World War two", "wwi": "World War one",
    "mc2": "m c squared", "ww2": "World War two", "ww1": "World War one",
}  # fmt: skip
_COMMON_PATTERN = re.compile(
    r"(?<![\w.@#/])(?<!slash )(" + "|".join(_COMMON) + r")(?![\w.]|'\w)", re.IGNORECASE
)
_CAREFULLY = {"eg": "for example", "ie": "that is", "vs": "versus"}
_CAREFUL = re.compile(r"\b[Ee]g(?=,)|\b[Ii]e(?=,)|\bvs(?=\s[A-Z0-9])")
"""Abbreviations without full stops that are safe only before these."""
_INITIALS = re.compile(r"(?<![\w.])(?:[A-Za-z]\.){2,}(?![A-Za-z])")
_INITIAL = re.compile(r"(?<![\w.])([A-HJ-Z])\.(?=\s(?:[A-Z]\.\s?)*[A-Z][a-z])")
_NUMBER_SIGN = re.compile(r"(?<=[A-Za-z] )No (?=[0-9])|#(?= of\b)")
_DEGREES = re.compile(r"(?<!\w)(Ph\.?\s?D|M\.?Sc|B\.?Sc|Ed\.?D)\.?(?!\w)")
_LETTERS = frozenset(
    "AI API APIs AIs ADHD OCD AC AD IPA IQ EQ UI UX UK UN UAE USA US EU IT ID IDs IP ISP IRS IRA "
    "ER ICU IUD EMT OB UTI IV IVF IBS IBD OTC EKG ECG EEG UV ATM ETA FAQ FAQs DIY VIP AM FM UFO "
    "USB IOS OS IDE ISO IEEE ACL AOL EST IT'S".split()
)
_WORDS_IN_CAPITALS = frozenset({"US", "IT", "AM", "OS", "AD", "EST", "ID", "IV"})
"""Letters that are a word too where everything is written in capitals."""
_CAPITALS = re.compile(r"(?<![\w'&.-])([A-Z]{2,5})(s)?(?![\w'&$]|-[A-Z])")


def in_words(text: str) -> str:
    """Returns `text` with abbreviations in full."""
    text = _NUMBER_SIGN.sub(lambda m: "number " if m[0][0] == "N" else "number", text)
    text = _SLASHED_PATTERN.sub(lambda m: _SLASHED[m[1].lower()], text)
    text = _stopped(text) if "." in text else _places(text)
    text = _COMMON_PATTERN.sub(lambda match: _COMMON[match[1].lower()], text)
    return _CAREFUL.sub(lambda match: _CAREFULLY[match[0].lower()], text)


def spelled(text: str) -> str:
    """Returns `text` with letters apart that a voice would read as a word."""
    return _CAPITALS.sub(_capitals, text)


def _stopped(text: str) -> str:
    text = _DEGREES.sub(_degree, text)
    text = _places(text)
    text = _BEFORE_NUMBER.sub(_numbered, text)
    text = _WITH_STOP_PATTERN.sub(_in_full, text)
    text = _INITIALS.sub(_spaced_initials, text)
    return _INITIAL.sub(r"\1", text)


def _numbered(match: re.Match[str]) -> str:
    """No. 5 and room no. 5 name something; "I said no. 5 people came" says no."""
    before, is_no = match.string[: match.start()], match[1].lower() == "no"
    begins = not before.strip() or _SENTENCE_END.search(before) is not None
    if match[1] == "No" and begins:
        names = _COUNTED.match(match.string, match.end()) is None
    else:
        names = match[1] != "no" or _NAMED_BY_NUMBER.search(before) is not None
    return match[0] if is_no and not names else _BEFORE_NUMBERS[match[1].lower()] + " "


def _degree(match: re.Match[str]) -> str:
    said = " ".join(letter for letter in match[1].upper() if letter.isalpha())
    return said + ("." if _ends_text(match) and match[0].endswith(".") else "")


def _places(text: str) -> str:
    text = _STREET.sub(_street, text)
    text = _TITLES.sub(lambda m: _TITLE_WORDS[m[1]], text)
    text = _SAINT.sub("Saint", text)
    text = _MOUNT.sub("Mount", text)
    return _FORT.sub("Fort", text)


_BEFORE_SAINT = re.compile(r"(?:^|\s)[a-z]+\s$|(?:^|[.!?]\s)[A-Z][a-z]+\s$")


def _street(match: re.Match[str]) -> str:
    has_name_next = match[0] == "St." and re.match(r"\s[A-Z][a-z]", match.string[match.end() :])
    if has_name_next and _BEFORE_SAINT.search(match.string[: match.start()]):
        return match[0]  # "near St. James": a street has its name before it
    name = _STREETS[match[1] or match[2] or match[3]]
    return name + ("." if _ends_text(match) and match[0].endswith(".") else "")


def _in_full(match: re.Match[str]) -> str:
    short = match[1].lower()
    is_last = _ends_text(match)
    if short in {"jr", "sr"} and match[1][0].isupper():
        return _WITH_STOP[short] + ("." if is_last else "")
    if short in _ONLY_BEFORE_NAMES and not re.match(r"\s[A-Z]", match.string[match.end() :]):
        return match[0]
    if is_last and short in _NOT_WORDS:
        return match[0]
    if short == "min" and match.string[: match.start()].rstrip()[-1:].isdigit():
        return match[0]  # minutes
    return _WITH_STOP[short] + ("." if is_last and short not in {"mr", "mrs", "ms", "prof"} else "")


def _ends_text(match: re.Match[str]) -> bool:
    return not match.string[match.end() :].strip(" \"')*_\n")


def _spaced_initials(match: re.Match[str]) -> str:
    letters = match[0].replace(".", " ").strip()
    if letters.lower() in {"a m", "p m"}:
        if match.string[: match.start()].rstrip()[-1:].isdigit():
            return match[0]
        letters = letters.lower()
    return letters + ("." if _ends_text(match) else "")


def _capitals(match: re.Match[str]) -> str:
    """Spells what would otherwise be read as a word: the voices spell "FBI" by themselves."""
    letters = match[1]
    if letters not in _LETTERS:
        return match[0]
    if letters in _WORDS_IN_CAPITALS and _is_shouted(match):
        return match[0]
    return " ".join(letters) + ("'s" if match[2] else "")


def _is_shouted(match: re.Match[str]) -> bool:
    around = re.findall(r"[A-Za-z]+", match.string[max(0, match.start() - 20) : match.end() + 20])
    return sum(word.isupper() and len(word) > 1 for word in around) > 1
