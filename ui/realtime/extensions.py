"""What a client may order of Attune beyond the protocol: a correction, the talk as a file."""

from assistant.conversation.live.loop import TalkLoop
from models.emotions import emotion_from_label
from ui.realtime.protocol.messages import Handler, Json, ProtocolError
from ui.realtime.sent_view import SentView
from ui.realtime.translation import Translator
from ui.saved_talk import saved_talk


class Extensions:
    """Obeys `attune.emotion.correct` and `attune.transcript.request`."""

    def __init__(self, loop: TalkLoop, translator: Translator, shown: SentView) -> None:
        """Orders of `loop`, about the turns that are `shown`."""
        self._loop = loop
        self._translator = translator
        self._shown = shown
        self.handlers: dict[str, Handler] = {
            "attune.emotion.correct": self._correct,
            "attune.transcript.request": self._transcript,
        }

    def _correct(self, event: Json) -> None:
        turn = event.get("turn")
        if isinstance(event.get("item_id"), str):
            turn = self._translator.turn_of_person(event["item_id"])
        known = {item.index for item in self._shown.view.turns}
        if not isinstance(turn, int) or turn not in known:
            raise ProtocolError("there is no such turn", code="item_not_found", param="turn")
        try:
            emotion = emotion_from_label(str(event.get("emotion")))
        except ValueError as error:
            raise ProtocolError(str(error), param="emotion") from error
        self._loop.correct_emotion(turn, emotion)

    def _transcript(self, event: Json) -> None:
        kind = str(event.get("format", "md"))
        content = saved_talk(self._shown.view, kind)
        if content is None:
            raise ProtocolError("format is md, json or vtt", param="format")
        self._translator.send({"type": "attune.transcript", "format": kind, "content": content})
