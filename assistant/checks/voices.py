"""The voices of this machine: which there are, and whether each follows the styles, measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform, resample
from assistant.empathy import ReplyPolicy
from assistant.engines.protocols import (
    Cancel,
    EmotionEstimate,
    Persona,
    SpeakingStyle,
    SpeechModel,
    TextToSpeech,
)
from assistant.engines.table import ENGINES, open_voice
from assistant.errors import AssistantError
from assistant.voice.psola import track_pitch
from assistant.voice.speakable import speakable
from assistant.voice.voice_folder import VoiceFolder, default_voices_folder, voice_names
from assistant.voice.voice_names import KNOWN_VOICES
from models.emotions import Emotion

BUILT_IN = tuple(voice.name for voice in KNOWN_VOICES)
CHECK_SENTENCES = (
    "I am so sorry to hear that, please tell me what happened.",
    "That sounds wonderful, you must be very proud of yourself.",
    "I see, and what would help you most right now?",
    "Take your time, I am listening to every word.",
)
_SOUND = 0.01
# A change that is asked for counts as made when at least this share of it is measured.
_SHARE_THAT_COUNTS = 0.3


@dataclass(frozen=True, slots=True)
class VoiceEntry:
    """One voice that could speak here."""

    voice: str
    """What `--voice` takes."""
    is_usable: bool
    detail: str
    """What it is, or why it cannot speak and how to mend that."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How something was spoken, measured."""

    pitch_hz: float
    """Median; 0 without any voiced sound."""
    pitch_spread: float
    """Within a sentence, from the 10 % to the 90 % quantile, in semitones; mean of sentences."""
    words_a_minute: float
    level_db: float
    """Of full scale, silence left out."""
    longest_pause_s: float


@dataclass(frozen=True, slots=True)
class StyleCheck:
    """A voice in one style, and what is wrong with it."""

    person: Emotion
    """The emotion of the person who is answered."""
    style: SpeakingStyle
    delivery: Delivery
    heard: EmotionEstimate | None
    """What the emotion head hears in the answer, averaged; None without a judge."""
    problems: tuple[str, ...]
    """Changes that the style asks for and the voice did not make."""


def list_voices(root: Path | None = None) -> Iterator[VoiceEntry]:
    """Yields the built-in voices, in the order in which `auto` looks, and the person's neural ones.

    The latter are not loaded, since that takes long: their folders are checked.
    """
    of_one_part: dict[str, VoiceEntry] = {}
    for voice in BUILT_IN:
        engine = voice.partition(":")[0]
        # Kokoro's voices are files of one part, beside one large model: what holds of one of them
        # holds of all, and opening each would take seconds.
        entry = of_one_part.get(engine) or _opened(voice)
        if engine == "kokoro":
            of_one_part[engine] = entry
        yield replace(entry, voice=voice)
    yield from own_voices(root)


def own_voices(root: Path | None = None) -> Iterator[VoiceEntry]:
    """Yields the neural voices that a person added; their folders are checked, none is loaded."""
    root = root or default_voices_folder()
    for name in voice_names(root):
        try:
            folder = VoiceFolder(root / name)
        except AssistantError as error:
            yield VoiceEntry(f"coqui:{name}", False, str(error))
            continue
        if find_spec("TTS") is None:
            remedy = ENGINES["voice"]["coqui"].remedy
            yield VoiceEntry(f"coqui:{name}", False, f"coqui is not installed: {remedy}")
        else:
            tones = ", ".join(emotion.label for emotion in folder.clips) or "no reference clips"
            yield VoiceEntry(f"coqui:{name}", True, f"{folder.file.kind}, {tones}")


def _opened(voice: str) -> VoiceEntry:
    try:
        opened = open_voice(voice)
    except AssistantError as error:
        return VoiceEntry(voice, False, str(error))
    close_voice(opened)
    return VoiceEntry(voice, True, f"{opened.sample_rate} Hz")


def close_voice(voice: TextToSpeech) -> None:
    """Ends what a voice keeps running, if anything."""
    close = getattr(voice, "close", None)
    if close is not None:
        close()


