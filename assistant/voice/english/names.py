"""What is written for machines: addresses, hashtags, handles, file names, programming languages."""

import re

from assistant.voice.english import number_words as words
from assistant.voice.english.numerals import number
from assistant.voice.sentences import BEGINNERS

_TOP_LEVEL = (
    "com|org|net|edu|gov|mil|int|info|io|ai|co|app|dev|me|tv|uk|us|de|fr|it|es|nl|eu|ch|at|ca|au|"
    "jp|cn|in|br|pl|se|no|fi|dk|be|ie|nz|gg|ly|xyz|online|site|tech|blog|shop"
)
_URL = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{1,10}://|\bwww\.)[^\s<>\"]+"
    rf"|(?<![\w@.])(?:[A-Za-z0-9-]+\.)+(?:{_TOP_LEVEL})(?::[0-9]+)?(?:/[^\s<>\"]*)?(?![\w-]|\.[A-Za-z0-9])"
)
_EMAIL = re.compile(r"(?:mailto:)?(?<![\w.])([\w.+-]+)@([\w-]+(?:\.[\w-]+)+)\b")
_HASHTAG = re.compile(r"(?<![\w&])#([0-9]*[A-Za-z_]\w*)")
_CODED = re.compile(
    r"(?<![\w&])#(?=[A-Z-]*[0-9])(?=[0-9-]*[A-Z])([A-Z0-9]{3,}(?:-[A-Z0-9]+)*)(?!\w)"
)
"""Order #A1B2C3; six signs of sixteen are a colour."""
_HANDLE = re.compile(r"(?<![\w.])@([A-Za-z_][\w.]*\w|[A-Za-z])")
_DOTTED = re.compile(
    r"(?<![\w.])(\.?(?:[\w-]*[A-Za-z_][\w-]*\.)*[\w-]*[A-Za-z_]\w*)\.([A-Za-z]\w*)(?![\w])"
)
_DOT_FIRST = re.compile(r"(?<![\w.])\.([A-Za-z][A-Za-z0-9]+)\b")
_PATH = re.compile(r"(?<![\w:/.])(?:~|\.{1,2})?(?:/[\w.-]+){2,}/?|\b[A-Z]:\\[\w.\\-]+")
_LANGUAGES = (
    (re.compile(r"(?<![\w])([A-GJQX])#(?![\w#])"), r"\1 sharp"),
    (re.compile(r"(?<![\w])([A-G])♯"), r"\1 sharp"),
    (re.compile(r"(?<![\w])([A-G])♭"), r"\1 flat"),
    (re.compile(r"(?<![\w])C\+\+(?![\w+])(\d*)"), r"C plus plus \1"),
    (re.compile(r"(?<![\w])([A-DF])\+(?=[\s,.;:!?)]|$)"), r"\1 plus"),
    (
        re.compile(
            r"(?<![\w])([A-DF])-(?=[\s,.;:!?)]|$)(?=[^\w]*(?:$|[,.;:!?)]|in\b|on\b|grade\b))"
        ),
        r"\1 minus",
    ),
    (re.compile(r"(?<=[A-Za-z])\+\+"), " plus plus"),
)
_SIGNS = {
    ".": " dot ",
    "-": " dash ",
    "_": " underscore ",
    "+": " plus ",
    "/": " slash ",
    ":": " colon ",
    "\\": " backslash ",
    "~": " tilde ",
}
_MAC = re.compile(
    r"(?<![\w:-])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![\w:-])"
)
_HEX = re.compile(r"(?<!\w)0[xX]([0-9A-Fa-f]+)(?!\w)")
_OPTION = re.compile(r"(?<![^\s(\[{\"'`=|/])--([A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*)(?![\w-])")
"""Of a command. A dash that is written as two hyphens stands close to both of its words, or to
none: none of the 22,000 written exchanges has it otherwise."""
_ENDING = ".,;:!?)'\"]*"


