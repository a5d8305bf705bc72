"""The voices that Attune knows by name, and what a person who chooses one wants to know of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """One voice, as people who hear it would describe it."""

    name: str
    """What `--voice` takes."""
    title: str
    """What people call it."""
    sex: str
    accent: str
    quality: str
    licence: str
    """Of what it speaks with: the network, or the recordings it is made of."""

    @property
    def about(self) -> str:
        """A line about it for who chooses."""
        return f"{self.accent}, {self.sex}, {self.quality}"


NATURAL, MOST_NATURAL, DATED, ROBOTIC = "natural", "most natural, slower", "dated", "robotic"
CC0, APACHE, ARCTIC, FLITE, GPL = "CC0-1.0", "Apache-2.0", "CMU Arctic (free)", "BSD", "GPL-3.0"

KNOWN_VOICES = (
    KnownVoice("piper:joe", "Joe", "male", "American", NATURAL, CC0),
    KnownVoice("kokoro:af_heart", "Heart", "female", "American", MOST_NATURAL, APACHE),
    KnownVoice("kokoro:af_bella", "Bella", "female", "American", MOST_NATURAL, APACHE),
    KnownVoice("kokoro:am_michael", "Michael", "male", "American", MOST_NATURAL, APACHE),
    KnownVoice("kokoro:am_fenrir", "Fenrir", "male", "American", MOST_NATURAL, APACHE),
    KnownVoice("kokoro:bf_emma", "Emma", "female", "British", MOST_NATURAL, APACHE),
    KnownVoice("kokoro:bm_george", "George", "male", "British", MOST_NATURAL, APACHE),
    KnownVoice("flite:slt", "Slt", "female", "American", DATED, ARCTIC),
    KnownVoice("flite:rms", "Rms", "male", "American", DATED, ARCTIC),
    KnownVoice("flite:awb", "Awb", "male", "Scottish", DATED, ARCTIC),
    KnownVoice("flite:kal16", "Kal", "male", "American", ROBOTIC, FLITE),
    KnownVoice("espeak:en-us", "eSpeak", "male", "American", ROBOTIC, GPL),
    KnownVoice("espeak:en-us+f3", "eSpeak f3", "female", "American", ROBOTIC, GPL),
)
"""In the order in which `auto` looks for one, the voices of an engine side by side; an engine that
is named alone speaks with its first."""


def known_voice(name: str) -> KnownVoice | None:
    """Returns what is known of a voice or of an engine's own; None of one that a person added."""
    begins = name if ":" in name else f"{name}:"
    return next((voice for voice in KNOWN_VOICES if voice.name.startswith(begins)), None)
