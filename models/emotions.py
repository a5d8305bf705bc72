"""The five emotions, in the one order that heads, files and screens share."""

from enum import IntEnum


class Emotion(IntEnum):
    """An emotion; its value is the index of its logit (the published checkpoint's order)."""

    NEUTRAL = 0
    HAPPY = 1
    ANGRY = 2
    SAD = 3
    SURPRISE = 4

    @property
    def label(self) -> str:
        """The lower-case noun used in files and on screens, such as ``"surprise"``."""
        return self.name.lower()

    @property
    def adjective(self) -> str:
        """The word that fits "The person sounds …", such as ``"surprised"``."""
        return "surprised" if self is Emotion.SURPRISE else self.label


EMOTION_LABELS: tuple[str, ...] = tuple(emotion.label for emotion in Emotion)


def emotion_from_label(label: str) -> Emotion:
    """Returns the emotion named by `label` (case does not matter).

    Raises:
        ValueError: No emotion has that label; the message lists those that exist.
    """
    try:
        return Emotion[label.strip().upper()]
    except KeyError:
        known = ", ".join(EMOTION_LABELS)
        raise ValueError(f"unknown emotion {label!r}: use one of {known}") from None
