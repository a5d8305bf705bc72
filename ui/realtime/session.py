"""One conversation over the realtime protocol: what the client asks for, and what it is told."""

import asyncio
import logging
from collections.abc import Callable

from assistant import events
from assistant.audio.echo import EchoRemover
from assistant.audio.protocols import Ends
from assistant.audio.waveform import Waveform
from assistant.conversation.conversation import Conversation
from assistant.conversation.live.loop import TalkLoop
from assistant.empathy import load_policy
from assistant.errors import AssistantError
from models.emotions import Emotion, emotion_from_label
from ui.realtime.choices import ChosenDialogue, ChosenVoice
from ui.realtime.devices import LEAST_KEPT_S, SocketMicrophone, SocketSpeaker
from ui.realtime.going_on import ContinueRequests
from ui.realtime.hosting.engines import Resident
from ui.realtime.idle import IdleTimeout
from ui.realtime.instructions import refuse_long_instructions
from ui.realtime.orders import Handler, Orders
from ui.realtime.outbox import Outbox
from ui.realtime.protocol.changes import MOST_NAMED, Changes, changed
from ui.realtime.protocol.config import AttuneConfig, SessionConfig
from ui.realtime.protocol.messages import (
    Json,
    ProtocolError,
    error_event,
    new_id,
    read_event,
)
from ui.realtime.question import LONGEST_COMMIT_S, PendingQuestion
from ui.realtime.recording import ConsentedRecording
from ui.realtime.requests import Requests
from ui.realtime.settings import (
    answers_nothing,
    session_in_use,
    shown,
    warning,
    with_known_names,
    with_output,
)
from ui.realtime.tools import offers_alike, refuse_tools
from ui.realtime.translation import Translator
from ui.realtime.tuning import in_force, talk_settings
from ui.realtime.words import WordsOfHeld
from ui.saved_talk import saved_talk
from ui.view import View, reduce
from ui.view_json import ViewChanges

logger = logging.getLogger(__name__)

SHOW_EVERY_S = 0.05
OF_ANSWERED_TALKS = frozenset(
    {"response.create", "response.cancel", "conversation.item.create", "attune.talk.continue"}
)
"""What a client asks for that a session of transcription does not do."""
ANSWER_OVER = (
    events.ReplyFinished,
    events.Interrupted,
    events.UtteranceJoined,
    events.TurnFailed,
)

Observer = Callable[[events.Event], None]
"""Sees every event, for counts; must not keep what people said."""


