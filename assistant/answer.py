"""One question, recorded or typed, through model, reply policy and voice."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from assistant.audio import AudioClip
from assistant.empathy import ReplyPolicy
from assistant.engines.protocols import (
    Cancel,
    Dialogue,
    EmotionEstimate,
    SpeakingStyle,
    SpeechModel,
    TextToSpeech,
    Transcript,
    VoiceActivityDetector,
)
from assistant.latency import Mark, TurnLatency
from assistant.sentences import split_sentences
from assistant.speakable import ASK_AGAIN
from assistant.turns import SpokenTurn


@dataclass(frozen=True, slots=True)
class Engines:
    """What a run answers with."""

    model: SpeechModel
    voice: TextToSpeech
    policy: ReplyPolicy
    detector: VoiceActivityDetector
    voice_name: str
    """The engine that speaks, such as `flite`, also where `auto` chose it."""

    def close(self) -> None:
        """Ends the threads and processes of the engines."""
        for engine in (self.voice, self.model, self.detector):
            close(engine)


def close(engine: object) -> None:
    """Ends the threads and processes of an engine, if it has any."""
    end = getattr(engine, "close", None)
    if end is not None:
        end()


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one question."""

    estimate: EmotionEstimate | None
    words: Transcript
    reply: str
    style: SpeakingStyle
    latency: TurnLatency


def answer_question(
    question: SpokenTurn | str,
    dialogue: Dialogue,
    engines: Engines,
    speak: Callable[[AudioClip], None],
) -> Answer:
    """Takes one question through model, policy and voice; `speak` gets each clip as it exists.

    Raises:
        EngineFailed: The model or the voice broke; the dialogue can go on.
    """
    cancel = Cancel()
    latency = TurnLatency()
    listening = _Listening(question, dialogue, latency)
    estimate = listening.begin(cancel)
    style = engines.policy.style(estimate)
    pieces: list[str] = []
    for sentence in _sentences(dialogue, cancel, latency, pieces):
        for clip in engines.voice.synthesize(sentence, style, cancel):
            latency.mark(Mark.FIRST_AUDIO)
            speak(clip)
        listening.finish()
    listening.finish()
    if Mark.FIRST_AUDIO not in latency.marks_ms:
        pieces.append(f" {ASK_AGAIN}")
        for clip in engines.voice.synthesize(ASK_AGAIN, style, cancel):
            latency.mark(Mark.FIRST_AUDIO)
            speak(clip)
    latency.mark(Mark.SPOKEN)
    return Answer(estimate, listening.words, "".join(pieces).strip(), style, latency)


class _Listening:
    """Takes a question in: what the reply needs first, the words after its first sentence."""

    def __init__(
        self, question: SpokenTurn | str, dialogue: Dialogue, latency: TurnLatency
    ) -> None:
        self.words = Transcript("")
        self._question = question
        self._dialogue = dialogue
        self._latency = latency
        self._items: Iterator[EmotionEstimate | Transcript] = iter(())

    def begin(self, cancel: Cancel) -> EmotionEstimate | None:
        """Returns how the question sounds, as soon as it can be answered."""
        if isinstance(self._question, str):
            self.words = Transcript(self._question, source="typed")
            self._dialogue.read(self._question)
            return None
        self._items = self._dialogue.hear(self._question.waveform, cancel)
        return self._next_estimate()

    def finish(self) -> None:
        """Takes in the words, if they are not known yet."""
        self._next_estimate()

    def _next_estimate(self) -> EmotionEstimate | None:
        for item in self._items:
            if isinstance(item, EmotionEstimate):
                self._latency.mark(Mark.HEARD)
                return item
            self._latency.mark(Mark.WORDS)
            self.words = item
        return None


def _sentences(
    dialogue: Dialogue, cancel: Cancel, latency: TurnLatency, pieces: list[str]
) -> Iterator[str]:
    """Yields the speakable sentences of a reply while it is generated; collects its text."""

    def deltas() -> Iterator[str]:
        for delta in dialogue.reply(cancel):
            latency.mark(Mark.FIRST_TOKEN)
            pieces.append(delta.text)
            yield delta.text
        latency.mark(Mark.REPLY)

    for sentence in split_sentences(deltas()):
        latency.mark(Mark.FIRST_SENTENCE)
        yield sentence
