"""Markup out of a text: what remains is what a person would read aloud."""

import html
import re
import unicodedata

from assistant.voice import tex
from assistant.voice.constructs import Construct, construct_at, next_opening
from assistant.voice.stage_directions import is_adverb, names_a_thing, without_faces
from assistant.voice.swearing import bleeped

_SHIELD = 0xE000
"""Signs of code and of entities are moved into this private area while markup is removed."""
_SIGNS = "*_#<>[](){}`~|&+-:;=^\\!/"
_SHIELDED = str.maketrans({sign: chr(_SHIELD + ord(sign)) for sign in _SIGNS})
_UNSHIELDED = str.maketrans({chr(_SHIELD + ord(sign)): sign for sign in _SIGNS})
_SILENCE = "\ue1ff"
"""Stands for emoji while it is not known whether a pause belongs there."""

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_LINES = (
    (re.compile(r"^[ \t]{0,3}\[[^\]\n]+\]:[ \t]*(?:https?://|/|\.)\S+.*$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*(?:[-*_=~:|+ \t]{3,})[ \t]*$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]{0,3}(?:>[ \t]?)+(?![0-9=])", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*\$[ \t]+(?=[a-z])", re.MULTILINE), ""),
    (re.compile(r"^[ \t]{0,3}#{1,6}[ \t]+|[ \t]+#+[ \t]*$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*[-*+→•◦▪‣●○■□✓✔➤➜►▶–][ \t]+(?:\[[ xX]\][ \t]+)?", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*\|[ \t]*|[ \t]*\|[ \t]*$", re.MULTILINE), ""),
    (re.compile(r"[ \t]*(?<!\|)\|(?!\|)[ \t]*"), ", "),
)
_LINE_SIGNS = re.compile(r"[$→#|>*+•◦▪‣●○■□✓✔➤➜►▶–~_=-]|\]:")
_STARS = re.compile(r"(?<![\w*])([1-5])(\*{1,5})(?=[\s.,!?;:)]|-|$)")
_STAR_SIGNS = re.compile(r"([★⭐]\ufe0f?){1,5}☆{0,4}")
_TIMES = re.compile(
    r"(?<=[\d)])\s?\*\s?(?=[\d(])|(?<=[\d)])\s?\*\s?(?=[A-Za-z](?!\w))|(?<=\b[A-Za-z])\s?\*\s?(?=(?:[A-Za-z]|\d+)\b)|(?<=[\w)])\s\*\s(?=[\w(])"
)
_RAISED = re.compile(r"(?<=\w)\*\*(?=\d)")
_RAISED_BETWEEN = re.compile(r"(?<=\w)\^([-+−]?\w{1,3})\^(?![\w^])")
"""x^2^ and 5^th^, as some dialects of Markdown write them."""
_RAISED_IN_BRACES = re.compile(r"\^\{([^{}\n]{1,20})\}")
_RAISED_TAG = re.compile(r"<(sup|sub)>\s*([-+−]?[\w]{1,3})\s*</\1>")
_MARKED = re.compile(r"(?<![=\w])==(?=[^\s=])([^=\n]+)(?<=[^\s=])==(?![=\w])")
_EMPHASIS = re.compile(r"\*+|~~|(?<![^\W_])_+|_+(?![^\W_])")
_TILDE = re.compile(r"(?<=[A-Za-z!?.])~+(?![0-9])")
_PLACEHOLDER = re.compile(
    r"(?<!\w)<((?:your|my|the|insert|his|her|their|user|first"
    r"|last)[ _-][a-z _-]{1,40}|[A-Za-z]{3,20})>(?!\w)"
)
"""A word in brackets that is no tag, as in "Hello <name>"."""
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+.!|>~$-])")


def plain(text: str) -> str:
    """Returns `text` without markup, emoji and whatever is not meant to be spoken.

    Its lines stay lines; code blocks, hidden thoughts, addresses of links and stage directions
    are left out; inline code stays as it is written.
    """
    text = _without_constructs(_RAISED_TAG.sub(_raised, text) if "<s" in text else text)
    text = _ENTITY.sub(lambda match: html.unescape(match[0]).translate(_SHIELDED), text)
    if "\\" in text or "$" in text:
        text = tex.in_signs(text)
        text = _ESCAPED.sub(lambda match: match[1].translate(_SHIELDED), text)
    text = bleeped(text)
    if _LINE_SIGNS.search(text):
        for pattern, replacement in _LINES:
            text = pattern.sub(replacement, text)
    text = _PLACEHOLDER.sub(r"\1", text) if "<" in text else text
    text = _without_emphasis(without_faces(text))
    if not text.isascii():
        text = _without_emoji(text)
    return text.translate(_UNSHIELDED)


def _without_constructs(text: str) -> str:
    kept: list[str] = []
    position = 0
    start = next_opening(text, 0)
    while start >= 0:
        construct = construct_at(text, start, is_end=True)
        if isinstance(construct, Construct) and not _is_emphasised(text, start, construct):
            before = [] if construct.ends_thought else [*kept, text[position:start]]
            kept = [*before, _said(construct)]
            position = start = construct.end
        else:
            start += 1
        start = next_opening(text, start)
    return "".join([*kept, text[position:]])


def _said(construct: Construct) -> str:
    if construct.is_code:
        return construct.spoken.translate(_SHIELDED)
    return _without_constructs(construct.spoken)


def _is_emphasised(text: str, start: int, construct: Construct) -> bool:
    """Whether what looks like a direction belongs to the sentence: "He *laughs* at me"."""
    if text[start] not in "*_(":
        return False
    content = text[start : construct.end].strip("*_() ")
    before, after = text[:start].rstrip(), text[construct.end :]
    is_behind_word = before[-1:].isalpha()
    goes_on = re.match(r"\s[a-z]", after) is not None
    if text[start] == "(":
        return is_adverb(content) and is_behind_word and goes_on
    if (is_behind_word and goes_on) or re.match(r"\s?:", after):
        return True
    if content[:1].isupper() and goes_on:
        return True  # "*Dancing Queen* is a song": its subject
    is_bold = text.startswith(("**", "__"), start)
    if is_adverb(content):
        return is_behind_word
    return names_a_thing(content) and (is_behind_word or is_bold)


def _raised(match: re.Match[str]) -> str:
    """10<sup>3</sup> is a power; H<sub>2</sub>O and 5<sup>th</sup> are written beside."""
    is_power = match[1] == "sup" and match[2] not in {"st", "nd", "rd", "th"}
    return f"^{match[2]}" if is_power else match[2]


def _raised_between(match: re.Match[str]) -> str:
    return match[1] if match[1] in {"st", "nd", "rd", "th"} else f"^{match[1]}"


def _without_emphasis(text: str) -> str:
    if "==" in text:
        text = _MARKED.sub(r"\1", text)
    if "*" in text:
        text = _STARS.sub(_rating, text)
        text = _RAISED.sub("^", text)
        text = _TIMES.sub(" × ", text)
    if "^" in text:
        text = _RAISED_IN_BRACES.sub(r"^(\1)", text)
        text = _RAISED_BETWEEN.sub(_raised_between, text)
    if "~" in text:
        text = _TILDE.sub("", text)
    return _EMPHASIS.sub("", text)


def _rating(match: re.Match[str]) -> str:
    """5*** is five stars, where no emphasis that began before ends."""
    line = match.string[match.string.rfind("\n", 0, match.start()) + 1 : match.start()]
    if len(re.findall(r"\*+", line)) % 2:
        return match[0]
    describes = re.match(r"[\s-][A-Za-z]", match.string[match.end() :]) is not None
    return f"{match[1]} {'star' if describes or match[1] == '1' else 'stars'}"


def _without_emoji(text: str) -> str:
    text = _STAR_SIGNS.sub(lambda match: f" {sum(match[0].count(s) for s in '★⭐')} stars ", text)
    text = "".join(_SILENCE if _is_emoji(character) else character for character in text)
    text = re.sub(rf"(?<=\w)\s*{_SILENCE}+\s*(?=[A-Z])", ", ", text)
    return re.sub(rf"\s*{_SILENCE}+(?=[.,!?;:])|{_SILENCE}+", " ", text)


def _is_emoji(character: str) -> bool:
    if character.isascii() or unicodedata.category(character) not in {"So", "Sk", "Cn", "Me"}:
        return False
    return character != "°"
