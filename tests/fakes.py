"""Scripted engines for tests: they conform to the protocols and need no model and no hardware."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip, Waveform
from assistant.conversation.engines import Engines
from assistant.empathy import load_policy
from assistant.engines.protocols import (
    Cancel,
    CompletenessScorer,
    Dialogue,
    EmotionEstimate,
    Persona,
    SpeakingStyle,
    SpeechModel,
    TextDelta,
    TextToSpeech,
    Transcript,
)
from assistant.engines.tool_calls import COMMON_MARKS
from assistant.errors import EngineFailed
from assistant.safety import HelpFinder
from assistant.voice.speakable import speakable
from models.emotions import Emotion


def certain(emotion: Emotion, confidence: float = 0.92) -> EmotionEstimate:
    """Returns an estimate that is `confidence` sure of `emotion`."""
    rest = (1.0 - confidence) / (len(Emotion) - 1)
    return EmotionEstimate(tuple(confidence if e is emotion else rest for e in Emotion))


class LevelDetector:
    """A voice activity detector that takes anything loud for speech."""

    sample_rate = SPEECH_RATE_HZ
    frame_samples = 512

    def __init__(self) -> None:
        self.resets = 0

    def probability(self, frame: Waveform) -> float:
        return 0.95 if float(np.sqrt(np.mean(frame**2))) > 0.02 else 0.02

    def reset(self) -> None:
        self.resets += 1


class ScriptedModel(SpeechModel):
    """A speech model whose dialogues hear and say what a script says, turn by turn."""

    name = "scripted"

    def __init__(
        self,
        replies: Sequence[str],
        emotions: Sequence[EmotionEstimate] = (),
        failing_turns: Sequence[int] = (),
    ) -> None:
        self.replies = replies
        self.emotions = emotions or [certain(Emotion.NEUTRAL)]
        self.failing_turns = failing_turns
        self.dialogues: list[ScriptedDialogue] = []

    def open(self, persona: Persona) -> "ScriptedDialogue":
        dialogue = ScriptedDialogue(self, persona)
        self.dialogues.append(dialogue)
        return dialogue


class JudgingModel(ScriptedModel):
    """A scripted model that takes every turn for whole to the same degree."""

    def __init__(self, completeness: float) -> None:
        super().__init__(["I am here for you."])
        self.completeness = completeness
        self.opened = 0

    def scorer(self) -> "JudgingModel":
        self.opened += 1
        return self

    def score(self, utterance: Waveform, words: Transcript) -> float:
        return self.completeness


class ScoredModel(ScriptedModel):
    """A scripted model whose turns a scorer judges by the words."""

    def __init__(self, scorer: CompletenessScorer) -> None:
        super().__init__(["I am here for you, tell me more about it."])
        self._scorer = scorer

    def scorer(self) -> CompletenessScorer:
        return self._scorer


class CallingModel(ScriptedModel):
    """A scripted model that may call functions: its script holds the calls as LLMs write them."""

    @property
    def call_marks(self) -> tuple[str, str]:
        return COMMON_MARKS

    def __init__(self, replies: Sequence[str]) -> None:
        super().__init__(replies)
        self.offered: list[list[str]] = []
        """Names of the functions that each dialogue was told."""

    def open(self, persona: Persona) -> "ScriptedDialogue":
        self.offered.append([])
        return super().open(persona)

    def open_with_tools(
        self, persona: Persona, tools: Sequence[dict[str, Any]]
    ) -> "ScriptedDialogue":
        dialogue = self.open(persona)
        self.offered[-1] = [tool["function"]["name"] for tool in tools]
        return dialogue


class WritingModel(ScriptedModel):
    """Writes down the same of whatever is brief, and notes how much it was given, in seconds."""

    def __init__(self, text: str, replies: Sequence[str] = ("Yes.",)) -> None:
        super().__init__(replies)
        self.text = text
        self.lengths_s: list[float] = []

    def transcribe(self, utterance: Waveform) -> Transcript:
        self.lengths_s.append(len(utterance) / SPEECH_RATE_HZ)
        return Transcript(self.text, confidence=0.9)


class ScriptedDialogue(Dialogue):
    """One conversation of a `ScriptedModel`; notes what it was given."""

    def __init__(self, model: ScriptedModel, persona: Persona) -> None:
        self.model = model
        self.persona = persona
        self.utterances: list[Waveform | str] = []
        self.heard_replies: list[str] = []
        self.replaced: list[str] = []
        """Replies that the model did not make."""
        self.given = 0
        """Utterances that it was given, those that were withdrawn too."""

    @property
    def turn(self) -> int:
        return len(self.utterances) - 1

    def hear(self, utterance: Waveform, cancel: Cancel) -> Iterator[EmotionEstimate | Transcript]:
        self.utterances.append(utterance)
        self.given += 1
        if self.given - 1 in self.model.failing_turns:
            raise EngineFailed("the scripted model broke: try again")
        yield self.model.emotions[self.turn % len(self.model.emotions)]
        if not cancel.is_set():
            yield Transcript(f"utterance {self.turn}", confidence=0.9)

    def read(self, text: str) -> None:
        self.utterances.append(text)
        self.given += 1

    def withdraw(self) -> None:
        self.utterances.pop()

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        text = self.model.replies[self.turn % len(self.model.replies)]
        for start in range(0, len(text), 5):
            if cancel.is_set():
                return
            yield TextDelta(text[start : start + 5])

    def replace_reply(self, text: str) -> None:
        self.replaced.append(text)

    def truncate(self, heard: str) -> None:
        self.heard_replies.append(heard)


class ToneVoice:
    """A voice that speaks a tone of 50 ms for each word, in one clip a word."""

    sample_rate = SPEECH_RATE_HZ

    def __init__(self) -> None:
        self.spoken: list[tuple[str, SpeakingStyle]] = []

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        self.spoken.append((text, style))
        time = np.arange(800, dtype=np.float32) / self.sample_rate
        tone = (0.3 * np.sin(2 * np.pi * 220.0 * time)).astype(np.float32)
        for _ in text.split():
            if cancel.is_set():
                return
            yield AudioClip(tone, self.sample_rate)


class WordVoice(ToneVoice):
    """A voice that speaks a tone for each word that can be said, as the real ones do."""

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        yield from super().synthesize(speakable(text), style, cancel)


def scripted(
    model: SpeechModel | None = None,
    *,
    voice: TextToSpeech | None = None,
    judge: CompletenessScorer | None = None,
    help_finder: HelpFinder | None = None,
) -> Engines:
    """Returns engines that need nothing; `judge` judges turns by the sound."""
    return Engines(
        model or ScriptedModel(["I am here for you, tell me more about it."]),
        voice or ToneVoice(),
        load_policy("empathetic"),
        LevelDetector(),
        "tone",
        help_finder,
        judge=judge,
    )


def speech_like(
    *spans_s: tuple[float, float], length_s: float, rate: int = SPEECH_RATE_HZ
) -> Waveform:
    """Returns quiet noise with louder, voiced-like sound in the given spans."""
    random = np.random.default_rng(7)
    time = np.arange(round(length_s * rate)) / rate
    waveform = 0.0005 * random.standard_normal(len(time))
    for start_s, end_s in spans_s:
        inside = (time >= start_s) & (time < end_s)
        waveform[inside] += 0.2 * np.sign(np.sin(2 * np.pi * 140.0 * time[inside]))
    return waveform.astype(np.float32)
