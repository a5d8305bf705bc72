"""What a sign is. None is a proof: who shows one is marked, and left out by people alone."""

from dataclasses import dataclass

KINDS: dict[str, str] = {
    "driven": "the browser said that a program drives it (navigator.webdriver)",
    "silence": "dB of full scale of the microphone between words, at the check: digital silence",
    "trap": "something was written into a field that people do not see",
    "fast": "median seconds an item on a page of at least 5, below what reading takes",
    "pasted": "share of a text that came without keys: pasted, dictated or written by a program",
    "fast_typing": "letters a second, faster than people type",
    "same_text": "others who wrote the same text",
    "no_talk": "conversations that were over without a word of the person",
    "same_words": "others who said the same sentence",
    "replayed": "likeness of the sound of two turns, which nobody reaches who speaks twice",
    "no_room": "dB between speech and the pauses in it: no room is so quiet, a voice made by a "
    "program is, and so is a microphone that mutes pauses",
}
"""All signs, and what their value means."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of one participant."""

    participant: str
    kind: str
    step: str
    """The page or conversation; empty for all of it."""
    value: float
    limit: float
    """At which value it becomes a sign."""
    source: str
    """File and line."""
