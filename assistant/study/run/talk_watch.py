"""Follows a conversation of a study: counts turns, keeps to its limits, hears the stop word."""

from collections.abc import Callable

from assistant import events
from assistant.study.design.study import TalkLimits
from assistant.study.keeping.participant import TalkSoFar

GRACE_S = 60.0
"""How long an answer under way may go on after the time is over."""
TURNS, TIME, STOP_WORD, PARTICIPANT = "turns", "time", "stop word", "participant"
"""Why a conversation ends as planned; others are `lost`, `failed` and `cut off`."""


class TalkWatch:
    """Follows one attempt at a conversation."""

    def __init__(
        self,
        limits: TalkLimits,
        before: TalkSoFar,
        *,
        is_practice: bool,
        over: Callable[[str], None],
        answered: Callable[[int], None] = lambda _turn: None,
    ) -> None:
        """Begins.

        Args:
            limits: Of the conversation.
            before: What earlier attempts used up of them.
            is_practice: Whether the limits of practice hold.
            over: Told once, with the reason, that the conversation must end.
            answered: Told of each turn that was answered.
        """
        self.turns = 0
        self.seconds = 0.0
        self._limits = limits
        self._before = before
        self._most_turns = limits.practice_turns if is_practice else limits.turns
        self._over, self._answered = over, answered
        self._is_over = self._is_busy = False

    def listen(self, event: events.Event) -> None:
        """Takes in what happened."""
        self.seconds = max(self.seconds, event.at_s)
        match event:
            case events.WordsHeard(transcript=transcript):
                self.hear(transcript.text)
            case events.UtteranceEnded():
                self._is_busy = True
            case events.ReplyFinished(turn=turn) | events.Interrupted(turn=turn):
                self._is_busy = False
                self.turns += 1
                self._answered(turn)
                self._look_at_turns()
            case events.TurnFailed() | events.UtteranceJoined():
                self._is_busy = False
            case _:
                pass
        self.look(self.seconds)

    def hear(self, words: str) -> None:
        """Ends the conversation at the stop word, which nobody has to answer first."""
        if self._stops(words):
            self._end(STOP_WORD)

    def look(self, clock_s: float) -> None:
        """Ends the conversation when its time is over; an answer under way is spoken first.

        Args:
            clock_s: Time on the audio clock of this attempt.
        """
        self.seconds = max(self.seconds, clock_s)
        if self._limits.minutes is None:
            return
        rest_s = 60.0 * self._limits.minutes - self._before.seconds - self.seconds
        if rest_s <= 0.0 and (not self._is_busy or rest_s < -GRACE_S):
            self._end(TIME)

    def _look_at_turns(self) -> None:
        if self._most_turns is not None and self._before.turns + self.turns >= self._most_turns:
            self._end(TURNS)

    def _stops(self, words: str) -> bool:
        said = _bare(words)
        return any(f" {_bare(phrase)} " in f" {said} " for phrase in self._limits.stop_words)

    def _end(self, reason: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._over(reason)


def _bare(text: str) -> str:
    """Returns words as they compare: small, with nothing between them but a space."""
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())
