"""Wizard of Oz: a dialogue that hears as its model does, and says what an experimenter writes."""

from collections import deque
from collections.abc import Iterator

from assistant.audio.waveform import Waveform
from assistant.engines.protocols import (
    Cancel,
    Dialogue,
    EmotionEstimate,
    Persona,
    SpeechModel,
    TextDelta,
    Transcript,
)

MOST_LINES = 20


class WizardModel(SpeechModel):
    """A speech model for one conversation whose replies are an experimenter's lines."""

    def __init__(self, model: SpeechModel) -> None:
        """Hears by `model`."""
        self.name = model.name
        self.lines: deque[str] = deque(maxlen=MOST_LINES)
        """What is said next, one line a turn."""
        self._model = model

    def open(self, persona: Persona) -> "WizardDialogue":
        """Starts the conversation."""
        return WizardDialogue(self._model.open(persona), self.lines)


class WizardDialogue(Dialogue):
    """One conversation of a `WizardModel`."""

    def __init__(self, dialogue: Dialogue, lines: deque[str]) -> None:
        """Hears by `dialogue`, says `lines`."""
        self._dialogue, self._lines = dialogue, lines

    @property
    def is_shortened(self) -> bool:
        """See `Dialogue.is_shortened`."""
        return self._dialogue.is_shortened

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        """See `Dialogue.hear`."""
        return self._dialogue.hear(utterance, cancel)

    def read(self, text: str) -> None:
        """See `Dialogue.read`."""
        self._dialogue.read(text)

    def withdraw(self) -> None:
        """See `Dialogue.withdraw`."""
        self._dialogue.withdraw()

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        """Says the next line of the experimenter."""
        line = self._lines.popleft() if self._lines else ""
        self._dialogue.replace_reply(line)
        yield TextDelta(line)

    def replace_reply(self, text: str) -> None:
        """See `Dialogue.replace_reply`."""
        self._dialogue.replace_reply(text)

    def truncate(self, heard: str) -> None:
        """See `Dialogue.truncate`."""
        self._dialogue.truncate(heard)