class Session:
    """Engines and loop of one conversation; a client may come, go and come again."""

    def __init__(
        self,
        resident: Resident,
        *,
        model: str = "",
        observer: Observer,
        recording: ConsentedRecording | None = None,
    ) -> None:
        """Prepares a conversation; `run` holds it.

        Args:
            resident: The engines.
            model: Name of the speech model; empty for the default.
            observer: Sees every event.
            recording: Records the conversation; None where the client itself agrees to that.
        """
        self.id = new_id("sess")
        self.outbox = Outbox()
        self.last_active_s = asyncio.get_running_loop().time()
        self._resident = resident
        self._observer = observer
        self._config = _opening_config(resident, model)
        self._ignored: list[str] = []
        self._once: SessionConfig | None = None
        self._once_turn: int | None = None
        self._has_told_conversation = False
        self._translator = Translator(
            self.outbox.put, self._config, was_cut=lambda: self._dialogue.was_cut
        )
        self._view = View()
        self._picture = ViewChanges()
        self._is_show_due = False
        self._recording = recording or ConsentedRecording(
            resident.records, on_problem=lambda text: self.tell_error(text, code="not_recorded")
        )
        self._reply_start = 0
        self._engines = resident.engines()
        self._engines.model = resident.models[self._config.model]
        self._voice = ChosenVoice(resident.voices, resident.default_voice)
        self._engines.voice = self._voice
        self._dialogue = ChosenDialogue(self._engines, self._config.instructions)
        self._microphone = SocketMicrophone(self._engines.detector.frame_samples)
        self._speaker = SocketSpeaker(
            self._config.audio.output.format.rate,
            send=self._translator.add_audio,
            sent=self._translator.all_sent,
            ducked=self._translator.ducked,
            held=self._translator.held,
        )
        self._conversation = Conversation(
            self._engines,
            self._dialogue,
            scorer=self._dialogue,
            told=lambda: self._config.model_dump(),
            in_force=in_force(self._config, resident.talk),
        )
        # The client removes the echo, or should: some have no canceller, or one that fails.
        ends = Ends(self._microphone, self._speaker, EchoRemover())
        self._loop = TalkLoop(self._conversation, ends, talk_settings(self._config, resident.talk))
        self._loop.follow(self._listen, self._recording.tap)
        question = PendingQuestion()
        self._requests = Requests(
            self._loop,
            self._translator,
            self._microphone,
            self._speaker,
            question,
            WordsOfHeld(self._engines, self._translator, question),
        )
        self._orders = Orders(
            self._loop, self._translator, self._dialogue, question, self._answer_with
        )
        going_on = ContinueRequests(
            resident.shown_records, self._loop, self._translator, self._dialogue, self._orders
        )
        self._idle = IdleTimeout(self._orders.ask_who_is_there)
        self._handlers: dict[str, Handler] = {
            **self._requests.handlers,
            **self._orders.handlers,
            "session.update": self._update,
            "attune.talk.continue": going_on.obey,
            "attune.emotion.correct": self._correct,
            "attune.transcript.request": self._transcript,
        }

    @property
    def is_busy(self) -> bool:
        """Whether an answer is being made or played."""
        return self._view.answering is not None

    @property
    def recorded(self) -> list[str]:
        """Ids of the records of this conversation, which are closed when `run` is over."""
        return self._recording.recorded

    async def run(self) -> None:
        """Holds the conversation until `end`."""
        try:
            await self._loop.run()
        except AssistantError as error:
            self.tell_error(str(error), code="session_failed")
        finally:
            self._resident.give_back(self._engines)
            await self._recording.close()

    def end(self) -> None:
        """Ends the conversation."""
        self._loop.stop()
        self._microphone.end()

    def begin_with(self, settings: Json) -> None:
        """Puts in force what the client's key brings along; to be called before `attach`."""
        self._update({"session": settings})

    def say(self, text: str) -> None:
        """Lets the assistant say `text` now, in place of what its model would answer."""
        self._dialogue.say_once(text)
        self._loop.type_text("")

    def correct_emotion(self, turn: int, emotion: Emotion, *, by: str) -> None:
        """Takes somebody's word for how turn `turn` was meant."""
        self._conversation.correct_emotion(turn, emotion, by=by)

    def sound(self, start_s: float, end_s: float) -> Waveform:
        """Returns what was heard lately between two times on the audio clock, 16 kHz."""
        return self._loop.sound(start_s, end_s)

    @property
    def clock_s(self) -> float:
        """Seconds of microphone sound so far."""
        return self._loop.clock_s

    def attach(self) -> None:
        """A client is there: tells it what the session is, and what it missed."""
        self.outbox.open()
        self._picture = ViewChanges()
        self.outbox.put({"type": "session.created", "session": self._session_json()})
        self._has_told_conversation = False
        self._show()
        self._speaker.listened_to(True)

    def detach(self) -> None:
        """The client is gone, perhaps for a moment: nobody hears the rest of an answer.

        One of which nothing was heard yet is made meanwhile, and spoken to whoever comes back.
        """
        self.outbox.close()
        self._speaker.listened_to(False)
        self._orders.end()
        self._loop.interrupt(keeps_unheard=True)

    def tell_error(self, message: str, *, code: str) -> None:
        """Tells the client that something went wrong here."""
        self.outbox.put(error_event(message, code=code, kind="server_error"))

    async def receive(self, message: str | bytes) -> None:
        """Obeys one message of the client; what cannot be obeyed is answered with an error."""
        event_id: str | None = None
        try:
            if isinstance(message, bytes):
                raise ProtocolError(
                    "events are JSON text: send audio as base64 in input_audio_buffer.append",
                    code="invalid_event",
                )
            event = read_event(message)
            given = event.get("event_id")
            event_id = given if isinstance(given, str) else None
            kind = event.get("type")
            if not isinstance(kind, str):
                raise ProtocolError(
                    "an event is an object with a type", code="invalid_event", param="type"
                )
            handler = self._handlers.get(kind)
            if handler is None:
                raise ProtocolError(
                    f"unknown event type {kind[:80]!r}", code="unknown_event", param="type"
                )
            # A page whose microphone is open sends without end: only a client that cuts turns
            # itself shows by it that somebody is there.
            if kind != "input_audio_buffer.append" or self._requests.cuts_turns:
                self.last_active_s = asyncio.get_running_loop().time()
            if kind in OF_ANSWERED_TALKS and not self._config.answers:
                raise answers_nothing()
            if kind != "session.update":
                self._tell_conversation()
            result = handler(event)
            if result is not None:
                await result
        except ProtocolError as error:
            self.outbox.put(error.event(event_id))
        self._tell_conversation()

    def _tell_conversation(self) -> None:
        """Tells the client once that there is a conversation.

        Not before its first message: many clients take what comes after `session.created` for the
        answer to their `session.update`.
        """
        if self._has_told_conversation:
            return
        self._has_told_conversation = True
        conversation = {"id": self._translator.conversation_id, "object": "realtime.conversation"}
        self.outbox.put({"type": "conversation.created", "conversation": conversation})

    def _listen(self, event: events.Event) -> None:
        # Levels included: nothing else is told while nobody speaks, which is what it counts.
        self._idle.follow(event, self._config.audio.input.turn_detection)
        if isinstance(event, events.LevelMeasured):
            return
        self.last_active_s = asyncio.get_running_loop().time()
        if isinstance(event, events.ReplyStarted):
            self._reply_start = self._speaker.played_samples
        # Before the orders: a dialogue that begins anew by this event goes on from the items as
        # they are after it.
        self._translator.apply(event, played_ms=self._played_ms())
        # A client's order is followed at once by the event that it causes: the next interruption is
        # the person's again.
        self._translator.cancelled_by_client = False
        if isinstance(event, events.TurnHeld):
            self._requests.hold(event)
        elif isinstance(event, events.UtteranceEnded):
            self._requests.note(event)
        self._orders.follow(event)
        self._observer(event)
        self._recording.listen(event)
        self._view = reduce(self._view, event)
        if isinstance(event, events.UtteranceEnded) and event.reason in ("typed", "asked"):
            self._once_turn = event.turn
        if isinstance(event, ANSWER_OVER):
            # An answer that was under way when they were ordered ends without them: they are of the
            # next one.
            if event.turn == self._once_turn:
                self._once = self._once_turn = None
            self._adopt()
        if isinstance(event, events.ReplyText):
            self._show_soon()
        else:
            self._show()

    def _show_soon(self) -> None:
        """Tokens come faster than anybody reads: a few of them are shown together."""
        if not self._is_show_due:
            self._is_show_due = True
            asyncio.get_running_loop().call_later(SHOW_EVERY_S, self._show)

    def _show(self) -> None:
        self._is_show_due = False
        if not self._config.attune.view:
            return
        if change := self._picture.change(self._view):
            self.outbox.put({"type": "attune.view", "change": change})

    def _played_ms(self) -> int:
        played = self._speaker.played_samples - self._reply_start
        return round(1_000 * played / self._speaker.sample_rate)

    def _session_json(self) -> Json:
        choices = {
            "models": list(self._resident.models),
            "voices": list(self._resident.voices),
            "policies": list(self._resident.policies),
            "keeping": self._resident.records is not None,
        }
        config = shown(self._config, self._ignored)
        attune = {**config["attune"], "choices": choices}
        return {**config, "attune": attune, "id": self.id}

    def _update(self, event: Json) -> None:
        changes, warnings = changed(self._config, event.get("session")), list[str]()
        with_known_names(changes, self._config, self._resident, warnings)
        model = self._resident.models[changes.config.model]
        refuse_tools(changes, can_call=model.call_marks is not None)
        refuse_long_instructions(changes, self._config.instructions, model)
        self._keep_what_is_in_use(changes)
        event_id = given if isinstance(given := event.get("event_id"), str) else None
        if changes.applied > 0 or not changes.refused:
            self._take_on(changes)
        for error in changes.refused:
            self.outbox.put(error.event(event_id))
        if warnings or changes.ignored:
            self.outbox.put(warning(warnings, changes.ignored, event_id))

    def _keep_what_is_in_use(self, changes: Changes) -> None:
        """Refuses what can no longer change, and leaves it as it was."""
        config, old = changes.config, self._config
        if self._dialogue.is_open and config.model != old.model:
            changes.refused.append(session_in_use("the model", "session.model"))
            config = config.model_copy(update={"model": old.model})
        has_begun = self._dialogue.is_open or self._translator.items.last_id is not None
        if has_begun and config.type != old.type:
            changes.refused.append(session_in_use("the type", "session.type"))
            config = config.model_copy(update={"type": old.type})
        output, rate = config.audio.output, config.audio.output.format.rate
        if rate != self._speaker.sample_rate and not self._speaker.change_rate(rate):
            path = "session.audio.output.format"
            changes.refused.append(session_in_use("the rate of answers", path))
            output = output.model_copy(update={"format": old.audio.output.format})
            config = with_output(config, output)
        changes.applied -= config != changes.config
        keep = config.attune
        try:
            self._recording.agree(
                words=keep.keep_words, audio=keep.keep_audio, opening=self._conversation.opening()
            )
        except ProtocolError as error:
            changes.refused.append(error)
            kept = {"keep_words": old.attune.keep_words, "keep_audio": old.attune.keep_audio}
            config = config.model_copy(update={"attune": keep.model_copy(update=kept)})
            changes.applied -= keep.keep_words + keep.keep_audio
        changes.config = config

    def _take_on(self, changes: Changes) -> None:
        """Goes on with other settings and tells them."""
        config, old = changes.config, self._config
        self._ignored = [*{*self._ignored, *changes.ignored}][:MOST_NAMED]
        if config.model != old.model:
            self._engines.model = self._resident.models[config.model]
        self._config = self._translator.config = config
        if config.instructions != old.instructions or not offers_alike(config, old):
            self._orders.begin_anew()
        if not self._dialogue.is_open and (config.instructions, config.model) != (
            old.instructions,
            old.model,
        ):
            self._loop.prefill()
        detection = config.audio.input.turn_detection
        orders = detection is None or not detection.create_response
        # Who orders answers also says late what is to be answered: all of it must still be there.
        self._microphone.keep_s = LONGEST_COMMIT_S if orders else LEAST_KEPT_S
        if not self.is_busy:
            self._adopt()
        self._loop.tune(talk_settings(config, self._resident.talk))
        if detection is None and old.audio.input.turn_detection is not None:
            # From now on the client cuts the turns: what the detector had begun would be a second
            # turn of the same sound.
            self._loop.abandon_turn()
        self.outbox.put({"type": "session.updated", "session": self._session_json()})
        if not old.attune.view:
            self._picture = ViewChanges()
        self._show()

    def _answer_with(self, config: SessionConfig) -> None:
        """Puts settings in force for the next answer alone; one under way is spoken out first."""
        asked, warnings = Changes(config), list[str]()
        with_known_names(asked, self._config, self._resident, warnings)
        # The line to the client is one: its format is the session's.
        line = self._config.audio.output.format
        config = with_output(
            asked.config, asked.config.audio.output.model_copy(update={"format": line})
        )
        if warnings:
            self.outbox.put(warning(warnings, [], None))
        self._translator.answering = self._once = config
        self._once_turn = None
        if not self.is_busy:
            self._adopt()

    def _adopt(self) -> None:
        """Puts the client's settings in force: no answer is spoken half in one manner.

        One that is prepared already, in a pause, is prepared again.
        """
        config = self._once or self._config
        self._dialogue.most_tokens = config.most_tokens
        settings = in_force(config, self._resident.talk)
        if settings == self._conversation.in_force:
            return
        self._loop.prepare_again()
        self._voice.choose(config.audio.output.voice)
        self._voice.speed = config.audio.output.speed
        self._voice.speaks = config.speaks
        self._engines.policy = load_policy(config.attune.policy)
        self._conversation.put_in_force(settings)

    def _correct(self, event: Json) -> None:
        turn = event.get("turn")
        if isinstance(event.get("item_id"), str):
            turn = self._translator.turn_of_person(event["item_id"])
        known = {item.index for item in self._view.turns}
        if not isinstance(turn, int) or turn not in known:
            raise ProtocolError("there is no such turn", code="item_not_found", param="turn")
        try:
            emotion = emotion_from_label(str(event.get("emotion")))
        except ValueError as error:
            raise ProtocolError(str(error), param="emotion") from error
        self._loop.correct_emotion(turn, emotion)

    def _transcript(self, event: Json) -> None:
        kind = str(event.get("format", "md"))
        content = saved_talk(self._view, kind)
        if content is None:
            raise ProtocolError("format is md, json or vtt", param="format")
        self.outbox.put({"type": "attune.transcript", "format": kind, "content": content})


def _opening_config(resident: Resident, model: str) -> SessionConfig:
    """Returns what is in force before a client asks for anything."""
    start = Changes(
        SessionConfig(
            model=model,
            instructions=resident.persona,
            attune=AttuneConfig(policy=resident.policies[0]),
        )
    )
    with_known_names(start, start.config, resident, [])
    return start.config
