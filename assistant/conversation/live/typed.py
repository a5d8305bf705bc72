"""What a person types while somebody speaks: it waits for that, but not for ever."""

SPEECH_S, ANSWER_S = 6.0, 20.0
"""How long typed words wait at most for the end of speech that is under way, a loudspeaker in the
room for instance, and for the answer to it."""


class Typed:
    """Texts that are not answered yet; `now_s` is always a time on the audio clock."""

    def __init__(self) -> None:
        self._texts: list[tuple[str, str]] = []
        self._since_s = 0.0

    def __bool__(self) -> bool:
        """Whether something waits."""
        return bool(self._texts)

    def add(self, text: str, words: str, now_s: float) -> None:
        """Takes a text, and what of it is the person's."""
        if not self._texts:
            self._since_s = now_s
        self._texts.append((text, words))

    def outlasts_speech(self, now_s: float, spoken_s: float) -> bool:
        """Whether the first has waited long enough for a turn that does not end.

        What has only begun, `spoken_s` ago, is dropped or a turn soon. Each turn is given its time:
        who interrupts long after something was typed would be cut off at the first syllable.
        """
        waited_s = now_s - self._since_s
        return min(waited_s, spoken_s) >= SPEECH_S or waited_s >= ANSWER_S

    def outlasts_answer(self, now_s: float) -> bool:
        """Whether it has waited long enough for an answer that takes long."""
        return now_s - self._since_s >= ANSWER_S

    def take(self) -> tuple[str, str]:
        """Returns all that waits as one text, and what of it is the person's."""
        texts, words = zip(*self._texts, strict=True)
        self._texts = []
        return "\n".join(texts), "\n".join(filter(None, words))
