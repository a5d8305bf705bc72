"""What people ask of the talk itself, and the phrases by which they do."""

from enum import StrEnum


class Control(StrEnum):
    """What is asked for."""

    STOP = "stop"
    PAUSE = "pause"
    GO_ON = "go on"
    REPEAT = "say it again"
    SLOWER = "slower"
    FASTER = "faster"
    LOUDER = "louder"
    QUIETER = "quieter"


BRIEF: dict[Control, str] = {
    Control.STOP: "stop, stop it, stop talking, stop now, be quiet, shut up, that's enough, "
    "enough, silence, quiet",
    Control.PAUSE: "pause, wait, wait a minute, wait a moment, wait a second, hold on, hang on, "
    "one moment, one second, just a moment, just a second",
    Control.GO_ON: "go on, carry on, keep going, do go on",
    Control.REPEAT: "say that again, repeat that, again, what did you say",
    Control.SLOWER: "slower",
    Control.LOUDER: "louder",
}
"""Phrases that people say while Attune speaks, too: there they are weighed with those of
`brief_words`, to tell who interrupts from who wants to hear more. Each costs time there."""
# "Saying" is what a small recogniser makes of "say" at the beginning of a sound.
LONGER: dict[Control, str] = {
    Control.STOP: "be silent",
    Control.PAUSE: "give me a moment",
    Control.GO_ON: "continue, keep talking, resume, i'm back, i am back, i'm ready, i am ready, "
    "let's go on, we can go on",
    Control.REPEAT: "say it again, repeat, repeat it, once more, one more time, can you repeat "
    "that, could you repeat that, can you say that again, could you say that again, i didn't hear "
    "you, i didn't hear that, saying that again, saying it again, pardon, i beg your pardon, come "
    "again",
    Control.SLOWER: "more slowly, speak slower, speak more slowly, slow down, not so fast, too "
    "fast, talk slower, a bit slower, a little slower, can you speak more slowly",
    Control.FASTER: "faster, speak faster, speed up, talk faster, too slow, a bit faster, a "
    "little faster, can you speak faster",
    Control.LOUDER: "speak louder, speak up, talk louder, too quiet, a bit louder, a little "
    "louder, can you speak louder, can you speak up",
    Control.QUIETER: "quieter, more quietly, speak more quietly, softer, speak softer, not so "
    "loud, too loud, lower your voice, a bit quieter, a little quieter, can you speak more quietly",
}
"""All others."""


def brief(*controls: Control) -> tuple[str, ...]:
    """Returns the brief phrases of `controls`."""
    return tuple(phrase for control in controls for phrase in BRIEF[control].split(", "))


def phrases() -> dict[str, Control]:
    """Returns what each phrase asks for."""
    return {
        phrase: control
        for table in (BRIEF, LONGER)
        for control, listed in table.items()
        for phrase in listed.split(", ")
    }
