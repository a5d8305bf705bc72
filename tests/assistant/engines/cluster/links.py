"""Ways to replicas that live in this process, and die when they are told to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from assistant.audio.waveform import Waveform
from assistant.engines.cluster.course import VERSION, Abilities
from assistant.engines.cluster.link import ReplicaLost
from assistant.engines.cluster.serving import ServedTalks
from assistant.engines.protocols import Cancel, SpeechModel, TextToSpeech


class ReplicaHere:
    """A replica of a speech model."""

    def __init__(self, model: SpeechModel, *, kept: int = 8) -> None:
        self.model = model
        self.talks = ServedTalks(model, kept=kept)

    def abilities(self) -> Abilities:
        return Abilities(VERSION, "here", self.model.call_marks)

    def transcribe(self, utterance: Waveform) -> Any:
        return self.model.transcribe(utterance)

    def weigh(self, utterance: Waveform, phrases: Any) -> Any:
        return self.model.weigh(utterance, phrases)

    def hear(self, course: Any, asked: Any, cancel: Cancel) -> Iterator[Any]:
        return self.talks.hear(course, asked, cancel)

    def reply(self, course: Any, begun: str, cancel: Cancel) -> Iterator[Any]:
        return self.talks.reply(course, begun, cancel)


class VoiceHere:
    """A replica of a voice."""

    def __init__(self, voice: TextToSpeech) -> None:
        self.voice = voice

    def rate_hz(self) -> int:
        return self.voice.sample_rate

    def speak(self, text: str, style: Any, cancel: Cancel) -> Iterator[Any]:
        return self.voice.synthesize(text, style, cancel)


@dataclass
class LinkHere:
    """Sends to the first replica that lives; each request may be the last one of its replica."""

    replicas: list[Any]
    dies_after: dict[str, int] = field(default_factory=dict[str, int])
    """By method: items that the replica yields before it dies, once."""
    asked: list[str] = field(default_factory=list[str])
    tries: list[int] = field(default_factory=list[int])
    """With each of `asked`: how many replicas the conversation had lost before."""

    def call(self, method: str, *arguments: Any) -> Any:
        if not self.replicas:
            raise ReplicaLost("none is left")
        return getattr(self.replicas[0], method)(*arguments)

    def stream(
        self, method: str, talk: str, cancel: Cancel, *arguments: Any, tries: int = 0
    ) -> Iterator[Any]:
        self.asked.append(method)
        self.tries.append(tries)
        if not self.replicas:
            raise ReplicaLost("none is left")
        items = getattr(self.replicas[0], method)(*arguments, cancel)
        left = self.dies_after.pop(method, None)
        for item in items:
            if left == 0:
                self.replicas.pop(0)
                raise ReplicaLost("it died")
            left = None if left is None else left - 1
            yield item
            if cancel.is_set():
                return
