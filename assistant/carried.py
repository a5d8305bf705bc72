"""What the fields of an event hold, for whoever must decide what may be kept of them."""

from collections.abc import Mapping
from enum import Enum
from typing import Any


class Content(Enum):
    """A kind of what fields hold."""

    COURSE = "course"
    """When what happened, and under which settings: no more than that a talk was held."""
    WORDS = "words"
    """What was said, by either side, or what can be known by it only."""
    EMOTION = "emotion"
    """How it was said, and what follows from that."""
    SOUND = "sound"
    """Samples, or figures by which a voice could be known again."""
    MOMENT = "moment"
    """Of this moment only, for meters on a screen: never kept, whatever was agreed to."""


class Carried:
    """What each field of an event holds; a field that is not named is of no known kind."""

    __slots__ = ("fields", "stays_without")

    def __init__(
        self,
        *,
        course: str = "",
        words: str = "",
        emotion: str = "",
        sound: str = "",
        moment: str = "",
        stays_without: bool = False,
    ) -> None:
        """Declares the fields of an event, each kind as their names with spaces between.

        Args:
            course: See `Content`, as for the others.
            words: Fields of words.
            emotion: Fields of emotion.
            sound: Fields of sound.
            moment: Fields that are never kept.
            stays_without: The event itself may be told without consent to all of it: its texts and
                tables are emptied then. Without this the whole event is left out, for that there
                was one would tell something already.

        Raises:
            ValueError: A field is named twice.
        """
        declared = {
            Content.COURSE: course,
            Content.WORDS: words,
            Content.EMOTION: emotion,
            Content.SOUND: sound,
            Content.MOMENT: moment,
        }
        self.stays_without = stays_without
        self.fields: dict[str, Content] = {}
        for content, names in declared.items():
            for name in names.split():
                if name in self.fields:
                    raise ValueError(f"the field {name} is declared twice")
                self.fields[name] = content

    def without(
        self, values: Mapping[str, Any], agreed: frozenset[Content]
    ) -> dict[str, Any] | None:
        """Returns what stands instead of those of an event's fields that may not be kept.

        Args:
            values: The event's fields that must be declared, with their values.
            agreed: The kinds that may be kept.

        Returns:
            The emptied texts and tables by the names of their fields, often none; None where
            nothing of the event may be kept.
        """
        refused = [name for name in values if self.fields.get(name) not in agreed]
        if not refused:
            return {}
        # The blank of anything else, a number say, would be read as a value.
        can_stay = self.stays_without and all(
            name in self.fields and isinstance(values[name], str | dict) for name in refused
        )
        return {name: type(values[name])() for name in refused} if can_stay else None
