"""Talks held with a model: typed, or spoken by a voice in the emotion of each turn."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform, resample
from assistant.empathy import load_policy
from assistant.engines.protocols import (
    Cancel,
    Dialogue,
    EmotionEstimate,
    Persona,
    SpeechModel,
    Transcript,
)
from assistant.engines.table import open_voice
from assistant.errors import EngineFailed
from benchmarks.everyday.sets import ScriptedTalk, ScriptedTurn

Say = Callable[[ScriptedTurn], Waveform]
"""Returns a turn as it is spoken, at 16 kHz."""
QUIET_S = 0.2
"""Silence around what is spoken, about what a talk leaves there."""


@dataclass(frozen=True, slots=True)
class AnsweredTurn:
    """One turn and what came of it."""

    number: str
    """Of the talk, and of the turn in it where it has several, such as ``3.12``."""
    emotion: str
    said: str
    heard: str
    """The words that the model heard; empty where the turn was typed."""
    sounded: str
    """The emotion that it heard; likewise."""
    reply: str


class Mouth:
    """Speaks turns in their emotion, by the styles in which a voice mirrors one."""

    def __init__(self, voice: str, kept: Path | None = None) -> None:
        """Opens a voice.

        Args:
            voice: As `--voice` of the product takes it.
            kept: Folder of the sounds. Some voices never say a sentence twice in the same way:
                several models hear the same sound only if it is kept.
        """
        self._name = voice
        self._voice = open_voice(voice)
        self._policy = load_policy("mirror")
        self._kept = kept

    def say(self, turn: ScriptedTurn) -> Waveform:
        """Returns `turn` at 16 kHz."""
        if self._kept is None:
            return self._spoken(turn)
        text = f"{self._name}\n{turn.emotion.label}\n{turn.said}"
        path = self._kept / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.wav"
        if not path.exists():
            self._kept.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, self._spoken(turn), SPEECH_RATE_HZ)
        samples, _ = soundfile.read(path, dtype="float32")
        return np.asarray(samples, dtype=np.float32)

    def _spoken(self, turn: ScriptedTurn) -> Waveform:
        style = self._policy.style_for(turn.emotion)
        clips = self._voice.synthesize(turn.said, style, Cancel())
        samples = np.concatenate([np.zeros(0, np.float32), *(clip.samples for clip in clips)])
        sound = resample(samples, from_hz=self._voice.sample_rate, to_hz=SPEECH_RATE_HZ)
        return np.pad(sound, round(QUIET_S * SPEECH_RATE_HZ))


def hold(
    model: SpeechModel,
    talk: ScriptedTalk,
    number: str,
    say: Say | None = None,
    *,
    unsaid: int | None = None,
) -> list[AnsweredTurn]:
    """Returns the answered turns of one talk; a turn that fails has an empty reply and is told.

    Args:
        model: Who answers.
        talk: What it is told.
        number: Of the talk.
        say: How a turn becomes sound; the turns are typed where omitted.
        unsaid: Each answer is begun by all words but so many of the last, as in a live talk while
            somebody speaks; None: by all of them.
    """
    dialogue = model.open(Persona())
    answered: list[AnsweredTurn] = []
    for index, turn in enumerate(talk.turns, start=1):
        name = number if len(talk.turns) == 1 else f"{number}.{index}"
        heard = sounded = reply = ""
        try:
            if unsaid is not None and (so_far := turn.said.split()[:-unsaid]):
                for _part in dialogue.expect(" ".join(so_far), lambda: False):
                    pass
            if say is None:
                dialogue.read(turn.said)
            else:
                heard, sounded = _heard(dialogue, say(turn))
            reply = "".join(delta.text for delta in dialogue.reply(Cancel()))
        except EngineFailed as error:
            print(f"  {name}: {error}")
        answered.append(AnsweredTurn(name, turn.emotion.label, turn.said, heard, sounded, reply))
    return answered


def _heard(dialogue: Dialogue, sound: Waveform) -> tuple[str, str]:
    """Returns the words and the emotion that the model hears."""
    words = emotion = ""
    for heard in dialogue.hear(sound, Cancel()):
        if isinstance(heard, Transcript):
            words = heard.text
        elif isinstance(heard, EmotionEstimate):  # pyright: ignore[reportUnnecessaryIsInstance]
            emotion = heard.emotion.label if not heard.abstained else f"({heard.emotion.label})"
    return words, emotion
