"""Finds danger to life in words, by patterns that are composed of classes of words.

First the words are brought into one form, however a recogniser or a hasty hand wrote them: no
punctuation, no short forms ("im", "can't", "wanna"), no fillers. In that form "I'm just gonna
kill my self" and "i am really going to kill myself" are the same, so that a pattern says only
who does what to whom. Classes, patterns and what takes an alarm back stand in `safety.toml`.
"""

import re
from dataclasses import dataclass
from typing import Any

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'"})
_SHORT_FORMS = tuple(
    (re.compile(short), long)
    for short, long in (
        (r"\bcan't\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"n't\b", " not"),
        (r"'m\b", " am"),
        (r"'re\b", " are"),
        (r"'ve\b", " have"),
        (r"'ll\b", " will"),
        (r"'d\b", " would"),
        (r"'s\b", " is"),
    )
)
_CLASS = re.compile(r"\{(\w+)\}")
_GROUP = re.compile(r"\((?!\?)")
"""Opens a group whose content nobody asks for."""
_DEEPEST = 5
"""How many classes may stand in one another."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind of danger is found."""

    name: str
    phrases: re.Pattern[str]
    plain: re.Pattern[str] | None
    """What means danger whatever stands around it."""
    is_of_now: bool
    """Whether it is over where it is said to be long ago."""
    unless: re.Pattern[str] | None
    """What takes it back right before it."""


class DangerFinder:
    """Tells which kind of danger to life words speak of, if any, and whether it is past."""

    def __init__(self, table: dict[str, Any]) -> None:
        """Compiles the patterns of a file of the form of `safety.toml`.

        Raises:
            KeyError, TypeError, ValueError, re.error: A part is missing or no pattern.
        """
        self._classes: dict[str, str] = table.get("words", {})
        self._rewrite = {str(k): str(v) for k, v in table.get("rewrite", {}).items()}
        self._rewritten = _any_of([re.escape(short) for short in self._rewrite])
        self._fillers = _any_of(table.get("fillers", {}).get("phrases", []))
        contexts = table.get("unless", {})
        self._idioms = self._pattern(contexts.get("idioms", []))
        self._told = self._pattern(contexts.get("told", []))
        self._long_ago = self._pattern(contexts.get("long_ago", []))
        self._denied = contexts.get("denied", [])
        self._supposed = contexts.get("supposed", [])
        past = table.get("past", {})
        self._mistaken = self._pattern(past.get("was_none", []))
        self._past = self._pattern([*past.get("phrases", []), *past.get("was_none", [])])
        self._not_past = self._pattern(past.get("unless", []))
        self._kinds = [self._kind(name, entry) for name, entry in table["kind"].items()]

    def kind(self, words: str) -> str | None:
        """Returns the kind of danger that `words` speak of, such as ``"self_harm"``."""
        plain = self.plain(words)
        is_told = self._told is not None and self._told.search(plain) is not None
        is_long_ago = self._long_ago is not None and self._long_ago.search(plain) is not None
        if self._idioms is not None:
            plain = self._idioms.sub("x", plain)
        for kind in self._kinds:
            if kind.plain is not None and _stands(kind.plain, plain, kind.unless):
                return kind.name
            if is_told or (is_long_ago and kind.is_of_now):
                continue
            if _stands(kind.phrases, plain, kind.unless):
                return kind.name
        return None

    def is_past(self, words: str) -> bool:
        """Returns whether `words` say that there is no danger, or none any more."""
        return self._says(words, self._past)

    def is_mistaken(self, words: str) -> bool:
        """Returns whether `words` say that what was taken for a danger was none."""
        return self._says(words, self._mistaken)

    def _says(self, words: str, end: re.Pattern[str] | None) -> bool:
        plain = self.plain(words)
        if end is None or end.search(plain) is None:
            return False
        return self._not_past is None or self._not_past.search(plain) is None

    def plain(self, words: str) -> str:
        """Returns `words` in the one form that patterns are written for."""
        plain = words.translate(_APOSTROPHES).casefold()
        for short, long in _SHORT_FORMS:
            plain = short.sub(long, plain)
        plain = " ".join(re.sub(r"[^\w ]+", " ", plain.replace("'", "")).split())
        if self._rewritten is not None:
            plain = self._rewritten.sub(lambda match: self._rewrite[match[0]], plain)
        if self._fillers is not None:
            plain = self._fillers.sub(" ", plain)
        return " ".join(plain.split())

    def _kind(self, name: str, entry: dict[str, Any]) -> _Kind:
        phrases = self._pattern(entry["phrases"])
        if phrases is None:
            raise ValueError(f"kind.{name} has no phrases")
        plain = self._pattern(entry.get("plain", []))
        supposed: list[str] = self._supposed if entry.get("of_fact", False) else []
        unless = self._spelled_out([*self._denied, *supposed])
        before = re.compile(f"(?:{'|'.join(unless)}) ?$") if unless else None
        return _Kind(name, phrases, plain, bool(entry.get("of_now", False)), before)

    def _pattern(self, phrases: list[str]) -> re.Pattern[str] | None:
        return _any_of(self._spelled_out(phrases))

    def _spelled_out(self, phrases: list[str]) -> list[str]:
        """Returns `phrases` with the classes in braces replaced by their words."""
        for _ in range(_DEEPEST):
            phrases = [_CLASS.sub(self._class, phrase) for phrase in phrases]
        return [_GROUP.sub("(?:", phrase) for phrase in phrases]

    def _class(self, match: re.Match[str]) -> str:
        if match[1].isdigit():
            return match[0]
        return f"(?:{self._classes[match[1]]})"


def _stands(pattern: re.Pattern[str], plain: str, unless: re.Pattern[str] | None) -> bool:
    """Returns whether `pattern` is found without `unless` right before it."""
    return any(
        unless is None or unless.search(plain[: match.start()]) is None
        for match in pattern.finditer(plain)
    )


def _any_of(phrases: list[str]) -> re.Pattern[str] | None:
    """Returns a pattern of whole words that finds any of `phrases`; None for none."""
    if not phrases:
        return None
    return re.compile("|".join(rf"\b(?:{phrase})\b" for phrase in phrases))
