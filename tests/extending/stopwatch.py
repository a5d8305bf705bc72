"""A speech model: hears how long somebody spoke, and says so."""

from collections.abc import Iterator

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.engines.protocols import (
    Cancel,
    Dialogue,
    EmotionEstimate,
    Persona,
    SpeechModel,
    TextDelta,
    Transcript,
)
from assistant.engines.settings import GenerationSettings, ModelSettings


class Stopwatch(SpeechModel):
    """Needs no checkpoint: `--model` is its name and nothing else."""

    def __init__(self, source: str, run: ModelSettings, generation: GenerationSettings) -> None:
        self.name = source

    def open(self, persona: Persona) -> "StopwatchDialogue":
        """Starts a conversation."""
        return StopwatchDialogue()


class StopwatchDialogue(Dialogue):
    """One conversation; remembers nothing but the last utterance."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        """Yields that it was said calmly, in words that nobody knows."""
        self._seconds = len(utterance) / SPEECH_RATE_HZ
        yield EmotionEstimate((0.96, 0.01, 0.01, 0.01, 0.01))
        yield Transcript("something", confidence=0.5)

    def read(self, text: str) -> None:
        """Nobody spoke."""
        self._seconds = 0.0

    def withdraw(self) -> None:
        """Forgets the utterance."""
        self._seconds = 0.0

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        """Says how long it was."""
        yield TextDelta(f"You spoke for {self._seconds:.0f} seconds.")

    def replace_reply(self, text: str) -> None:
        """Nothing goes on from a reply."""

    def truncate(self, heard: str) -> None:
        """Nothing goes on from what was heard of it."""
