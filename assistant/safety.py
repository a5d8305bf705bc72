"""What is said to a person in danger, instead of what the model would say.

Words that speak of danger to life are answered by a calm text with the number to call, and so is
all that follows, until the person says that it is past, or was none: then an apology is said. It is
no diagnosis and replaces nobody.
How danger is found stands in `assistant.danger`; patterns, texts and numbers in `safety.toml`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from assistant.danger import DangerFinder
from assistant.engines.protocols import Cancel, Dialogue, EmotionEstimate, TextDelta
from assistant.errors import SettingsError
from assistant.text_file import read_toml
from models.emotions import Emotion

SHIPPED = Path(__file__).with_name("safety.toml")
HELP_TEXTS = "the file of help texts"
SAD = EmotionEstimate(tuple(float(emotion is Emotion.SAD) for emotion in Emotion))
"""Who is in danger is answered in the manner that a sad voice is."""


class Stage(StrEnum):
    """Where in a danger a turn stands."""

    BEGUN = "begun"
    """It is found with these words, or another kind of it."""
    LASTING = "lasting"
    """It was found before and is not past."""
    OVER = "over"
    """The person said that it is past."""
    MISTAKEN = "mistaken"
    """The person said that there was none."""


@dataclass(frozen=True, slots=True)
class Help:
    """What is said and shown to a person in danger."""

    topic: str
    """The kind of danger, such as ``"self_harm"``; stands in the log, the words do not."""
    text: str
    """Where to find help in the person's country; it is shown."""
    reply: str
    """What is said instead of a reply of the model's."""
    stage: Stage = Stage.BEGUN
    numbers: tuple[str, ...] = ()
    """To call, as they stand in `text` and `reply`."""

    def to_say(self, sentence: str) -> str:
        """Returns `sentence` of `reply` with its numbers digit by digit.

        Voices of all languages dictate "1 1 6, 1 2 3", and read "116 123" as two hundreds.
        """
        if not self.numbers:
            return sentence
        longest_first = sorted(self.numbers, key=len, reverse=True)
        numbers = "|".join(re.escape(number) for number in longest_first)
        return re.sub(rf"(?<!\d)(?:{numbers})(?!\d)", _digit_by_digit, sentence)

    @property
    def is_over(self) -> bool:
        """Whether the model answers from the next turn on."""
        return self.stage in (Stage.OVER, Stage.MISTAKEN)


@dataclass(frozen=True, slots=True)
class _Texts:
    """What is said about one kind of danger."""

    shown: str
    first: str
    next: tuple[str, ...]


class HelpFinder:
    """Finds danger to life in words, and the texts that answer it."""

    def __init__(
        self, country: str = "international", language: str = "en", file: Path | None = None
    ) -> None:
        """Reads patterns, texts and the numbers of a country.

        Args:
            country: Two letters (ISO 3166), such as `DE`, or `international`.
            language: Of the texts, such as `en`.
            file: What is added to the shipped `safety.toml`, in its form.

        Raises:
            SettingsError: A file cannot be used, or has no such country or language; names those
                it has.
        """
        named = file or SHIPPED
        try:
            table = read_toml(SHIPPED, called=HELP_TEXTS)
            if file is not None:
                table = _merged(table, read_toml(file, called=HELP_TEXTS))
            self._danger = DangerFinder(table)
            numbers = _chosen(table["country"], country, "country", named)
            texts = _chosen(table["text"], language, "language", named)
            # A language of one's own may do without: `end` is named in texts that want to only.
            parts = {"end": texts.get("end", ""), **numbers}
            self._numbers = _to_call(numbers.values())
            numbers = {name: str(value) for name, value in parts.items()}
            self._over: tuple[str, ...] = _filled(texts["over"], numbers)
            self._mistaken = _filled(texts.get("mistaken", texts["over"]), numbers)
            self._texts = {
                kind: _Texts(
                    _filled([texts[kind]["shown"]], numbers)[0],
                    _filled([texts[kind]["first"]], numbers)[0],
                    _filled(texts[kind]["next"], numbers),
                )
                for kind in table["kind"]
            }
        except (KeyError, TypeError, ValueError, AttributeError, re.error) as error:
            raise SettingsError(f"{named} is no file of help texts: {error}") from error

    def find(self, words: str) -> Help | None:
        """Returns the help that `words` call for by themselves, or None."""
        kind = self._danger.kind(words)
        return None if kind is None else self.first(kind)

    def is_past(self, words: str) -> bool:
        """Returns whether `words` say that the danger is past, or that there was none."""
        return self._danger.is_past(words)

    def ended_by(self, words: str, kind: str) -> Help | None:
        """Returns what is said to `words` if they end a danger of `kind`."""
        if not self.is_past(words):
            return None
        shown, was_none = self._texts[kind].shown, self._danger.is_mistaken(words)
        if was_none:
            return self._help(kind, shown, self._mistaken[0], Stage.MISTAKEN)
        return self._help(kind, shown, self._over[0], Stage.OVER)

    def first(self, kind: str) -> Help:
        """Returns what is said when danger of `kind` is found."""
        texts = self._texts[kind]
        return self._help(kind, texts.shown, texts.first, Stage.BEGUN)

    def next(self, kind: str, index: int) -> Help:
        """Returns what is said `index` turns later, while the danger goes on."""
        texts = self._texts[kind]
        reply = texts.next[index % len(texts.next)]
        return self._help(kind, texts.shown, reply, Stage.LASTING)

    def _help(self, kind: str, shown: str, reply: str, stage: Stage) -> Help:
        return Help(kind, shown, reply, stage, self._numbers)


