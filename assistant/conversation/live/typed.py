"""What a person types, or a client orders, while somebody speaks: it waits, but not for ever."""

from dataclasses import dataclass

SPEECH_S, ANSWER_S = 6.0, 20.0
"""How long it waits at most for the end of speech that is under way, a loudspeaker in the room for
instance, and typed words for the answer to it."""
MOST_AHEAD = 3
"""Turns that go before an order at most: of a loudspeaker, each is interrupted by the next."""


@dataclass(frozen=True, slots=True)
class WaitingSince:
    """What waits for its turn since `since_s`; that and `now_s` are times on the audio clock."""

    since_s: float

    def outlasts_speech(self, now_s: float, spoken_s: float) -> bool:
        """Whether it has waited long enough for a turn that does not end.

        What has only begun, `spoken_s` ago, is dropped or a turn soon. Each turn is given its time:
        who interrupts long after something was typed would be cut off at the first syllable.
        """
        waited_s = now_s - self.since_s
        return min(waited_s, spoken_s) >= SPEECH_S or waited_s >= ANSWER_S

    def outlasts_answer(self, now_s: float) -> bool:
        """Whether it has waited long enough for an answer that takes long."""
        return now_s - self.since_s >= ANSWER_S


class Typed:
    """Texts that are not answered yet."""

    def __init__(self) -> None:
        self._texts: list[tuple[str, str]] = []
        self.waiting = WaitingSince(0.0)
        """Since when the first of them waits."""

    def __bool__(self) -> bool:
        """Whether something waits."""
        return bool(self._texts)

    def add(self, text: str, words: str, now_s: float) -> None:
        """Takes a text, and what of it is the person's; `now_s` is on the audio clock."""
        if not self._texts:
            self.waiting = WaitingSince(now_s)
        self._texts.append((text, words))

    def take(self) -> tuple[str, str]:
        """Returns all that waits as one text, and what of it is the person's."""
        texts, words = zip(*self._texts, strict=True)
        self._texts = []
        return "\n".join(texts), "\n".join(filter(None, words))
