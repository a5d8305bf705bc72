"""Roman numerals: of kings and popes ("the eighth"), of wars, chapters and games ("two")."""

import re

from assistant.voice.english import number_words as words

_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_NUMERAL = r"(?P<roman>M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))"
_VALID = re.compile(_NUMERAL.replace("?P<roman>", "?:"))
_REGENTS = (
    "Henry Louis George Edward Elizabeth Richard William Charles James Mary Paul Pius Benedict Leo "
    "Gregory Clement Innocent Urban Francis Frederick Friedrich Wilhelm Philip Philippe Felipe "
    "Ferdinand Alfonso Alexander Nicholas Ivan Peter Catherine Napoleon Gustav Gustaf Adolf "
    "Christian Carl Karl Carlos Albert Leopold Ramses Ramesses Rameses Ptolemy Thutmose Amenhotep "
    "Seti Cleopatra Darius Xerxes Cyrus Artaxerxes Harald Haakon "
    "Olav Umberto Emmanuel Emanuele Pedro Joseph "
    "Josef Franz Otto Rama Constantine Justinian Theodosius "
    "Boniface Celestine Sixtus Julius Adrian "
    "Hadrian Malcolm Robert David Margrethe Beatrix Kenneth Stephen Henri Baudouin Mehmed Suleiman "
    "Selim Murad Mahmud Abdulhamid Hamid Hussein Abdullah "
    "Farouk Mohammed Hassan Michael John Ludwig "
    "Maximilian Rudolf Sigismund Casimir Stanislaus Vladislaus "
    "Bela Andrew Kamehameha Naruhito Rainier "
    "Victor Juan Haile Menelik Tiberius Alexios Basil Leopoldo "
    "Manuel Isabella Anne Joan Eric Erik Sancho"
).split()
_TITLES = (
    "King|Queen|Pope|Emperor|Empress|Tsar|Czar|Tsarina|Kaiser"
    "|Sultan|Prince|Princess|Pharaoh|Shah|Duke|Saint"
)
_THINGS = (
    "World War|War|Part|Chapter|Book|Volume|Vol|Act|Scene"
    "|Phase|Type|Class|Grade|Stage|Level|Section|"
    "Article|Title|Appendix|Figure|Fig|Table|Episode|Unit|Group|Category|Tier|Mark|Schedule|Division|"
    "Amendment|Step|Rule|Lesson|Module|Season|Round|Super Bowl"
    "|Apollo|Rocky|Rambo|Final Fantasy|Mk|Cranial Nerve|"
    "Factor|Symphony|Movement|Canto|Exhibit|Annex|Trial|Option|Set|Quadrant|Generation"
)
_REGENT = re.compile(
    rf"\b(?P<name>(?:(?:{_TITLES})\s(?:[A-Z]\w+\s)?[A-Z]\w+|{'|'.join(_REGENTS)}))\s{_NUMERAL}"
    r"(?P<after>'s)?(?![\w'&-])(?!\s?=)"
)
_THING = re.compile(
    rf"\b(?P<name>{_THINGS}|(?:{_THINGS.lower()}))s?\.?\s(?P<roman>[IVXLC]+)(?P<link>\s?(?:-|–|and|&|to|or)\s?)?"
    r"(?P<second>(?<=[\s–-])[IVX]+)?(?![\w'-])"
)
_CENTURY = re.compile(r"\b(?P<roman>[IVX]{1,5})(?P<after>(?:st|nd|rd|th)?\s[Cc]entur(?:y|ies))")
_JOHN = re.compile(
    r"\b(?P<name>[A-Z][a-z]+\s(?:[A-Z]\.?\s)?[A-Z][a-z]+)\s(?P<roman>III|IV|II)(?=[\s,.!?;:')]|$)"
)
_NAMED = re.compile(
    r"\b(?P<name>[A-Z][A-Za-z]+)\s(?P<roman>X{0,3}(?:IX|IV|V?I{1,3})|XX?|V)(?![\w'-])"
)
_ALONE = re.compile(
    r"(?<![\w.-])(?P<roman>X{0,2}(?:VI{1,3}|I{2,3}|IV|IX)|XI{0,3}|XIV|XV|XVI)(?![\w'.-]*\w)"
)
_SMALL = re.compile(
    r"(\b(?:[Pp]ages?|[Ss]cene|[Cc]hapter|[Pp]art|[Ss]ection|[Aa]ct|[Bb]ook|[Vv]olume|[Ii]tem|"
    r"[Cc]lause|[Pp]aragraph|[Ff]igure|[Pp]oint)\s|(?<![\w^])\()(?P<roman>(?=[ivx]{2})x{1,2}(?:ix|iv|v?i{0,3})|ix|iv|vi{1,3}|i{2,3})"
    r"(?![\w'-])"
)
"""Scene ii, page xiv, (iii)."""
_YEAR = re.compile(r"(?<![\w.-])M[MCDXLVI]{3,}(?![\w'-])")
"""MCMXCIX on a building; what is no numeral is left as it is."""
_FOLLOWS_FIRST = re.compile(
    r"(?:[,.;:!?)]|$|\s(?:was|of|and|died|ruled|reigned|became|is|had|in|who|to|from|on|by|the|as|married|did)\b)"
)


