"""One conversation over the realtime protocol: what the client asks for, and what it is told."""

import asyncio
from collections.abc import Callable

from assistant import events
from assistant.audio.echo import EchoRemover
from assistant.audio.protocols import Ends
from assistant.audio.waveform import Waveform
from assistant.conversation.conversation import Conversation
from assistant.conversation.live.loop import TalkLoop
from assistant.errors import AssistantError
from models.emotions import Emotion
from ui.realtime.choices import ChosenDialogue, ChosenVoice
from ui.realtime.devices import LEAST_KEPT_S, SocketMicrophone, SocketSpeaker
from ui.realtime.extensions import Extensions
from ui.realtime.going_on import ContinueRequests
from ui.realtime.hosting.engines import Resident
from ui.realtime.idle import IdleTimeout
from ui.realtime.orders.orders import Orders
from ui.realtime.orders.question import LONGEST_COMMIT_S, PendingQuestion
from ui.realtime.outbox import Outbox
from ui.realtime.protocol.changes import MOST_NAMED, Changes, changed
from ui.realtime.protocol.config import SessionConfig
from ui.realtime.protocol.known import ForeignFields
from ui.realtime.protocol.messages import (
    Handler,
    Json,
    ProtocolError,
    error_event,
    id_of,
    new_id,
    read_event,
    type_of,
)
from ui.realtime.recording import ConsentedRecording
from ui.realtime.requests import Requests
from ui.realtime.sent_view import SentView
from ui.realtime.settings.answers import AnswerSettings
from ui.realtime.settings.instructions import refuse_long_instructions
from ui.realtime.settings.possible import (
    keep_what_is_in_use,
    opening_config,
    refuse_unanswered,
    shown,
    warning,
    with_choices,
    with_known_names,
)
from ui.realtime.settings.tuning import in_force, talk_settings
from ui.realtime.tools import offers_alike, refuse_tools
from ui.realtime.translation import Translator
from ui.realtime.words import WordsOfHeld

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
        config = opening_config(resident, model)
        self._ignored: list[str] = []
        self._has_told_conversation = False
        self._translator = Translator(
            self.outbox.put, config, was_cut=lambda: self._dialogue.was_cut
        )
        self._shown = SentView(self._translator)
        self._recording = recording or ConsentedRecording(
            resident.records, on_problem=lambda text: self.tell_error(text, code="not_recorded")
        )
        self._reply_start = 0
        self._engines = resident.engines()
        self._engines.model = resident.models[config.model]
        self._engines.voice = voice = ChosenVoice(resident.voices, resident.default_voice)
        self._dialogue = ChosenDialogue(self._engines, config.instructions)
        self._microphone = SocketMicrophone(self._engines.detector.frame_samples)
        self._speaker = SocketSpeaker(
            config.audio.output.format.rate,
            send=self._translator.add_audio,
            sent=self._translator.all_sent,
            ducked=self._translator.ducked,
            held=self._translator.held,
        )
        self._loop = self._loop_under(config)
        self._conversation = self._loop.conversation
        self._loop.follow(self._listen, self._recording.tap)
        self._answers = AnswerSettings(
            self._loop, self._translator, self._dialogue, voice, resident
        )
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
        self._idle = IdleTimeout(self._orders.ask_who_is_there)
        self._foreign = ForeignFields()
        self._handlers = self._all_handlers(resident)

    def _loop_under(self, config: SessionConfig) -> TalkLoop:
        """Returns the conversation, ready to be followed and run."""
        usual = self._resident.talk
        conversation = Conversation(
            self._engines,
            self._dialogue,
            scorer=self._dialogue,
            told=lambda: self._config.model_dump(),
            in_force=in_force(config, usual),
        )
        # The client removes the echo, or should: some have no canceller, or one that fails.
        ends = Ends(self._microphone, self._speaker, EchoRemover())
        return TalkLoop(conversation, ends, talk_settings(config, usual))

    def _all_handlers(self, resident: Resident) -> dict[str, Handler]:
        """Returns what obeys each kind of event of the client."""
        going_on = ContinueRequests(
            resident.shown_records, self._loop, self._translator, self._dialogue, self._orders
        )
        return {
            **self._requests.handlers,
            **self._orders.handlers,
            "session.update": self._update,
            "attune.talk.continue": going_on.obey,
            **Extensions(self._loop, self._translator, self._shown).handlers,
        }

    @property
    def _config(self) -> SessionConfig:
        """The settings as the client knows them."""
        return self._translator.config

    @property
    def is_busy(self) -> bool:
        """Whether an answer is being made or played."""
        return self._shown.view.answering is not None

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
        self._shown.begin_anew()
        self.outbox.put({"type": "session.created", "session": self._session_json()})
        self._has_told_conversation = False
        self._shown.show()
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
            event = read_event(message)
            event_id = id_of(event)
            kind = type_of(event)
            handler = self._handlers.get(kind)
            if handler is None:
                raise ProtocolError(
                    f"unknown event type {kind[:80]!r}", code="unknown_event", param="type"
                )
            # A page whose microphone is open sends without end: only a client that cuts turns
            # itself shows by it that somebody is there.
            if kind != "input_audio_buffer.append" or self._requests.cuts_turns:
                self.last_active_s = asyncio.get_running_loop().time()
            refuse_unanswered(kind, self._config)
            if kind != "session.update":
                self._tell_conversation()
            result = handler(event)
            if result is not None:
                await result
            if foreign := self._foreign.of(event):
                self.outbox.put(warning([], foreign, event_id))
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
        self._shown.follow(event)
        self._answers.follow(event)
        if isinstance(event, events.ReplyText):
            self._shown.show_soon()
        else:
            self._shown.show()

    def _played_ms(self) -> int:
        played = self._speaker.played_samples - self._reply_start
        return round(1_000 * played / self._speaker.sample_rate)

    def _session_json(self) -> Json:
        return {**with_choices(shown(self._config, self._ignored), self._resident), "id": self.id}

    def _update(self, event: Json) -> None:
        changes, warnings = changed(self._config, event.get("session")), list[str]()
        with_known_names(changes, self._config, self._resident, warnings)
        model = self._resident.models[changes.config.model]
        refuse_tools(changes, can_call=model.call_marks is not None)
        refuse_long_instructions(changes, self._config.instructions, model)
        self._keep_what_is_in_use(changes)
        event_id = id_of(event)
        if changes.applied > 0 or not changes.refused:
            self._take_on(changes)
        for error in changes.refused:
            self.outbox.put(error.event(event_id))
        if warnings or changes.ignored:
            self.outbox.put(warning(warnings, changes.ignored, event_id))

    def _keep_what_is_in_use(self, changes: Changes) -> None:
        """Refuses what can no longer change, and leaves it as it was."""
        keep_what_is_in_use(
            changes,
            self._config,
            self._dialogue,
            self._speaker,
            has_items=self._translator.items.last_id is not None,
        )
        self._recording.agree_by(changes, self._config, self._conversation.opening())

    def _take_on(self, changes: Changes) -> None:
        """Goes on with other settings and tells them."""
        config, old = changes.config, self._config
        self._ignored = [*{*self._ignored, *changes.ignored}][:MOST_NAMED]
        if config.model != old.model:
            self._engines.model = self._resident.models[config.model]
        self._translator.config = config
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
            self._answers.adopt()
        self._loop.tune(talk_settings(config, self._resident.talk))
        if detection is None and old.audio.input.turn_detection is not None:
            # From now on the client cuts the turns: what the detector had begun would be a second
            # turn of the same sound.
            self._loop.abandon_turn()
        self.outbox.put({"type": "session.updated", "session": self._session_json()})
        if not old.attune.view:
            self._shown.begin_anew()
        self._shown.show()

    def _answer_with(self, config: SessionConfig) -> None:
        """Puts settings in force for the next answer alone; one under way is spoken out first."""
        self._answers.order(config)
        if not self.is_busy:
            self._answers.adopt()
