"""Silence after an answer that lasts so long that the assistant asks whether anybody is there."""

from collections.abc import Callable

from assistant import events
from ui.realtime.protocol.config import TurnDetection


class IdleTimeout:
    """Counts the silence after an answer on the audio clock; asks once in each silence."""

    def __init__(self, ask: Callable[[float, float], bool]) -> None:
        """`ask` is given where the silence began and where it is now, and says whether it asked."""
        self._ask = ask
        self._since_s: float | None = None
        self._has_asked = False

    def follow(self, event: events.Event, detection: TurnDetection | None) -> None:
        """Follows one event of the conversation, levels included."""
        match event:
            case events.LevelMeasured() if detection is not None:
                self._look(event.at_s, detection)
            case events.ReplyFinished():
                self._since_s = event.at_s
            case events.SpeechDropped() if self._since_s is not None:
                self._since_s = event.at_s
            case events.SpeechConfirmed() | events.UtteranceEnded():
                self._since_s, self._has_asked = None, False
            case _:
                pass

    def _look(self, now_s: float, detection: TurnDetection) -> None:
        limit_ms, since_s = detection.idle_timeout_ms, self._since_s
        if limit_ms is None or detection.type != "server_vad" or not detection.create_response:
            return
        if since_s is None or self._has_asked or 1_000 * (now_s - since_s) < limit_ms:
            return
        # What is asked is a turn of its own, which would begin a new silence.
        self._has_asked = self._ask(since_s, now_s)