def value(roman: str) -> int:
    """Returns what a Roman numeral stands for; 0 where it is none."""
    if not roman or not _VALID.fullmatch(roman):
        return 0
    total = 0
    for here, following in zip(roman, [*roman[1:], "I"], strict=True):
        total += _VALUES[here] if _VALUES[here] >= _VALUES[following] else -_VALUES[here]
    return total


def in_words(text: str) -> str:
    """Returns `text` with the Roman numerals in words that certainly are such."""
    if not re.search(r"\b(?:[IVXLCDM]+(?![a-rt-z])|[ivx]{2,5}\b)", text):
        return text
    text = _CENTURY.sub(
        lambda m: (
            words.ordinal(str(value(m["roman"]))) + re.sub("^(?:st|nd|rd|th)", "", m["after"])
            if value(m["roman"])
            else m[0]
        ),
        text,
    )
    text = _SMALL.sub(lambda m: m[1] + words.cardinal(str(value(m["roman"].upper()))), text)
    text = _YEAR.sub(_year, text)
    text = _REGENT.sub(_regent, text)
    text = _THING.sub(_thing, text)
    text = _JOHN.sub(_person, text)
    text = _NAMED.sub(_named, text)
    return _ALONE.sub(_alone, text)


def _year(match: re.Match[str]) -> str:
    number = value(match[0])
    return words.year(str(number)) if number else match[0]


def _regent(match: re.Match[str]) -> str:
    roman, name = match["roman"], match["name"]
    number = value(roman)
    if not number or match[0].startswith("Malcolm X") or roman in {"C", "D", "L", "M"}:
        return match[0]
    if roman == "I":
        is_titled = re.match(rf"(?:{_TITLES})\s", name) is not None
        following = match.string[match.end() : match.end() + 12]
        before = match.string[: match.start()].rstrip()[-6:]
        is_asked = re.search(r"\b(?:Did|Do|Can|May|Am|Will)$", before) is not None
        if is_asked or not (is_titled or match["after"] or _FOLLOWS_FIRST.match(following)):
            return match[0]
    return f"{name} the {words.ordinal(str(number))}{match['after'] or ''}"


def _thing(match: re.Match[str]) -> str:
    number = value(match["roman"])
    if not number or match["roman"] in {"C", "D", "L", "M"} or match[0].startswith("Generation X"):
        return match[0]
    if match["roman"] == "I" and match["name"].islower() and not match["name"].startswith("world"):
        return match[0]
    said = match[0][: match.start("roman") - match.start()] + words.cardinal(str(number))
    if match["link"] is None:
        return said
    if match["second"] is None or not value(match["second"]):
        return said + match[0][match.end("roman") - match.start() :]
    link = {"-": "to", "–": "to", "&": "and"}.get(match["link"].strip(), match["link"].strip())
    return f"{said} {link} {words.cardinal(str(value(match['second'])))}"


def _person(match: re.Match[str]) -> str:
    return f"{match['name']} the {words.ordinal(str(value(match['roman'])))}"


def _named(match: re.Match[str]) -> str:
    """Rocky II, Windows XI: whatever has a name is counted."""
    number = value(match["roman"])
    is_letter = len(match["roman"]) == 1
    if (
        is_letter
        or not number
        or match["name"] in {"The", "Malcolm", "In", "On", "At", "And", "But"}
    ):
        return match[0]
    return f"{match['name']} {words.cardinal(str(number))}"


def _alone(match: re.Match[str]) -> str:
    number = value(match["roman"])
    is_sure = len(match["roman"]) > 2 or match["roman"] == "II"
    return words.cardinal(str(number)) if is_sure and number else match[0]
