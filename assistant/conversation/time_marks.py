"""The moments of a turn that are noted, in milliseconds since the last sample of speech."""

from enum import StrEnum


class Mark(StrEnum):
    """A moment of a turn, in the order in which they are usually reached."""

    ENDPOINT = "endpoint"
    """The turn was found to be over."""
    HEARD = "heard"
    """The speech is encoded and its emotion estimated."""
    WORDS = "words"
    """The person's words are known."""
    COMPLETENESS = "completeness"
    """Whether they are a whole turn is judged."""
    FIRST_TOKEN = "first_token"
    """The first piece of the reply exists."""
    FIRST_SENTENCE = "first_sentence"
    """The first speakable piece went to the voice."""
    FIRST_AUDIO = "first_audio"
    """The first clip of the answer exists."""
    PLAYED = "played"
    """Its first sample went to the loudspeaker."""
    REPLY = "reply"
    """The reply's text is complete."""
    SPOKEN = "spoken"
    """The last clip of the answer exists."""
