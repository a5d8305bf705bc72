"""Markup that reaches over sentences: code, hidden thoughts, links, tags, stage directions.

A cut into pieces must not lie within it, and a voice says little or nothing of it. Here it is
found in a text that may still grow: what is found does not depend on how the text came in pieces.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from assistant.voice.stage_directions import could_be_direction, is_direction, is_sound

LONGEST = 400
"""Characters after which a construct that did not end is taken for plain text."""
LONGEST_ADDRESS = 2_000

_HIDDEN_TAGS = (
    "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|planning|"
    "inner_monologue|inner_thoughts|internal|tool_call|tool_calls|function_call|tool_response|"
    "script|style|svg|head"
)
_SPOKEN_TAGS = (
    "a abbr address article aside audio b bdi bdo big "
    "blockquote body br button canvas caption center "
    "cite code col colgroup data dd del details dfn div dl "
    "dt em embed fieldset figcaption figure font "
    "footer form h1 h2 h3 h4 h5 h6 header hr html i iframe "
    "img input ins kbd label legend li link main "
    "mark meta nav ol option p param picture pre q s samp section select small source span strike "
    "strong sub summary sup table tbody td textarea tfoot "
    "th thead time title tr tt u ul var video wbr "
    "answer response output reply final result assistant user system message speak break prosody "
    "emphasis say-as voice phoneme audio lang say "
    "bos eos pad unk start_of_turn end_of_turn"
).split()
_TAG_NAMES = "|".join(sorted({*_SPOKEN_TAGS, *_HIDDEN_TAGS.split("|")}, key=len, reverse=True))
_VALUED = r"\s+[a-zA-Z_:@][\w:.-]*\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'|[^\s\"'<>=`]+)"
_BOOLEAN = (
    r"\s+(?:disabled|checked|hidden|open|controls|autoplay|loop|muted|required|readonly|selected|async|defer)"
    r"(?=[\s/>])"
)
_BLOCK_TAG = re.compile(r"</?(?:br|p|div|li|tr|h[1-6]|hr|ul|ol|table|blockquote)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Construct:
    """A stretch of markup."""

    end: int
    """Where the text goes on."""
    spoken: str
    """What is said of it."""
    is_code: bool = False
    """Whether `spoken` is code, whose signs are no markup."""
    is_block: bool = False
    """Whether it stands apart: nothing is said of it, and pieces end before and after it."""
    ends_thought: bool = False
    """Whether a thought ends here whose beginning was not marked: nothing before it is said."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """More of the text must come before it can be told whether a construct begins here."""


_WAITING = Waiting()
_OPENINGS = re.compile(r"`|<|!?\[|[({*_◁【]|^~", re.MULTILINE)
_HIDDEN = (
    (re.compile(r"```+|~~~+"), None),
    (re.compile(r"<!--"), "-->"),
    (re.compile(r"◁think▷"), "◁/think▷"),
    (re.compile(r"\[think\]"), "[/think]"),
    (re.compile(r"\[THINK\]"), "[/THINK]"),
    (re.compile(r"<\|channel\|>(?:analysis|commentary)"), "<|end|>"),
    (re.compile(r"<\|begin_of_thought\|>"), "<|end_of_thought|>"),
)
_ENDS_OF_THOUGHTS = (
    *(f"</{name}>" for name in ("think", "thinking", "thought", "thoughts", "reasoning")),
    "◁/think▷", "[/think]", "<|end_of_thought|>",
)  # fmt: skip
"""Some models leave out the mark before what they think: their template wrote it."""
_HIDDEN_PREFIXES = (
    "```", "~~~", "<!--", "◁think▷", "[think]", "[THINK]", "<|channel|>analysis",
    "<|channel|>commentary", "<|begin_of_thought|>",
)  # fmt: skip
_HIDDEN_TAG = re.compile(rf"<({_HIDDEN_TAGS})(?:\s[^<>]*)?>", re.IGNORECASE)
_TAG = re.compile(
    rf"<(?:/\s?(?:{_TAG_NAMES})\s*|(?:{_TAG_NAMES})(?:{_VALUED}|{_BOOLEAN})*\s*/?|[!?](?:DOCTYPE|doctype|xml)[^<>]*)>"
    r"|<\|(?:im_start|start_header_id|start)\|>(?:assistant|user|system)\b|<\|channel\|>final\b"
    r"|<\|[a-z_]{2,40}\|>",
    re.IGNORECASE,
)
_PROMPT_MARK = re.compile(r"\[/?INST\]")
"""Of the templates of language models, which some write in their replies."""
_OPEN_TAG = re.compile(
    rf"<(?:[!?/|]?|/?\s?[a-zA-Z][^\s<>]{{0,{LONGEST}}}|/?(?:{_TAG_NAMES})\s[^<>]{{0,{LONGEST}}}"
    rf"|[!?](?:DOCTYPE|xml|-)[^<>]{{0,{LONGEST}}}|\|[a-z_]{{0,40}}\|?)\Z",
    re.IGNORECASE,
)
_DIRECTION_TAG = re.compile(r"</?([a-zA-Z]{3,20})\s?/?>")
_ADDRESS = re.compile(r"<((?:https?://|mailto:)[^\s<>]+|[\w.+-]+@[\w.-]+)>")
_CODE = re.compile(r"(`{1,2})(?!`)([^`]+)\1")
_OPEN_CODE = re.compile(rf"`{{1,2}}(?:[^`]{{1,{LONGEST}}}`?)?\Z")
_LINK_TEXT = rf"!?\[((?:[^\[\]]|\[[^\[\]]{{0,80}}\]){{0,{LONGEST}}})\]"
_LINK = re.compile(_LINK_TEXT + r"\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
_REFERENCE = re.compile(_LINK_TEXT + r"\[[^\[\]\n]{0,80}\]")
_OPEN_LINK = re.compile(
    rf"!?\[(?:[^\[\]]|\[[^\[\]]{{0,80}}\]){{0,{LONGEST}}}(?:\[[^\[\]]{{0,80}})?"
    rf"(?:\](?:\((?:[^()]|\([^()]*\)?){{0,{LONGEST_ADDRESS}}}|\[[^\[\]\n]{{0,80}})?)?\Z"
)
_FOOTNOTE = re.compile(r"\[(?:\^[^\[\]\s]{1,30}|[0-9]{1,3}(?:\s?[,–-]\s?[0-9]{1,3})*)\]:?")
_DEFINITION = re.compile(r"\[[^\[\]\n]{1,80}\]:[ \t]+(?:https?://|www\.)\S+")
_CITATION = re.compile(r"【[^【】\n]{0,80}】")
_OPEN_CITATION = re.compile(r"【[^【】\n]{0,80}\Z")
_DIRECTION = re.compile(r"([(\[{]|\*{1,3}|_{1,3})([^*_()\[\]{}\n]{1,80})([)\]}]|\*{1,3}|_{1,3})")
_OPEN_DIRECTION = re.compile(r"(?:[(\[{]|\*{1,3}|_{1,3})([^*_()\[\]{}\n]{0,80})\Z")
_CLOSERS = {"(": ")", "[": "]", "{": "}"}


def next_opening(text: str, start: int) -> int:
    """Returns where from `start` on something stands that may open a construct; -1 if nothing."""
    found = _OPENINGS.search(text, start)
    return found.start() if found else -1


def construct_at(text: str, start: int, *, is_end: bool) -> Construct | Waiting | None:
    """Returns the construct that begins at `start`, if one does.

    Args:
        text: What has come so far.
        start: As `next_opening` found it.
        is_end: Whether nothing more will come.
    """
    character = text[start]
    if not is_end and _may_become_hidden(text, start):
        return _WAITING
    if (end := ends_thought(text, start)) is not None:
        if end > start:
            return Construct(end, "\n", is_block=True, ends_thought=True)
        if not is_end:
            return _WAITING
    if (hidden := _hidden(text, start, is_end=is_end)) is not None:
        return hidden
    if character in _ENCLOSED:
        opening, whole = _ENCLOSED[character]
        if not is_end and _is_growing(text, start, opening):
            return _WAITING
        return whole(text, start)
    return _direction(text, start, is_end=is_end) if character in "({*_" else None


def ends_thought(text: str, start: int) -> int | None:
    """Returns where a mark that ends a thought is over; `start` where only its beginning is there.

    None where none stands at `start`.
    """
    rest = text[start : start + 24].lower()
    for mark in _ENDS_OF_THOUGHTS:
        if rest.startswith(mark):
            return start + len(mark)
    return start if rest and any(mark.startswith(rest) for mark in _ENDS_OF_THOUGHTS) else None


def _is_growing(text: str, start: int, opening: re.Pattern[str]) -> bool:
    growing = opening.match(text, start)
    return growing is not None and "\n\n" not in growing[0]


def _may_become_hidden(text: str, start: int) -> bool:
    rest = text[start : start + 24]
    if len(text) - start > 24:
        return False
    return any(opening.startswith(rest) and opening != rest for opening in _HIDDEN_PREFIXES)


def _hidden(text: str, start: int, *, is_end: bool) -> Construct | Waiting | None:
    for opening, closing in _HIDDEN:
        if found := opening.match(text, start):
            # A fence is closed by one as long, so that shorter ones may stand within.
            return _until(text, found.end(), closing or found[0], is_end=is_end)
    if found := _HIDDEN_TAG.match(text, start):
        return _until(text, found.end(), f"</{found[1]}>", is_end=is_end)
    return None


def _until(text: str, start: int, closing: str, *, is_end: bool) -> Construct | Waiting:
    end = text.lower().find(closing.lower(), start)
    if end >= 0:
        return Construct(end + len(closing), "\n", is_block=True)
    return Construct(len(text), "\n", is_block=True) if is_end else _WAITING


def _code(text: str, start: int) -> Construct | None:
    found = _CODE.match(text, start)
    if found is None or "\n\n" in found[0] or len(found[0]) > LONGEST:
        return None
    return Construct(found.end(), found[2].strip(), is_code=True)


def _tag(text: str, start: int) -> Construct | None:
    if found := _ADDRESS.match(text, start):
        return Construct(found.end(), found[1])
    if found := _TAG.match(text, start):
        return Construct(found.end(), "\n" if _BLOCK_TAG.match(found[0]) else " ")
    found = _DIRECTION_TAG.match(text, start)
    return Construct(found.end(), " ") if found and is_sound(found[1]) else None


def _citation(text: str, start: int) -> Construct | None:
    found = _CITATION.match(text, start)
    return Construct(found.end(), "") if found else None


def _bracketed(text: str, start: int) -> Construct | None:
    if found := _PROMPT_MARK.match(text, start) or _DEFINITION.match(text, start):
        return Construct(found.end(), " ")
    link = _LINK.match(text, start)
    if link is None and (note := _FOOTNOTE.match(text, start)):
        return Construct(note.end(), "")
    link = link or _REFERENCE.match(text, start)
    if link is not None and "\n\n" not in link[0]:
        return Construct(link.end(), link[1])
    found = _DIRECTION.match(text, start)
    if found and found[3] == "]" and is_direction(found[2], "["):
        return Construct(found.end(), " ")
    return None


def _direction(text: str, start: int, *, is_end: bool) -> Construct | Waiting | None:
    """(laughs), *sighs*: silent where it is something that is done and not said."""
    if text[start] not in "({" and start and text[start - 1].isalnum():
        return None
    growing = _OPEN_DIRECTION.match(text, start)
    if growing and not is_end:
        return _WAITING if could_be_direction(growing[1]) else None
    found = _DIRECTION.match(text, start)
    if found is None or found[3] != _CLOSERS.get(found[1], found[1]):
        return None
    is_silent = is_direction(found[2], found[1])
    return Construct(found.end(), " ") if is_silent else None


_ENCLOSED: dict[str, tuple[re.Pattern[str], Callable[[str, int], Construct | None]]] = {
    "`": (_OPEN_CODE, _code),
    "<": (_OPEN_TAG, _tag),
    "【": (_OPEN_CITATION, _citation),
    "[": (_OPEN_LINK, _bracketed),
    "!": (_OPEN_LINK, _bracketed),
}
"""By its first sign: how the beginning of a construct looks, and who reads the whole."""
