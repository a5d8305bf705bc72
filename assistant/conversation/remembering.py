"""What a person asks by voice of what is remembered between talks: keep, forget, tell.

Nothing is ever kept silently: "remember that my sister is called Ana" is, "my sister is called Ana"
is not; of a name it is asked whether it shall be. Like the controls of the talk this is answered
without the model, and changes by published events only.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from assistant import events
from assistant.engines.protocols import Transcript
from assistant.errors import AssistantError
from assistant.remembered import LONGEST_CHARACTERS, Remembered, RememberedFile

logger = logging.getLogger(__name__)

POLITE = r"(?:(?:please|okay|ok|so|and|now|well|hey|attune|could you|can you|will you)[,\s]+)*"
KEEP = re.compile(
    rf"{POLITE}(?:remember|keep in mind|don'?t forget|make a note)(?P<that>\s+that|:|,)?"
    r"\s+(?P<fact>.+)",
    re.IGNORECASE,
)
OWN = re.compile(r"(?:my|i|i'm|i've|we|our|to call me|me as)\b", re.IGNORECASE)
"""How what is to be kept begins where no "that" stands before it: "remember when" is a question."""
ACCEPT = re.compile(rf"{POLITE}(?:remember|keep) (?:that|it|this)(?: please)?[.!]*", re.IGNORECASE)
FORGET = re.compile(
    rf"{POLITE}(?:forget (?:that|it) again|forget what i (?:just )?(?:said|told you)|"
    r"don'?t remember (?:that|it)|do not remember (?:that|it))(?: please)?[.!]*",
    re.IGNORECASE,
)
TELL = re.compile(
    rf"{POLITE}what (?:do you|have you) (?:remember(?:ed)?|know)(?: about me| of me)[.?!]*",
    re.IGNORECASE,
)
NAME = re.compile(
    r"(?:^|[.,!?]\s*|\b(?:hi|hello|well|and)\s+)"
    r"(?P<fact>(?:my name is|my name's|i am called|i'm called) [A-Z][\w'-]+(?: [A-Z][\w'-]+)?)"
)
"""A fact that is worth a suggestion."""
SURE = 0.5
"""Share of right words from which a recogniser is believed: what it mishears would stay."""
OFF = (
    "I know it for the rest of this talk. To keep it for the next one, switch remembering on first."
)
NOTHING = "I remember nothing about you from before this talk."


class MemoryChange(StrEnum):
    """What becomes of the list."""

    KEEP = "keep"
    FORGET = "forget"


@dataclass(frozen=True, slots=True)
class MemoryRequest:
    """What was asked, and what is said to it."""

    reply: str
    change: MemoryChange | None = None
    fact: str = ""


class Remembering:
    """Follows one conversation; without a file it does nothing."""

    def __init__(self, file: RememberedFile | None) -> None:
        self._file = file
        self._suggested = ""
        self._kept: list[tuple[int, str]] = []

    def look(self, words: Transcript) -> MemoryRequest | None:
        """Returns what is asked of the list, where that is all that was said."""
        held = self._read()
        text = words.text.strip().replace("’", "'")
        if held is None or (words.confidence is not None and words.confidence < SURE):
            return None
        if TELL.fullmatch(text):
            return MemoryRequest(_told(held))
        if FORGET.fullmatch(text) and self._kept:
            fact = self._kept[-1][1]
            return MemoryRequest("Okay, I don't keep that.", MemoryChange.FORGET, fact)
        if ACCEPT.fullmatch(text) and self._suggested:
            return _keep(held, self._suggested)
        match = KEEP.fullmatch(text)
        if match is None or not (match["that"] or OWN.match(match["fact"])):
            return None
        return _keep(held, match["fact"])

    def suggestion(self, words: Transcript) -> str:
        """Returns what the person may want to be kept of what they said; empty for nothing."""
        held = self._read()
        if held is None or not held.is_on or words.is_guess:
            return ""
        match = NAME.search(words.text)
        fact = "" if match is None else match["fact"]
        return "" if fact.casefold() in map(str.casefold, held.facts) else fact

    def follow(self, event: events.Event) -> None:
        """Takes in what happened; only now the list changes."""
        match event:
            case events.FactSuggested(fact=fact):
                self._suggested = fact
            case events.MemoryChanged(turn=turn, change=MemoryChange.KEEP, fact=fact):
                self._keep(turn, fact)
            case events.MemoryChanged(change=MemoryChange.FORGET, fact=fact):
                self._forget(fact)
            case events.UtteranceJoined(turn=turn) if self._kept and self._kept[-1][0] == turn:
                self._forget(self._kept[-1][1])  # it was only the beginning of what was said
            case _:
                pass

    def _keep(self, turn: int, fact: str) -> None:
        if self._file is not None and self._changed(lambda file: file.add(fact)):
            self._kept.append((turn, fact))
            self._suggested = ""

    def _forget(self, fact: str) -> None:
        held = self._read()
        self._kept = [one for one in self._kept if one[1] != fact]
        if held is not None and fact in held.facts:
            self._changed(lambda file: file.remove(held.facts.index(fact) + 1))

    def _changed(self, change: Callable[[RememberedFile], object]) -> bool:
        assert self._file is not None
        try:
            change(self._file)
        except AssistantError:
            # What it was about is the person's, and no affair of a log's.
            logger.warning("what is remembered between talks could not be changed")
            return False
        return True

    def _read(self) -> Remembered | None:
        try:
            return None if self._file is None else self._file.read()
        except AssistantError:
            return None


def _keep(held: Remembered, fact: str) -> MemoryRequest:
    fact = " ".join(fact.split()).rstrip(".!")
    if not held.is_on:
        return MemoryRequest(OFF)
    if len(fact) > LONGEST_CHARACTERS:
        return MemoryRequest("That is too long for me to keep. Say it shorter.")
    return MemoryRequest("Okay, I'll remember that.", MemoryChange.KEEP, fact)


def _told(held: Remembered) -> str:
    if not held.is_on or not held.facts:
        return NOTHING
    return f"You asked me to remember: {'; '.join(held.facts)}."
