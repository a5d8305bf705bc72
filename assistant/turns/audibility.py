"""Whether the assistant itself may be heard in the room, and can be told from a person."""

from assistant.audio.protocols import Microphone, Speaker
from assistant.audio.waveform import SPEECH_RATE_HZ

LOST_S = 2.0
"""How long after lost sound the echo canceller is not to be relied upon: it finds an echo that
jumped within a quarter of a second, but a busy machine loses more than once."""
LONG_AGO = -(10**9)


class Audibility:
    """Follows loudspeaker and microphone; `now` is always a sample count on the audio clock."""

    def __init__(self, microphone: Microphone, speaker: Speaker) -> None:
        self._microphone = microphone
        self._speaker = speaker
        self._last_audible = LONG_AGO
        self._lost_at = LONG_AGO
        self._dropped = 0
        self._slips = 0

    def is_near(self, now: int, *, echo_tail_samples: int) -> bool:
        """Whether the assistant is heard, or was `echo_tail_samples` ago or less."""
        if self._speaker.queued_samples:
            self._last_audible = now
        return now - self._last_audible <= echo_tail_samples

    def has_lost_step(self, now: int) -> bool:
        """Whether sound was lost lately.

        What was played and its echo have then come apart: until the canceller has found them
        together again, the assistant's own voice cannot be told from a person's.
        """
        return now - self._lost_at <= LOST_S * SPEECH_RATE_HZ

    def newly_dropped(self, now: int) -> int:
        """Returns the frames lost since the last call."""
        dropped = self._microphone.dropped_frames - self._dropped
        slips = self._speaker.slips - self._slips
        if dropped or slips:
            self._lost_at = now
        self._dropped += dropped
        self._slips += slips
        return dropped