@dataclass(frozen=True, slots=True)
class _Danger:
    """In what danger the person is after a turn."""

    turn: int = -1
    kind: str | None = None
    said: int = 0
    """Calm texts since it was found."""


class SafetyWatch:
    """Follows one conversation: which of its turns are answered by help.

    A turn that is looked at again, because it went on, replaces what was known of it.
    """

    def __init__(self, finder: HelpFinder | None) -> None:
        """Watches with `finder`; None finds nothing."""
        self._finder = finder
        self._before, self._latest = _Danger(), _Danger()

    def look(self, words: str, turn: int | None = None) -> Help | None:
        """Returns what is to be said to `words`; None where the model is to answer.

        Args:
            words: What the person said; empty where only something else is to be answered, such
                as what came of a function.
            turn: Which turn it is, counted from 0; None for the one after the last.
        """
        turn = self._latest.turn + 1 if turn is None else turn
        if turn > self._latest.turn:
            self._before = self._latest
        if self._finder is None:
            return None
        self._latest, help_ = self._after(self._finder, words, turn)
        return help_

    def _after(self, finder: HelpFinder, words: str, turn: int) -> tuple[_Danger, Help | None]:
        before, found = self._before, finder.find(words)
        if found is not None and found.topic != before.kind:
            return _Danger(turn, found.topic), found
        if before.kind is None:
            return _Danger(turn), None
        if found is None and (ended := finder.ended_by(words, before.kind)) is not None:
            return _Danger(turn), ended
        help_ = finder.next(before.kind, before.said)
        return _Danger(turn, before.kind, before.said + 1), help_


def reply_of(dialogue: Dialogue, help_: Help | None, cancel: Cancel) -> Iterator[TextDelta]:
    """Yields the reply to what was heard last: the model's, or that of `help_`.

    The model is not asked for the latter, but keeps it as its own.
    """
    if help_ is None:
        yield from dialogue.reply(cancel)
        return
    dialogue.replace_reply(help_.reply)
    yield TextDelta(help_.reply, source="fixed")


def _merged(shipped: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Returns `shipped` with what `own` adds: lists are joined, other values replaced."""
    merged = dict(shipped)
    for key, value in own.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[key] = _merged(cast("dict[str, Any]", before), cast("dict[str, Any]", value))
        elif key in JOINED and isinstance(before, list) and isinstance(value, list):
            merged[key] = [*cast("list[Any]", before), *cast("list[Any]", value)]
        else:
            merged[key] = value
    return merged


_NUMBER = re.compile(r"\d(?:[\d /().-]*\d)?")
_SHORTEST_NUMBER = 3
JOINED = (
    *("phrases", "plain", "idioms", "told", "long_ago", "denied", "supposed"),
    *("unless", "was_none"),
)
"""Lists of patterns, which a file adds to; its texts replace the shipped ones."""


def _chosen(tables: dict[str, Any], name: str, what: str, file: Path) -> dict[str, Any]:
    """Returns the table of a country or language, capitals or not.

    Raises:
        SettingsError: There is none; names those there are.
    """
    known = {key.casefold(): value for key, value in tables.items()}
    if name.casefold() not in known:
        raise SettingsError(
            f"there is no help text for the {what} {name!r}: use one of "
            f"{', '.join(sorted(tables, key=str.casefold))}, or add one by --help-file "
            f"(see {file})"
        )
    return known[name.casefold()]


def _to_call(values: Iterable[Any]) -> tuple[str, ...]:
    """Returns the telephone numbers in what a country's table says: "Lifeline on 13 11 14"."""
    return tuple(
        found
        for value in map(str, values)
        for found in _NUMBER.findall(value)
        # "from 8 to 22 o'clock" is a time; "15", all there is to say, calls the French ambulance.
        if sum(map(str.isdigit, found)) >= _SHORTEST_NUMBER or found == value.strip()
    )


def _digit_by_digit(number: re.Match[str]) -> str:
    return ", ".join(" ".join(group) for group in re.findall(r"\d+", number[0]))


def _filled(texts: Sequence[str], numbers: dict[str, str]) -> tuple[str, ...]:
    """Returns `texts` with the numbers of the country in the places in braces.

    Raises:
        KeyError: A text names a number that the country has not.
        ValueError: There is no text.
    """
    if not texts or isinstance(texts, str):
        raise ValueError("a list of texts is missing")
    return tuple(text.format_map(numbers) for text in texts)
