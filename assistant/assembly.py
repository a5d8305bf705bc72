"""Builds what a run needs from its settings: detector, speech model, voice and reply policy."""

from dataclasses import dataclass
from typing import cast

from assistant.conversation.engines import Engines, close
from assistant.empathy import load_policy
from assistant.engines.parts import Watch, bring, parts_of_voice, unwatched
from assistant.engines.protocols import CompletenessScorer, Persona, SpeechModel, TextToSpeech
from assistant.engines.settings import SpeechModelSettings
from assistant.engines.table import (
    AUTO,
    AUTO_VOICES,
    ENGINES,
    NO_VOICE,
    engine_factory,
    open_turn_judge,
    open_vad,
    open_voice,
)
from assistant.errors import EngineUnavailable
from assistant.safety import HelpFinder
from assistant.settings import EngineSettings, HelpSettings
from assistant.turns.settings import TurnJudgeSettings
from models.checkpoints.embedded import parts_of_model
from models.pretrained.catalogue import Part

SENT_AWAY = (
    "what you say leaves this machine as text: {} is sent your words and how they sound, and "
    "answers them (the sound of your voice stays here)"
)


@dataclass(frozen=True, slots=True)
class OpenedVoice:
    """A voice, and which of those it is that `auto` stands for."""

    engine: TextToSpeech
    name: str
    meant: str
    """The one that is used where nothing is in the way."""
    reason: str = ""
    """Why that is not the one that was opened, and what mends it."""


def open_engines(
    settings: EngineSettings,
    watch: Watch = unwatched,
    judging: TurnJudgeSettings | None = None,
) -> Engines:
    """Returns the engines that `settings` name; what fails quickly is tried first.

    Args:
        settings: Which engines; the parts of those that are not on this machine are fetched.
        watch: Told of each part that is fetched.
        judging: What judges the ends of turns; None where turns are not judged.

    Raises:
        SettingsError: A name in the settings is unknown, or the persona too long.
        EngineUnavailable: Something is not installed or cannot be loaded; names the remedy.
    """
    help_finder = open_help(settings.part(HelpSettings))
    policy = load_policy(settings.policy)
    detector = open_vad(settings.vad)
    judge = open_sound_judge(judging) if judging is not None else None
    voice = open_chosen_voice(settings.voice, watch)
    try:
        model = open_chosen_model(settings.part(SpeechModelSettings), watch)
        # A persona that is too long would else be told of in the first turn.
        model.open(Persona(settings.persona))
    except BaseException:
        close(voice.engine)
        raise
    return Engines(
        model,
        voice.engine,
        policy,
        detector,
        voice.name,
        help_finder,
        notice=notices(voice, model),
        judge=judge,
        judges_words=judging is not None and judging.turn_judge != "sound",
    )


def check_answering(settings: EngineSettings) -> None:
    """Makes sure of what can be known to be wrong before an engine is loaded.

    Raises:
        SettingsError: There is no such policy, or no such country, language or file of help.
    """
    open_help(settings.part(HelpSettings))
    load_policy(settings.policy)


def open_sound_judge(settings: TurnJudgeSettings) -> CompletenessScorer | None:
    """Returns what judges the ends of turns by the sound; None where only words are to.

    Raises:
        EngineUnavailable: The file that is to judge them cannot be used.
    """
    return None if settings.turn_judge == "words" else open_turn_judge(settings.turn_model)


def instead(voice: OpenedVoice) -> str | None:
    """Returns the sentence that says which voice speaks instead of which, and why; or None."""
    if not voice.reason:
        return None
    return f"{voice.name} speaks instead of {voice.meant}: {voice.reason}"


def notices(voice: OpenedVoice, *models: SpeechModel) -> str | None:
    """Returns what a person should know of who speaks and who answers before a talk; or None."""
    hosts = dict.fromkeys(model.sends_words_to for model in models)
    said = [instead(voice), *(SENT_AWAY.format(host) for host in hosts if host)]
    return "; ".join(filter(None, said)) or None


def open_help(settings: HelpSettings) -> HelpFinder:
    """Returns what finds danger to life and the texts that answer it.

    Raises:
        SettingsError: There is no such country, language or file; names those there are.
    """
    return HelpFinder(settings.country, settings.help_language, settings.help_file)


def open_chosen_voice(voice: str, watch: Watch = unwatched) -> OpenedVoice:
    """Returns the voice that is named, or of `auto` the first that can speak, its parts fetched.

    Raises:
        SettingsError: There is no such voice.
        EngineUnavailable: It cannot be had, of `auto` none; names the remedy.
    """

    def open_one(name: str) -> TextToSpeech:
        bring(parts_of_voice(name), watch)
        return open_voice(name)

    if voice != AUTO:
        return OpenedVoice(open_one(voice), voice, voice)
    reasons: list[str] = []
    for name in AUTO_VOICES:
        try:
            return OpenedVoice(open_one(name), name, AUTO_VOICES[0], reasons[0] if reasons else "")
        except EngineUnavailable as error:
            reasons.append(str(error))
    raise EngineUnavailable(f"{NO_VOICE} ({'; '.join(reasons)})")


def open_chosen_model(settings: SpeechModelSettings, watch: Watch = unwatched) -> SpeechModel:
    """Returns the speech model that `settings` name, its parts fetched.

    Raises:
        EngineUnavailable: It cannot be had; the message names the remedy.
    """
    bring(parts_of(settings), watch)
    return open_speech_model(settings)


def parts_of(settings: SpeechModelSettings) -> list[Part]:
    """Returns the parts of the catalogue that the speech model of `settings` needs."""
    engine = ENGINES["speech_model"][settings.engine]
    return parts_of_model(settings.model, ears_only=engine.asks_server)


def open_speech_model(settings: SpeechModelSettings) -> SpeechModel:
    """Returns the speech model that `settings` name.

    Raises:
        EngineUnavailable: Its checkpoint cannot be loaded; the message names the remedy.
    """
    factory = engine_factory("speech_model", settings.engine)
    given: list[object] = [settings.model, settings.run, settings.generation]
    if ENGINES["speech_model"][settings.engine].asks_server:
        given.append(settings.llm)
    return cast(SpeechModel, factory(*given))
