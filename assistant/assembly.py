"""Builds what a run needs from its settings: detector, speech model, voice and reply policy."""

from typing import cast

from assistant.answer import Engines, close
from assistant.empathy import load_policy
from assistant.engines.protocols import Persona, SpeechModel
from assistant.engines.table import AUTO, engine_factory, open_vad, open_voice
from assistant.safety import HelpFinder
from assistant.settings import EngineSettings


def open_engines(settings: EngineSettings) -> Engines:
    """Returns the engines that `settings` name; what fails quickly is tried first.

    Raises:
        SettingsError: A name in the settings is unknown, or the persona too long.
        EngineUnavailable: Something is not installed or cannot be loaded; names the remedy.
    """
    help_finder = open_help(settings)
    policy = load_policy(settings.policy)
    voice = open_voice(settings.voice)
    detector = open_vad()
    name = type(voice).__name__.lower() if settings.voice == AUTO else settings.voice
    try:
        model = open_speech_model(settings)
        # A persona that is too long would else be told of in the first turn.
        model.open(Persona(settings.persona))
    except BaseException:
        close(voice)
        raise
    return Engines(model, voice, policy, detector, name, help_finder)


def open_help(settings: EngineSettings) -> HelpFinder:
    """Returns what finds danger to life and the texts that answer it.

    Raises:
        SettingsError: There is no such country, language or file; names those there are.
    """
    return HelpFinder(settings.country, settings.help_language, settings.help_file)


def open_speech_model(settings: EngineSettings) -> SpeechModel:
    """Returns the speech model that `settings` name.

    Raises:
        EngineUnavailable: Its checkpoint cannot be loaded; the message names the remedy.
    """
    if settings.engine == "blsp_emo":
        factory = engine_factory("speech_model", "blsp_emo")
        model = factory(settings.model, settings.run, settings.generation)
    else:
        factory = engine_factory("speech_model", "cascade")
        tells_emotion = settings.engine == "cascade_emotion"
        model = factory(
            settings.model, settings.run, settings.generation, tells_emotion=tells_emotion
        )
    return cast(SpeechModel, model)
