"""The engines of a study's conditions, each loaded once."""

from pathlib import Path

from assistant.assembly import open_help, open_speech_model, parts_of
from assistant.conversation.engines import Engines, close
from assistant.empathy import load_policy
from assistant.engines.paced import paced
from assistant.engines.parts import Watch, bring, parts_of_voice, unwatched
from assistant.engines.protocols import (
    CompletenessScorer,
    SpeechModel,
    TextToSpeech,
    VoiceActivityDetector,
)
from assistant.engines.settings import SpeechModelSettings
from assistant.engines.table import open_turn_judge, open_vad, open_voice
from assistant.settings import TalkCommandSettings
from assistant.study.design.conditions import Condition
from assistant.study.run.scripted import HummingVoice, ScriptedModel
from assistant.study.settings import StudyEngineSettings
from assistant.turns.settings import TalkSettings


class StudyEngines:
    """Opens what the conditions of a study need, and closes it."""

    def __init__(
        self,
        folder: Path,
        settings: StudyEngineSettings,
        *,
        scripted: bool,
        watch: Watch = unwatched,
    ) -> None:
        """Loads nothing yet; safety texts are read.

        Args:
            folder: The study's.
            settings: How engines run.
            scripted: Whether a script answers, with a hum for a voice, instead of models.
            watch: Told of each part that is fetched.

        Raises:
            SettingsError: There is no such country, language or file of help.
        """
        self.scripted = scripted
        self._folder = folder
        self.settings = settings
        self._watch = watch
        self.help_finder = open_help(settings)
        self._models: dict[tuple[str, ...], SpeechModel] = {}
        self._voices: dict[str, TextToSpeech] = {}
        self._judge: CompletenessScorer | None = None

    def model(self, condition: Condition) -> SpeechModel:
        """Returns the speech model of a condition.

        Raises:
            EngineUnavailable: It cannot be loaded; names the remedy.
        """
        key = () if self.scripted else condition.engines
        if key not in self._models:
            self._models[key] = ScriptedModel() if self.scripted else self._open_model(condition)
        return self._models[key]

    def _open_model(self, condition: Condition) -> SpeechModel:
        settings = SpeechModelSettings(
            model=condition.settled().model,
            engine=condition.engine,
            llm=condition.llm,
            run=self.settings.run,
            generation=self.settings.generation,
        )
        bring(parts_of(settings), self._watch)
        return open_speech_model(settings)

    def voice_name(self, condition: Condition) -> str:
        """Returns the engine that speaks in a condition."""
        if self.scripted:
            return "hum"
        return condition.settled().voice

    def voice(self, condition: Condition) -> TextToSpeech:
        """Returns the voice of a condition, at its speed; see `own_voice`."""
        voice = self.own_voice(condition)
        return paced(voice, condition.speed)

    def own_voice(self, condition: Condition) -> TextToSpeech:
        """Returns the voice of a condition as it is by itself.

        Raises:
            EngineUnavailable: It cannot speak here; names the remedy.
        """
        name = self.voice_name(condition)
        if name not in self._voices:
            if self.scripted:
                self._voices[name] = HummingVoice()
            else:
                bring(parts_of_voice(name), self._watch)
                self._voices[name] = open_voice(name)
        return self._voices[name]

    def detector(self) -> VoiceActivityDetector:
        """Returns the detector of one conversation."""
        return open_vad()

    def engines(self, condition: Condition) -> Engines:
        """Returns all that one conversation needs."""
        return Engines(
            model=self.model(condition),
            voice=self.voice(condition),
            policy=load_policy(condition.policy_source(self._folder)),
            detector=self.detector(),
            voice_name=self.voice_name(condition),
            help_finder=self.help_finder,
            judge=self.judge(),
            judges_words=self.judges_words,
        )

    def told(self, condition: Condition, talk: TalkSettings) -> TalkCommandSettings:
        """Returns the settings that a talk is held under, for the head of its record."""
        return TalkCommandSettings(
            model=condition.model,
            engine=condition.engine,
            llm=condition.llm,
            policy=condition.policy,
            persona=condition.prompt or None,
            # Where a script answers, no sound is judged.
            turn_judge="words" if self.scripted else self.settings.turn_judge,
            talk=talk,
        )

    @property
    def judges_words(self) -> bool:
        """Whether the words are to judge whether a turn is whole."""
        return self.settings.turn_judge != "sound"

    def judge(self) -> CompletenessScorer | None:
        """Returns what judges by the sound whether a turn is whole, if anything is to."""
        # Where a script answers, no judge needs to be loaded either.
        if self.scripted or self.settings.turn_judge == "words":
            return None
        self._judge = self._judge or open_turn_judge()
        return self._judge

    def close(self) -> None:
        """Ends the threads and processes of all engines."""
        for engine in (*self._voices.values(), *self._models.values()):
            close(engine)
