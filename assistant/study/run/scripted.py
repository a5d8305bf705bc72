"""Engines by a script, to try a study's pages and tables in seconds: nobody should talk to them.

They go through the same conversation loop as real ones. A study that was run with them says so in
`runs.jsonl` and in its export.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip, Waveform
from assistant.engines.protocols import (
    Cancel,
    Dialogue,
    EmotionEstimate,
    Persona,
    SpeakingStyle,
    SpeechModel,
    TextDelta,
    Transcript,
)
from models.emotions import Emotion

REPLIES = ("I hear you.", "Tell me more.", "Thank you for saying that.")
WORD_S = 0.06
HUM_HZ = 180.0


class ScriptedModel(SpeechModel):
    """A speech model that understands nothing and answers in turn what `REPLIES` hold."""

    name = "scripted"

    def open(self, persona: Persona) -> "ScriptedDialogue":
        """Starts a conversation."""
        return ScriptedDialogue()

    def transcribe(self, utterance: Waveform) -> Transcript:
        """Takes whatever was said for the word that was asked for."""
        return Transcript("seven", confidence=1.0)

    def weigh(self, utterance: Waveform, phrases: Sequence[str]) -> Sequence[float] | None:
        """Cannot tell phrases apart."""
        return None


class ScriptedDialogue(Dialogue):
    """One conversation of a `ScriptedModel`."""

    def __init__(self) -> None:
        self._turns = 0

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        """Estimates an emotion from the length of the sound, so that all of them come up."""
        self._turns += 1
        heard = Emotion((len(utterance) // 512 + self._turns) % len(Emotion))
        rest = 0.2 / (len(Emotion) - 1)
        yield EmotionEstimate(tuple(0.8 if emotion is heard else rest for emotion in Emotion))
        yield Transcript(f"utterance {self._turns}", confidence=0.9)

    def read(self, text: str) -> None:
        """Takes a typed utterance in."""
        self._turns += 1

    def withdraw(self) -> None:
        """Forgets the last utterance."""
        self._turns -= 1

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        """Answers."""
        yield TextDelta(REPLIES[self._turns % len(REPLIES)])

    def replace_reply(self, text: str) -> None:
        """Takes another reply in its place."""

    def truncate(self, heard: str) -> None:
        """Keeps of the last reply what was heard of it."""


class HummingVoice:
    """A voice that hums for as long as a hasty speaker would need."""

    sample_rate = SPEECH_RATE_HZ

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        """Hums one clip a word, at the pitch and pace of the style."""
        length = round(WORD_S / style.rate * self.sample_rate)
        time_s = np.arange(length, dtype=np.float32) / self.sample_rate
        pitch_hz = HUM_HZ * 2 ** (style.pitch / 12)
        hum = (0.1 * np.sin(2 * np.pi * pitch_hz * time_s)).astype(np.float32)
        for _ in text.split():
            if cancel.is_set():
                return
            yield AudioClip(hum, self.sample_rate)
