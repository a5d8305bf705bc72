"""The voices that Attune knows by name, and what a person who chooses one wants to know of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """One voice, as people who hear it would describe it."""

    name: str
    """What `--voice` takes."""
    sex: str
    accent: str
    quality: str


NATURAL, MOST_NATURAL, DATED, ROBOTIC = "natural", "most natural, slower", "dated", "robotic"

KNOWN_VOICES = (
    KnownVoice("piper:joe", "male", "American", NATURAL),
    KnownVoice("kokoro:af_heart", "female", "American", MOST_NATURAL),
    KnownVoice("kokoro:af_bella", "female", "American", MOST_NATURAL),
    KnownVoice("kokoro:am_michael", "male", "American", MOST_NATURAL),
    KnownVoice("kokoro:am_fenrir", "male", "American", MOST_NATURAL),
    KnownVoice("kokoro:bf_emma", "female", "British", MOST_NATURAL),
    KnownVoice("kokoro:bm_george", "male", "British", MOST_NATURAL),
    KnownVoice("flite:slt", "female", "American", DATED),
    KnownVoice("flite:rms", "male", "American", DATED),
    KnownVoice("flite:awb", "male", "Scottish", DATED),
    KnownVoice("flite:kal16", "male", "American", ROBOTIC),
    KnownVoice("espeak:en-us", "male", "American", ROBOTIC),
    KnownVoice("espeak:en-us+f3", "female", "American", ROBOTIC),
)
"""In the order in which `auto` looks for one, the voices of an engine side by side."""


def known_voice(name: str) -> KnownVoice | None:
    """Returns what is known of the voice of that name; None of a voice that a person added."""
    return next((voice for voice in KNOWN_VOICES if voice.name == name), None)