def in_words(text: str) -> str:
    """Returns `text` with addresses and names of machines as they are said."""
    if ":" in text or "-" in text:
        text = _MAC.sub(lambda m: _spelled_pairs(m[0]), text)
        text = _OPTION.sub(lambda m: f"dash dash {m[1].replace('-', ' ')}", text)
    if "0x" in text or "0X" in text:
        text = _HEX.sub(lambda m: f"zero x {_spelled(m[1])}", text)
    if "@" in text:
        text = _EMAIL.sub(_email, text)
    if "." in text or "://" in text:
        text = _URL.sub(_url, text)
    if "/" in text or "\\" in text:
        text = _PATH.sub(
            lambda m: _spaced(m[0].rstrip("/.")) + ("." if m[0].endswith(".") else ""), text
        )
    if "#" in text or "+" in text or "♯" in text or "♭" in text or "-" in text:
        for pattern, said in _LANGUAGES:
            text = pattern.sub(said, text)
    if "#" in text:
        text = _CODED.sub(_coded, text)
        text = _HASHTAG.sub(lambda m: f"hashtag {_split_camel(m[1])}", text)
    if "@" in text:
        text = _HANDLE.sub(lambda m: f"at {_split_camel(m[1].replace('.', ' dot '))}", text)
    if "." in text:
        text = _DOT_FIRST.sub(lambda m: f"dot {_name(m[1])}", text)
        text = _DOTTED.sub(_dotted, text)
    return text


def _coded(match: re.Match[str]) -> str:
    is_colour = re.fullmatch("[A-F0-9]{6}", match[1]) is not None
    is_named = re.search(
        r"(?:order|ticket|case|code|number|id|reference)\W*$",
        match.string[: match.start()],
        re.IGNORECASE,
    )
    return match[1] if is_colour and not is_named else f"number {match[1]}"


def _spelled(digits: str) -> str:
    """Returns digits and letters one by one."""
    return " ".join(words.spelled(sign) if sign.isdigit() else sign.upper() for sign in digits)


def _spelled_pairs(written: str) -> str:
    """00:1A:2B:3C:4D:5E, with a pause between the pairs."""
    return ", ".join(_spelled(pair) for pair in re.split(r"[:-]", written))


def _url(match: re.Match[str]) -> str:
    """Only the host is said: nobody can use a whole address by ear."""
    written = match[0].rstrip(_ENDING)
    if match[0][len(written) : len(written) + 1] == ")" and written.count("(") > written.count(")"):
        written += ")"
    address = re.sub(r"^[a-z][a-z0-9+.-]*://", "", written)
    host = re.split(r"[/?#]", re.sub(r"^www\.", "", address), maxsplit=1)[0].split("@")[-1]
    host, _, port = host.partition(":")
    said = " dot ".join(_name(part).replace("-", " ") for part in host.split(".") if part)
    if port.isdigit():
        said += f" port {words.spelled(port)}"
    return said + match[0][len(written) :].strip("*")


def _email(match: re.Match[str]) -> str:
    return (
        f"{_spaced(match[1]).replace(' underscore ', ' ')} at "
        f"{_spaced(match[2]).replace(' dash ', ' ')}"
    )


def _spaced(written: str) -> str:
    said = "".join(_SIGNS.get(character, character) for character in written)
    return re.sub(r"\s+", " ", _digits(said)).strip()


def _digits(text: str) -> str:
    return re.sub(
        r"[0-9]+", lambda m: f" {number(m[0]) if len(m[0]) < 3 else words.spelled(m[0])} ", text
    )


def _name(part: str) -> str:
    return _digits(part).strip()


def _split_camel(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z])|_", " ", name)
    return re.sub(
        r"\s+", " ", re.sub(r"[0-9]+", lambda m: f" {words.by_pairs(m[0])} ", spaced)
    ).strip()


def _dotted(match: re.Match[str]) -> str:
    """app.py, Node.js, os.path; not two sentences with no space between them, nor initials."""
    first, last = match[1], match[2]
    letters = [part for part in match[0].split(".") if part]
    is_file = last.isupper() and 2 <= len(last) <= 4
    if last[0].isupper() and not is_file and not first.split(".")[-1].isupper():
        is_sentence = first[-2:].islower() and last.lower() in BEGINNERS
        return f"{first}. {last}" if is_sentence else match[0]
    if len(first) == 1 and first.isupper() and last.istitle() and len(last) > 2:
        return f"{first}. {last}"  # J.Smith
    if all(len(part) == 1 for part in letters):
        return match[0]
    if all(len(part) <= 2 for part in letters) and len(letters) > 1 and letters[0].istitle():
        return match[0]
    return " dot ".join(_name(part.replace("_", " ").replace("-", " ")) for part in letters)
