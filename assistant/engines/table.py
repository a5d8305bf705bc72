"""Engines by name: where each lives and what it needs; imported only when it is chosen."""

import importlib
from dataclasses import dataclass
from typing import Any, Literal, cast

from assistant.engines.protocols import CompletenessScorer, TextToSpeech, VoiceActivityDetector
from assistant.errors import EngineUnavailable, SettingsError

EnginePart = Literal["vad", "turn_judge", "speech_model", "voice"]


@dataclass(frozen=True, slots=True)
class Engine:
    """One line of the table."""

    module: str
    """Module of `assistant.engines`."""
    factory: str
    """Its class or function."""
    remedy: str
    """What to install when it is missing."""
    about: str
    """What it is, in a few words."""
    asks_server: bool = False
    """Speech models: whether an LLM server answers; it is given the settings of that as well."""
    works_elsewhere: bool = False
    """Whether its work is done by other processes: waiting for one conversation must not hold up
    the others then."""


ENGINES: dict[EnginePart, dict[str, Engine]] = {
    "vad": {
        "silero": Engine("silero", "Silero", "pip install silero-vad onnxruntime", "Silero VAD"),
    },
    "turn_judge": {
        "smart_turn": Engine(
            "smart_turn", "SmartTurn", "pip install onnxruntime", "Smart Turn v3, by its ONNX file"
        ),
        "turn_ear": Engine(
            "turn_ear", "TurnEarJudge", "pip install -e .", "hears whether a turn is over"
        ),
    },
    "speech_model": {
        "blsp_emo": Engine(
            "blsp_emo", "BlspEmoModel", "pip install -e .", "hears words and emotion together"
        ),
        "cascade": Engine(
            "cascade", "CascadeModel", "pip install -e .", "transcribes, then asks the same LLM"
        ),
        "cascade_emotion": Engine(
            "cascade",
            "cascade_telling_emotion",
            "pip install -e .",
            "the same, and the prompt names the heard emotion",
        ),
        "chat_server": Engine(
            "chat_server.model",
            "ChatServerModel",
            "pip install -e .",
            "hears, then asks an LLM of your own by an OpenAI-compatible server",
            asks_server=True,
        ),
        "cluster": Engine(
            "cluster.model",
            "ClusterModel",
            "pip install -e '.[scale]'",
            "replicas on a Ray cluster (`python -m deploy.ray`)",
            works_elsewhere=True,
        ),
    },
    "voice": {
        "piper": Engine(
            "voices.piper",
            "Piper",
            "python app.py models get joe",
            "Piper: natural, joe or any Piper voice by its folder",
        ),
        "kokoro": Engine(
            "voices.kokoro",
            "Kokoro",
            "python app.py models get kokoro",
            "Kokoro: the most natural, and slower; af_heart, am_michael, bf_emma and others",
        ),
        "flite": Engine(
            "voices.flite", "Flite", "apt install flite", "CMU flite: slt, rms, awb, kal16"
        ),
        "espeak": Engine(
            "voices.espeak",
            "Espeak",
            "pip install -e '.[voices]' (or apt install espeak-ng)",
            "eSpeak NG: many languages, robotic",
        ),
        "coqui": Engine(
            "voices.coqui",
            "Coqui",
            "pip install -e '.[coqui]'",
            "Coqui XTTS and VITS: natural, needs a voice folder",
        ),
        "cluster": Engine(
            "cluster.voice",
            "ClusterVoice",
            "pip install -e '.[scale]'",
            "replicas of a voice on a Ray cluster (`python -m deploy.ray`)",
            works_elsewhere=True,
        ),
    },
}
USUAL_VAD, USUAL_TURN_JUDGE, USUAL_MODEL = "silero", "turn_ear", "blsp_emo"
AUTO = "auto"
"""Stands for the first that can be had: of models (`models.checkpoints.embedded`) and of voices."""
AUTO_VOICES = ("piper", "flite", "espeak")
NO_VOICE = (
    "no voice can speak here: `apt install flite` or `pip install -e '.[voices]'` in Attune's "
    "folder"
)


def engine_factory(part: EnginePart, name: str) -> Any:
    """Returns the class that makes the engine `name` of a part.

    Raises:
        SettingsError: There is no such engine.
        EngineUnavailable: A library that it needs is not installed.
    """
    engines = ENGINES[part]
    if name not in engines:
        kind = part.replace("_", " ")
        raise SettingsError(f"there is no {kind} {name!r}: use one of {', '.join(engines)}")
    engine = engines[name]
    try:
        module = importlib.import_module(f"assistant.engines.{engine.module}")
    except ImportError as error:
        raise EngineUnavailable(f"{name} cannot be loaded ({error}): {engine.remedy}") from error
    return getattr(module, engine.factory)


def open_vad(name: str = USUAL_VAD) -> VoiceActivityDetector:
    """Returns a new voice activity detector; each conversation needs its own.

    Raises:
        SettingsError: There is no such detector.
        EngineUnavailable: What it needs is not installed.
    """
    return cast(VoiceActivityDetector, engine_factory("vad", name)())


def open_turn_judge(judge: str = USUAL_TURN_JUDGE) -> CompletenessScorer:
    """Returns what judges by the sound whether a person is done; all conversations may share it.

    Args:
        judge: The name of an engine, or `ENGINE:FILE`, such as `smart_turn:smart-turn-v3.onnx`.

    Raises:
        SettingsError: There is no such engine.
        EngineUnavailable: What it needs is not installed, or the file cannot be used.
    """
    return cast(CompletenessScorer, _opened("turn_judge", judge))


def open_voice(voice: str) -> TextToSpeech:
    """Returns a voice, to be shared by all conversations.

    Args:
        voice: The name of an engine, or `ENGINE:VARIANT`, such as `piper:joe`,
            `kokoro:bf_emma`, `flite:rms`, `espeak:en-us+f3` or `coqui:NAME_OR_FOLDER`.

    Raises:
        SettingsError: There is no such engine.
        EngineUnavailable: What it needs is not installed; the message names the remedy.
    """
    return cast(TextToSpeech, _opened("voice", voice))


def _opened(part: EnginePart, chosen: str) -> Any:
    name, _, variant = chosen.partition(":")
    factory = engine_factory(part, name)
    return factory(variant) if variant else factory()
