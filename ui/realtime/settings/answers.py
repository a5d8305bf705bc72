"""Under which settings answers are made: the session's, or those of one response alone."""

from assistant import events
from assistant.conversation.live.loop import TalkLoop
from assistant.empathy import load_policy
from ui.realtime.choices import ChosenDialogue, ChosenVoice
from ui.realtime.hosting.engines import Resident
from ui.realtime.protocol.changes import Changes
from ui.realtime.protocol.config import SessionConfig
from ui.realtime.settings.possible import warning, with_known_names, with_output
from ui.realtime.settings.tuning import in_force
from ui.realtime.translation import Translator

ANSWER_OVER = (
    events.ReplyFinished,
    events.Interrupted,
    events.UtteranceJoined,
    events.TurnFailed,
)


class AnswerSettings:
    """Puts settings in force between two answers: none is spoken half in one manner."""

    def __init__(
        self,
        loop: TalkLoop,
        translator: Translator,
        dialogue: ChosenDialogue,
        voice: ChosenVoice,
        resident: Resident,
    ) -> None:
        """Exchanges `dialogue` and `voice` as the settings of `translator` say.

        Args:
            loop: Makes the answers.
            translator: Knows the settings of the session.
            dialogue: The model's side.
            voice: What speaks.
            resident: What can be chosen, and how turns are taken where the session says nothing.
        """
        self._loop = loop
        self._translator = translator
        self._dialogue = dialogue
        self._voice = voice
        self._resident = resident
        self._once: SessionConfig | None = None
        self._once_turn: int | None = None

    def order(self, config: SessionConfig) -> None:
        """Has the answer that is asked for next made under `config`, and no other."""
        asked, warnings, session = Changes(config), list[str](), self._translator.config
        with_known_names(asked, session, self._resident, warnings)
        # The line to the client is one: its format is the session's.
        line = {"format": session.audio.output.format}
        output = asked.config.audio.output.model_copy(update=line)
        if warnings:
            self._translator.send(warning(warnings, [], None))
        self._translator.answering = self._once = with_output(asked.config, output)
        self._once_turn = None

    def follow(self, event: events.Event) -> None:
        """Takes up what was ordered when an answer is over, and the session's after that one."""
        if isinstance(event, events.UtteranceEnded) and event.reason in ("typed", "asked"):
            self._once_turn = event.turn
        if isinstance(event, ANSWER_OVER):
            # An answer that was under way when they were ordered ends without them: they are of the
            # next one.
            if event.turn == self._once_turn:
                self._once = self._once_turn = None
            self.adopt()

    def adopt(self) -> None:
        """Puts them in force now; what is prepared already, in a pause, is prepared again."""
        config = self._once or self._translator.config
        self._dialogue.most_tokens = config.most_tokens
        settings, conversation = in_force(config, self._resident.talk), self._loop.conversation
        # The conversation names more: what was asked for by voice, where words are sent to.
        if settings.items() <= conversation.in_force.items():
            return
        self._loop.prepare_again()
        self._voice.choose(config.audio.output.voice)
        self._voice.speed = config.audio.output.speed
        self._voice.speaks = config.speaks
        conversation.engines.policy = load_policy(config.attune.policy)
        conversation.put_in_force(settings)