def check_voice(
    voice: TextToSpeech,
    policy: ReplyPolicy,
    *,
    judge: SpeechModel | None = None,
    sentences: Sequence[str] = CHECK_SENTENCES,
) -> Iterator[StyleCheck]:
    """Yields, for each emotion of a person, how the voice answers it under `policy`.

    Args:
        voice: The voice.
        policy: The reply policy whose styles are tried, each at full confidence.
        judge: Hears each answer and says which emotion is in it.
        sentences: What is spoken.

    Raises:
        EngineFailed: The voice or the judge broke.
    """
    own = _deliver(voice, SpeakingStyle(), sentences)
    own_delivery = measure(own, voice.sample_rate, sentences)
    for person in Emotion:
        style = policy.style_for(person)
        spoken = _deliver(voice, style, sentences)
        delivery = measure(spoken, voice.sample_rate, sentences)
        heard = None if judge is None else _judge(judge, spoken, voice.sample_rate)
        problems = tuple(_problems(style, own_delivery, delivery))
        yield StyleCheck(person, style, delivery, heard, problems)


def measure(spoken: Sequence[Waveform], sample_rate: int, sentences: Sequence[str]) -> Delivery:
    """Returns how `sentences` were spoken; one waveform for each."""
    tracks = [track_pitch(waveform, sample_rate).f0_hz for waveform in spoken]
    voiced = [track[track > 0] for track in tracks if (track > 0).any()]
    spreads = [float(np.subtract(*np.log2(np.quantile(track, [0.9, 0.1])))) for track in voiced]
    loud = [np.flatnonzero(np.abs(waveform) > _SOUND) for waveform in spoken]
    samples = np.concatenate([waveform[at] for waveform, at in zip(spoken, loud, strict=True)])
    power = float(np.mean(samples.astype(np.float64) ** 2)) if samples.size else 1e-10
    words = sum(len(speakable(sentence).split()) for sentence in sentences)
    seconds = sum(len(waveform) for waveform in spoken) / sample_rate
    gaps = [int(np.diff(at).max(initial=0)) for at in loud]
    return Delivery(
        pitch_hz=float(np.median(np.concatenate(voiced))) if voiced else 0.0,
        pitch_spread=12.0 * float(np.mean(spreads)) if voiced else 0.0,
        words_a_minute=60.0 * words / max(seconds, 1e-3),
        level_db=10.0 * float(np.log10(power)),
        longest_pause_s=max(gaps, default=0) / sample_rate,
    )


def _deliver(voice: TextToSpeech, style: SpeakingStyle, sentences: Sequence[str]) -> list[Waveform]:
    empty = np.zeros(0, np.float32)
    return [
        np.concatenate([empty, *(c.samples for c in voice.synthesize(text, style, Cancel()))])
        for text in sentences
    ]


def _judge(judge: SpeechModel, spoken: Sequence[Waveform], sample_rate: int) -> EmotionEstimate:
    """Returns the mean of what the model hears in each waveform."""
    estimates: list[EmotionEstimate] = []
    for waveform in spoken:
        dialogue = judge.open(Persona())
        at_16k = resample(waveform, from_hz=sample_rate, to_hz=SPEECH_RATE_HZ)
        for heard in dialogue.hear(at_16k, Cancel()):
            if isinstance(heard, EmotionEstimate):
                estimates.append(heard)
                break
    columns = zip(*(estimate.probabilities for estimate in estimates), strict=True)
    return EmotionEstimate(tuple(float(np.mean(column)) for column in columns))


def _problems(style: SpeakingStyle, own: Delivery, delivery: Delivery) -> Iterator[str]:
    """Yields each change that was asked for and not made, or made in the wrong direction."""
    if own.pitch_hz == 0.0 or delivery.pitch_hz == 0.0:
        yield "no voiced sound"
        return
    asked_and_made = {
        "pitch": (style.pitch, 12.0 * np.log2(delivery.pitch_hz / own.pitch_hz)),
        "rate": (np.log(style.rate), np.log(delivery.words_a_minute / own.words_a_minute)),
        "energy": (style.energy, delivery.level_db - own.level_db),
        "pitch range": (
            style.pitch_range - 1.0,
            delivery.pitch_spread / max(own.pitch_spread, 0.1) - 1.0,
        ),
    }
    for name, (asked, made) in asked_and_made.items():
        if abs(asked) > 0.02 and made / asked < _SHARE_THAT_COUNTS:
            yield f"{name} hardly follows"
