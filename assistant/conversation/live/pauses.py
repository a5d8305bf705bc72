"""What a live talk learns of how its person pauses, from the turns and from the answers to them."""

from assistant import events
from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.conversation.reply_task import Reply
from assistant.turns.patience import Patience, PatienceSettings


class Pauses:
    """Follows one person. All times are samples on the audio clock."""

    def __init__(self, settings: PatienceSettings, *, rejoin_ms: float) -> None:
        """Learns by `settings`; see `TalkSettings.rejoin_ms` for the other."""
        self.patience = Patience(settings)
        self._rejoin_ms = rejoin_ms
        self._began = 0
        self._has_paused = False

    def tune(self, settings: PatienceSettings, *, rejoin_ms: float) -> None:
        """Goes on with other settings."""
        self.patience.settings, self._rejoin_ms = settings, rejoin_ms

    def rejoin_samples(self) -> int:
        """How long after their speech a person who goes on was answered too soon."""
        return _samples(max(self._rejoin_ms, self.patience.bridged_ms))

    def begun(self, speech_end: int) -> None:
        """The person is silent since `speech_end`."""
        self._began = speech_end

    def ended(self, onset: int) -> None:
        """They go on at `onset` within their turn."""
        self.patience.paused(_ms(onset - self._began))
        self._has_paused = True

    def turn_ended(self) -> None:
        """The turn is over."""
        if not self._has_paused:
            self.patience.went_straight()

    def broken(self, onset: int, answered: Reply | None, *, is_cut: bool) -> bool:
        """The person speaks again; returns whether the answer heard last came in their pause.

        Only of a pause longer than `rejoin_samples`: a shorter one makes both parts one turn, and
        is told by `turn_began`.

        Args:
            onset: Where their speech sets in.
            answered: The answer heard last, if any.
            is_cut: Whether it was still being spoken.
        """
        if answered is None or answered.question.is_whole:
            return False
        silence = onset - answered.question.speech_end_samples
        if silence <= self.rejoin_samples():
            return False
        return self.patience.answered_in(_ms(silence), answered.completeness, is_cut=is_cut)

    def turn_began(self, onset: int, *, joins: bool, has_learnt: bool) -> None:
        """The person has the floor.

        Args:
            onset: Where their speech sets in.
            joins: Whether they go on with the turn before, which was answered too soon.
            has_learnt: What `broken` returned.
        """
        silence = onset - self._began
        # A longer one broke an answer that was not heard yet: who waits in vain for it and asks
        # again has not paused. `broken` has judged that.
        if joins and not has_learnt and silence <= self.rejoin_samples():
            self.patience.paused(_ms(silence))
        self._has_paused = joins or has_learnt

    def heard(self, event: events.EmotionHeard) -> None:
        """How the person sounded says how much time they are given."""
        self.patience.heard(event.estimate)


def _samples(duration_ms: float) -> int:
    return round(duration_ms * SPEECH_RATE_HZ / 1_000)


def _ms(samples: int) -> float:
    return 1_000 * samples / SPEECH_RATE_HZ
