"""Which writing systems a voice can read, and which voice reads another."""

import unicodedata
from functools import lru_cache

_LATIN_LANGUAGES = frozenset(
    [
        "af",
        "az",
        "bs",
        "ca",
        "cs",
        "cy",
        "da",
        "de",
        "en",
        "es",
        "et",
        "eu",
        "fi",
        "fr",
        "ga",
        "gd",
        "gn",
        "hr",
        "ht",
        "hu",
        "id",
        "is",
        "it",
        "la",
        "lb",
        "lt",
        "lv",
        "ms",
        "mt",
        "nb",
        "nl",
        "nn",
        "no",
        "pl",
        "pt",
        "qu",
        "ro",
        "sk",
        "sl",
        "sq",
        "sv",
        "sw",
        "tr",
        "uz",
        "vi",
        "xh",
        "zu",
    ]
)
_LATIN = "Latin"
_VOICES = {
    "Arabic": "ar", "Armenian": "hy", "Bengali": "bn", "Cjk": "cmn", "Cyrillic": "ru",
    "Devanagari": "hi", "Georgian": "ka", "Greek": "el", "Gujarati": "gu", "Hangul": "ko",
    "Hebrew": "he", "Hiragana": "ja", "Kannada": "kn", "Katakana": "ja", "Malayalam": "ml",
    "Tamil": "ta", "Telugu": "te", "Thai": "th",
}  # fmt: skip
"""eSpeak NG's voice for a writing system, one of them where several languages use it."""
_ALL_SCRIPTS = {"Combining", "Modifier", "Feminine", "Masculine", "Micro", "Ohm", "Variation"}
"""How the names of marks begin that go with letters of any writing system."""
_NAMES = {"Cjk": "Chinese"}


@lru_cache(maxsize=4_096)
def _script_of(character: str) -> str:
    """Returns the writing system of a letter, by its Unicode name; empty for all else."""
    script = unicodedata.name(character, "").split(" ", 1)[0].capitalize()
    if script == "Ideographic":
        return "Cjk"
    is_letter = unicodedata.category(character)[0] in "LM"
    return script if is_letter and script not in _ALL_SCRIPTS else ""


def unreadable(text: str, language: str) -> set[str]:
    """Returns the letters of `text` that a voice of `language` cannot read.

    Only languages in Latin letters are known; voices of others are trusted to read everything.
    """
    if text.isascii() or language.split("-")[0] not in _LATIN_LANGUAGES:
        return set()
    return {c for c in set(text) if _script_of(c) not in {"", _LATIN}}


def scripts(text: str) -> list[str]:
    """Returns the writing systems of `text` other than Latin, the commonest first."""
    found = [script for c in text if (script := _script_of(c)) not in {"", _LATIN}]
    return sorted(set(found), key=lambda script: (-found.count(script), script))


def nothing_said(text: str, voice: str) -> str:
    """Returns why `voice` had nothing to say of `text`, and what can be done."""
    found = scripts(text)
    if not found:
        return f"there is nothing to say in this text: {text.strip()[:40]!r} holds no words"
    name = "Japanese" if {"Hiragana", "Katakana"} & set(found) else _NAMES.get(found[0], found[0])
    espeak = "ja" if name == "Japanese" else _VOICES.get(found[0])
    remedy = f"such as --voice espeak:{espeak}" if espeak else "as eSpeak NG may have one"
    return (
        f"there is nothing to say in this text for the voice {voice}, which cannot read {name}: "
        f"name a voice that can, {remedy} (`app.py voices list` shows the voices)"
    )
