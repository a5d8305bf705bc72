"""What participants read where the study file says nothing else; each text can be replaced."""

from collections.abc import Iterable

from assistant.configuration import Settings

DISCLOSURE = (
    "You will talk with a computer program (an artificial intelligence), not with a person. It "
    "estimates the emotion in your voice and may let it shape its answers. "
)
STAYS = (
    "Everything is computed and stored on the researchers' own computer; nothing is sent elsewhere."
)
LEAVES = (
    "Your words are sent as text to another computer ({}), where the answers are made; the "
    "recording of your voice is not."
)
"""Said to every participant, whatever the study's own texts are."""
KEPT = "Your data is kept until {} at the latest, and then deleted."
"""Likewise."""
DANGER = (
    "The assistant is no substitute for help. If you or somebody else is in danger, call the "
    "emergency number of your country (112 in Europe, 911 in North America) at once. You may stop "
    "at any time."
)
"""Likewise."""


def disclosure(hosts: Iterable[str] = ()) -> str:
    """Returns what is disclosed, where words are sent to `hosts`."""
    named = ", ".join(dict.fromkeys(hosts))
    return DISCLOSURE + (LEAVES.format(named) if named else STAYS)


class Texts(Settings):
    """The study's own words; an empty line begins a paragraph."""

    information: str = (
        "In this study you talk with a voice assistant and answer questions about it. There are "
        "no right or wrong answers. Taking part is voluntary: you may stop at any time without a "
        "reason and without a disadvantage, and have your data deleted."
    )
    """What the study is about, before consent is asked for."""
    consent_version: str = "1"
    """Number or date of the consent text; stored with each participant beside its hash."""
    consent: str = (
        "I am at least 18 years old, I have read the information, and I take part voluntarily."
    )
    """What a participant must agree to."""
    consent_audio: str = "The sound of my conversations may be stored."
    """A choice of its own."""
    consent_words: str = "What I say and what the assistant answers may be stored as text."
    """A choice of its own."""
    consent_emotion: str = "The emotions that the program estimates from my voice may be stored."
    """A choice of its own."""
    sound: str = (
        "Please sit in a quiet place. Allow the microphone, speak a sentence, and see whether you "
        "are heard."
    )
    """Before the check of microphone and loudspeaker."""
    practice: str = "This is for practice and is not evaluated. Say hello, and wait for an answer."
    """Before the practice conversation."""
    talk: str = "Please talk with the assistant now. Just speak; you need not press anything."
    """Before each conversation; `[talk] tasks` adds what it is about."""
    screened_out: str = (
        "Thank you for your interest. The check showed that this device is not suitable for the "
        "study, so it ends here."
    )
    """For those who cannot take part."""
    debrief: str = (
        "Thank you. In this study we compare versions of the assistant that differ in how they "
        "react to the emotion in a voice. If anything in it troubled you, please talk to us."
    )
    """After the last questionnaire."""
    closed: str = "This study is closed. Thank you for your interest."
    """For those who come when all places are taken, or after its end."""
