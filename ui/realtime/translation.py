"""What happens in a conversation, told in the events of the realtime protocol."""

from collections.abc import Callable
from typing import Any

from assistant import events
from assistant.audio.waveform import Waveform
from assistant.records.transcript import EmotionRecord, StyleRecord
from ui.realtime.items import Items, Response, Send, message
from ui.realtime.protocol.config import SessionConfig
from ui.realtime.protocol.messages import Json, new_id
from ui.realtime.tools import role_of


class Translator:
    """Turns the loop's events into server events; knows items and the response under way."""

    def __init__(self, send: Send, config: SessionConfig, *, was_cut: Callable[[], bool]) -> None:
        """Begins; `was_cut` says whether the latest answer had more tokens than it may have."""
        self.config = config
        self.answering: SessionConfig | None = None
        """Settings of the answer that the client asks for next, where they are its own."""
        self.is_apart = False
        """Whether that answer stands beside the conversation."""
        self._was_cut = was_cut
        self.items = Items(send)
        self.conversation_id = new_id("conv")
        self.response: Response | None = None
        """The latest one, also after it is done."""
        self.metadata: Any = None
        """Of the response that the client asks for next."""
        self.cancelled_by_client = False
        """Whether the next interruption is the client's wish, and not the person's voice."""
        self.end_ms: int | None = None
        """How much was heard of an answer, where the client says so."""
        self.send = send
        self._spoken_item: str | None = None
        self._asked_item: str | None = None
        self._user_items: dict[int, str] = {}
        self._spoken_s: dict[int, float] = {}
        self._told_words: set[str] = set()
        self._captioned: dict[str, str] = {}
        self._answered_turn = self._sourced_turn = -1
        self._is_playing = False

    @property
    def asked_item(self) -> str:
        """The item that was created or committed last and not answered yet."""
        return self._asked_item or ""

    @property
    def is_responding(self) -> bool:
        """Whether a response has begun and is not done."""
        return self.response is not None and not self.response.is_done

    @property
    def is_playing(self) -> bool:
        """Whether a response is heard, also after all of it was sent."""
        return self._is_playing

    def turn_of(self, item_id: str) -> int | None:
        """Returns the turn whose answer is item `item_id`, if that is the latest answer."""
        response = self.response
        is_latest = response is not None and response.item_id == item_id
        return self._answered_turn if is_latest else None

    @property
    def sent_ms(self) -> int:
        """How long the sound of the latest response is, as far as it was sent."""
        return round(1_000 * self.response.sent_s) if self.response is not None else 0

    def item_of(self, turn: int) -> str | None:
        """Returns the item that holds what the person said in a turn."""
        return self._user_items.get(turn)

    def turn_of_person(self, item_id: str) -> int | None:
        """Returns the turn that the person said with item `item_id`."""
        return next((turn for turn, item in self._user_items.items() if item == item_id), None)

    def add(self, item: Json, place: int | None = None) -> None:
        """Adds what the client created; what is last of the person's, the next turn is about."""
        self.items.add(item, place)
        self.items.done(item)
        if role_of(item) == "user" and not self.items.is_answered(self.items.place(item["id"])):
            self._asked_item = item["id"]

    def ask_again(self, item_id: str) -> None:
        """The next response is about what was said with this item."""
        self._asked_item = item_id

    def ask_apart(self) -> None:
        """The next response is about nothing that was created."""
        self._asked_item = None

    def commit(self, *, item_id: str | None = None) -> str:
        """Tells that sound of the person was committed, and adds it."""
        item_id = item_id or new_id("item")
        before = self.items.last_id
        self.send(
            {
                "type": "input_audio_buffer.committed",
                "previous_item_id": before,
                "item_id": item_id,
            }
        )
        content = [{"type": "input_audio", "transcript": None}]
        self.add(message("user", content, item_id=item_id, status="completed"))
        return item_id

    def add_audio(self, samples: Waveform) -> None:
        """Sends speech of the response under way."""
        if self.response is not None and len(samples):
            self.response.add_audio(samples)

    def all_sent(self) -> None:
        """All of an answer has been sent, though not played."""
        if self.response is not None:
            self._complete(self.response)

    def ducked(self, decibels: float) -> None:
        """Somebody may be interrupting: the client may lower its voice, or raise it again."""
        self.send({"type": "attune.output_audio.gain", "decibels": decibels})

    def held(self, held: bool) -> None:
        """Somebody speaks: the client falls silent, or goes on where it fell silent."""
        self.send({"type": "attune.output_audio.hold", "held": held})

    def apply(self, event: events.Event, *, played_ms: int) -> None:
        """Tells one event.

        Args:
            event: Of the loop.
            played_ms: How much of the latest answer has been played.
        """
        match event:
            case events.SpeechConfirmed(start_s=start_s):
                self._speech_started(start_s)
            case events.UtteranceEnded():
                self._utterance_ended(event)
            case events.TurnHeld(end_s=end_s):
                self._speech_stopped(end_s)
            case events.UtteranceJoined(turn=turn):
                self._joined(turn)
            case events.ReplyText(text=text) if self.response is not None:
                self._tell_source(event, self.response)
                self.response.add_text(text)
            case events.ToolCalled(name=name, arguments=arguments) if self.response is not None:
                self.response.call(name, arguments)
            case events.ReplyStarted() if self.response is not None:
                self._playback("started", self.response)
            case events.ReplyFinished(heard=heard) if self.response is not None:
                self._finished(self.response, heard)
            case events.Interrupted(heard=heard) if self.response is not None:
                self._interrupted(self.response, heard, played_ms)
            case events.TurnFailed(turn=turn, message=text) if self.response is not None:
                self._words_failed(turn, text)
                self.response.finish("failed", error=text)
            case _:
                self._extension(event)

    def _speech_started(self, start_s: float) -> None:
        self._spoken_item = new_id("item")
        self.send(
            {
                "type": "input_audio_buffer.speech_started",
                "audio_start_ms": round(1_000 * start_s),
                "item_id": self._spoken_item,
            }
        )

    def _speech_stopped(self, end_s: float) -> str:
        self._spoken_item = self._spoken_item or new_id("item")
        self.send(
            {
                "type": "input_audio_buffer.speech_stopped",
                "audio_end_ms": round(1_000 * end_s),
                "item_id": self._spoken_item,
            }
        )
        item_id, self._spoken_item = self._spoken_item, None
        return self.commit(item_id=item_id)

    def _utterance_ended(self, event: events.UtteranceEnded) -> None:
        if event.reason not in ("typed", "asked"):
            self._speech_stopped(event.end_s)
        if self._asked_item is not None:
            self._user_items[event.turn] = self._asked_item
        if event.reason != "typed":
            self._spoken_s[event.turn] = event.end_s - event.start_s
        self._asked_item = None
        self._answered_turn = event.turn
        self.response = Response(
            self.send,
            None if self.is_apart else self.items,
            self.answering or self.config,
            None if self.is_apart else self.conversation_id,
            self.metadata,
        )
        # They were of this response alone; the next one is the conversation's unless the client
        # says otherwise.
        self.metadata, self.answering, self.is_apart = None, None, False

    def _joined(self, turn: int) -> None:
        """The answer came too soon: it goes, and so does the part of the question before it."""
        if self.response is not None:
            self._cleared(self.response)
            self.response.finish("cancelled", reason="turn_detected")
            for item in self.response.output:
                self.items.remove(item["id"])
        # The question is told again as a new item when it is whole.
        if (item_id := self._user_items.pop(turn, None)) is not None:
            self.items.remove(item_id)

    def _finished(self, response: Response, heard: str) -> None:
        self._complete(response)
        response.heard(heard)
        if response.has_audio:
            self._playback("stopped", response)

    def _complete(self, response: Response) -> None:
        if self._was_cut():
            response.finish("incomplete", reason="max_output_tokens")
        else:
            response.finish("completed")

    def _interrupted(self, response: Response, heard: str, played_ms: int) -> None:
        reason = "client_cancelled" if self.cancelled_by_client else "turn_detected"
        # In this order: to finish writes all of its text into the item, which then keeps what was
        # heard.
        response.finish("cancelled", reason=reason)
        response.heard(heard)
        self._cleared(response)
        if response.is_open:
            end_ms = played_ms if self.end_ms is None else self.end_ms
            place = {"item_id": response.item_id, "content_index": 0, "audio_end_ms": end_ms}
            self.send({"type": "conversation.item.truncated", **place})
            place = {"item_id": response.item_id, "response_id": response.id, "heard": heard}
            self.send({"type": "attune.heard", **place})
        self.end_ms = None

    def _cleared(self, response: Response) -> None:
        # A client that then says how much it had played corrects the text, and clears nothing more.
        if response.has_audio and not response.is_cleared:
            response.is_cleared = True
            self._playback("cleared", response)

    def _playback(self, what: str, response: Response) -> None:
        self._is_playing = what == "started"
        self.send({"type": f"output_audio_buffer.{what}", "response_id": response.id})

    def _extension(self, event: events.Event) -> None:
        match event:
            case events.CaptionHeard(text=text) if self._spoken_item is not None:
                self._caption(self._spoken_item, text)
            case events.WordsHeard(turn=turn, transcript=transcript):
                self._words(turn, transcript.text)
            case events.EmotionHeard(turn=turn, estimate=estimate):
                emotion = EmotionRecord.of(estimate).model_dump()
                self.send({"type": "attune.emotion", **self._of(turn), "emotion": emotion})
            case events.EmotionCorrected(turn=turn, emotion=emotion):
                place = {"type": "attune.emotion.corrected", **self._of(turn)}
                self.send({**place, "emotion": emotion.label})
            case events.ControlSpoken(turn=turn, control=control):
                self.send({"type": "attune.control", **self._of(turn), "control": control})
            case events.StyleChosen(turn=turn):
                response_id = self.response.id if self.response is not None else None
                place = {"type": "attune.style", **self._of(turn), "response_id": response_id}
                self.send({**place, "style": StyleRecord.of(event.spoken).model_dump()})
            case events.TurnTimed(turn=turn, marks_ms=marks_ms):
                rounded = {stage: round(ms, 1) for stage, ms in marks_ms.items()}
                self.send({"type": "attune.timing", **self._of(turn), "marks_ms": rounded})
            case events.HelpOffered(turn=turn, topic=topic, text=text):
                place = {"type": "attune.help", **self._of(turn)}
                self.send({**place, "topic": topic, "text": text})
            case events.HelpEnded(turn=turn, topic=topic, was_none=was_none):
                place = {"type": "attune.help.ended", **self._of(turn)}
                self.send({**place, "topic": topic, "was_none": was_none})
            case events.EchoJudged(echo=echo):
                self.send({"type": "attune.echo", "echo": str(echo)})
            case _:
                pass

    def _tell_source(self, event: events.ReplyText, response: Response) -> None:
        """Tells who made an answer, once for each."""
        if self._sourced_turn == event.turn:
            return
        self._sourced_turn = event.turn
        place = {"type": "attune.source", **self._of(event.turn), "response_id": response.id}
        self.send({**place, "source": event.source})

    def _words(self, turn: int, words: str) -> None:
        item_id = self._user_items.get(turn)
        # None for what was typed, which is shown as it is and never transcribed, and for what
        # several items hold, each of which is told its own.
        seconds = self._spoken_s.pop(turn, None)
        if item_id is not None and seconds is not None:
            self.tell_words(item_id, words, seconds)
        elif item_id is not None and not self.has_told_words(item_id):
            self.items.know(item_id, words)

    def share_words(self, turn: int) -> None:
        """What was said in a turn stands in several items: its words are not told as of one."""
        self._spoken_s.pop(turn, None)

    def has_told_words(self, item_id: str) -> bool:
        """Whether the words of a spoken item are known, by themselves."""
        return item_id in self._told_words

    def tell_words(self, item_id: str, words: str, seconds: float) -> None:
        """Tells the words of a spoken item once, whether or not it is answered."""
        if self.has_told_words(item_id):
            return
        self._told_words.add(item_id)
        self.items.know(item_id, words)
        if self.config.audio.input.transcription is None:
            return
        self.items.transcribe(item_id, words)
        kind, place = "conversation.item.input_audio_transcription", _first_part(item_id)
        shown = self._captioned.pop(item_id, "")
        # What was told already cannot be taken back: `completed` has the words as they are.
        if words and words.startswith(shown) and words != shown:
            self.send({"type": f"{kind}.delta", **place, "delta": words[len(shown) :]})
        usage = {"type": "duration", "seconds": round(seconds, 3)}
        self.send({"type": f"{kind}.completed", **place, "transcript": words, "usage": usage})

    def _caption(self, item_id: str, text: str) -> None:
        """Tells words of somebody who still speaks."""
        if self.config.audio.input.transcription is None:
            return
        self._captioned[item_id] = self._captioned.get(item_id, "") + text
        kind = "conversation.item.input_audio_transcription.delta"
        self.send({"type": kind, **_first_part(item_id), "delta": text})

    def _words_failed(self, turn: int, message: str) -> None:
        """A turn broke: where its words were not told yet, they will not be."""
        item_id, seconds = self._user_items.get(turn), self._spoken_s.pop(turn, None)
        if item_id is not None and seconds is not None:
            self.tell_no_words(item_id, message)

    def tell_no_words(self, item_id: str, message: str) -> None:
        """Tells that the words of a spoken item will not be known, if they are wanted."""
        is_wanted = self.config.audio.input.transcription is not None
        if not is_wanted or self.has_told_words(item_id):
            return
        kind = "conversation.item.input_audio_transcription.failed"
        error = {"type": "server_error", "code": "turn_failed", "message": message, "param": None}
        self.send({"type": kind, **_first_part(item_id), "error": error})

    def _of(self, turn: int) -> Json:
        return {"turn": turn, "item_id": self._user_items.get(turn)}


def _first_part(item_id: str) -> Json:
    return {"item_id": item_id, "content_index": 0}
