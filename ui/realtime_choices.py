"""Engines that a session may exchange while it lasts."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from assistant.audio import AudioClip, Waveform
from assistant.empathy import ReplyPolicy
from assistant.engines.protocols import (
    Cancel,
    CompletenessScorer,
    Dialogue,
    EmotionEstimate,
    JudgesTurns,
    Persona,
    Shortens,
    SpeakingStyle,
    SpeechModel,
    TextDelta,
    TextToSpeech,
    Transcribes,
    Transcript,
    WeighsPhrases,
)


class ChosenDialogue:
    """A dialogue that is opened with its first turn: until then model and persona may change.

    It also judges whether a turn is whole, by a scorer of the same model that is its own.
    """

    def __init__(self, model: SpeechModel, instructions: str) -> None:
        self._model, self._instructions = model, instructions
        self._dialogue: Dialogue | None = None
        self._scorer: CompletenessScorer | None = None

    @property
    def is_open(self) -> bool:
        """Whether the first turn has been taken in."""
        return self._dialogue is not None

    @property
    def is_shortened(self) -> bool:
        """See `Shortens.is_shortened`."""
        return isinstance(self._dialogue, Shortens) and self._dialogue.is_shortened

    def choose(self, model: SpeechModel, instructions: str) -> None:
        """Takes another model or persona; to be called before the first turn only."""
        self._model, self._instructions = model, instructions

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        """See `Dialogue.hear`."""
        return self._opened().hear(utterance, cancel)

    def read(self, text: str) -> None:
        """See `Dialogue.read`."""
        self._opened().read(text)

    def withdraw(self) -> None:
        """See `Dialogue.withdraw`."""
        self._opened().withdraw()

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        """See `Dialogue.reply`."""
        return self._opened().reply(cancel)

    def replace_reply(self, text: str) -> None:
        """See `Dialogue.replace_reply`."""
        self._opened().replace_reply(text)

    def truncate(self, heard: str) -> None:
        """See `Dialogue.truncate`."""
        self._opened().truncate(heard)

    def score(self, utterance: Waveform, words: Transcript) -> float | None:
        """See `CompletenessScorer.score`; None where the model does not judge turns."""
        self._opened()
        return self._scorer.score(utterance, words) if self._scorer is not None else None

    def transcribe(self, utterance: Waveform) -> Transcript:
        """See `Transcribes.transcribe`; nothing where the model does not write anything down."""
        model = self._model
        return model.transcribe(utterance) if isinstance(model, Transcribes) else Transcript("")

    def weigh(self, utterance: Waveform, phrases: Sequence[str]) -> Sequence[float] | None:
        """See `WeighsPhrases.weigh`; None where the model does not weigh phrases."""
        model = self._model
        return model.weigh(utterance, phrases) if isinstance(model, WeighsPhrases) else None

    def _opened(self) -> Dialogue:
        if self._dialogue is None:
            model = self._model
            self._dialogue = model.open(Persona(self._instructions or None))
            if isinstance(model, JudgesTurns):
                self._scorer = model.scorer()
        return self._dialogue


class ChosenVoice:
    """One of several voices, at a speed of the client's choice; or none, for answers in text."""

    def __init__(self, voices: Mapping[str, TextToSpeech], name: str) -> None:
        self._voices = voices
        self.speed = 1.0
        self.speaks = True
        self.choose(name)

    def choose(self, name: str) -> None:
        """Speaks with another voice from now on; to be called while no answer is under way."""
        self._voice = self._voices[name]
        self.sample_rate = self._voice.sample_rate

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        """See `TextToSpeech.synthesize`."""
        if not self.speaks:
            return iter(())
        style = dataclasses.replace(style, rate=style.rate * self.speed)
        return self._voice.synthesize(text, style, cancel)


class ChosenPolicy:
    """A reply policy that may be exchanged at any time."""

    def __init__(self, policy: ReplyPolicy) -> None:
        self.policy = policy

    def style(self, estimate: EmotionEstimate | None) -> SpeakingStyle:
        """See `ReplyPolicy.style`."""
        return self.policy.style(estimate)
