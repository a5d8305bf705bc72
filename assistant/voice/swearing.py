"""Swear words that were starred out are bleeped: nobody can say "f star star star"."""

import re
from functools import cache

BLEEP = "bleep"
_WORDS = (
    "fuck fucks fucked fucker fuckers fucking fuckin fuckup "
    "motherfucker motherfuckers motherfucking shit "
    "shits shitty shitting bullshit horseshit bitch bitches bitchy "
    "bitching cunt cunts damn damned goddamn dammit "
    "ass asses asshole assholes bastard bastards dick dicks "
    "dickhead piss pissed pissing crap crappy hell "
    "whore whores slut sluts cock cocks pussy pussies bollocks wank wanker wankers twat twats arse "
    "arsehole prick pricks tits bugger nigger niggers nigga "
    "faggot fag retard screw sex suck sucks sucked kill "
    "killed die dead suicide rape raped porn drugs"
).split()
_STARRED = re.compile(
    r"(?<![\w*#@$/.])(?=[\w*#@$%!]*[*#@$%!])[A-Za-z*@$#]*[A-Za-z][*#@$%!]+[A-Za-z*#@$%!]*[A-Za-z*$](?![\w@])"
    r"|(?<![\w*#@$/.])[A-Za-z]{1,3}\*{2,}[A-Za-z]*(?!\w)"
)
_GRAWLIX = re.compile(r"(?<![\w@#$%&*!?])(?=[^\s]*[@#$%&])[@#$%&*!]{3,}[@#$%&*](?![\w$@#%&*])")


def bleeped(text: str) -> str:
    """Returns `text` with each starred swear word as "bleep"."""
    if not any(sign in text for sign in "*#@$%"):
        return text
    return _GRAWLIX.sub(BLEEP, _STARRED.sub(_bleep, text))


def _bleep(match: re.Match[str]) -> str:
    word = match[0]
    body = word.rstrip("!")
    if _is_emphasis(match):
        return word
    if _is_swearing(body.lower()):
        return BLEEP + word[len(body) :]
    # Two stars and more within or after the beginning of a word, none before it: not emphasis.
    if re.fullmatch(r"[A-Za-z]{1,3}\*{2,}[A-Za-z]{0,4}(?:ing|ed|er|s)?", word) and not _is_closing(
        match
    ):
        return BLEEP
    return word


def _is_emphasis(match: re.Match[str]) -> bool:
    """Whether the stars stand around the word, as in "**it**", and not for letters of it."""
    inner = match[0].rstrip("!").strip("*")
    if not inner.isalpha():
        return False
    opens, closes = match[0].startswith("*"), match[0].rstrip("!").endswith("*")
    return closes and (opens or _is_closing(match))


def _is_closing(match: re.Match[str]) -> bool:
    """Whether the stars end an emphasis that began earlier: "**I am so** glad"."""
    stars = re.search(r"\*{2,}", match[0])
    line = match.string[match.string.rfind("\n", 0, match.start()) + 1 : match.start()]
    return (
        stars is None
        or len(re.findall(r"(?<![\w*])\*{2,}(?=\w)|(?<=\w)\*{2,}(?![\w*])", line)) % 2 == 1
    )


@cache
def _is_swearing(starred: str) -> bool:
    masked = re.sub(r"[*#@$%!]+", lambda m: "." * len(m[0]), starred)
    loose = re.sub(r"[*#@$%!]+", "[a-z]+", starred)
    return any(re.fullmatch(f"{masked}|{loose}", word) for word in _WORDS)
