"""Push-to-talk: the person's turn lasts as long as a key is held."""

from enum import Enum


class KeyChange(Enum):
    """What becomes of the person's turn when the key moves."""

    NOTHING = 0
    OPENED = 1
    """The person takes the floor."""
    FINISHED = 2
    """The turn is over: answer."""
    EMPTY = 3
    """Nothing was said while the key was held: no turn."""


class TalkKey:
    """The key, and whether anything was said since it went down."""

    def __init__(self) -> None:
        self._is_down = False
        self._is_voiced = False
        self._heard: list[float] = []

    def move(self, down: bool) -> KeyChange:
        """Takes the key's new place; returns what it means for the turn."""
        if down == self._is_down:
            return KeyChange.NOTHING
        self._is_down = down
        if not down:
            return KeyChange.FINISHED if self._is_voiced else KeyChange.EMPTY
        self._is_voiced = False
        self._heard = []
        return KeyChange.OPENED

    def take_heard(self) -> list[float]:
        """Returns the speech probability of each frame since the key went down or this was asked.

        A person holds the key before and after they speak, and while they think.
        """
        heard, self._heard = self._heard, []
        return heard

    def probability(self, heard: float, *, threshold: float) -> float:
        """Returns 1 for every frame while the key is held, else 0, whatever was `heard`.

        Speech is noted from the probability `threshold` on.
        """
        self._is_voiced |= self._is_down and heard >= threshold
        if self._is_down:
            self._heard.append(heard)
        return float(self._is_down)
