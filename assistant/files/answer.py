"""One question, recorded or typed, through model, reply policy and voice."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from assistant.audio.waveform import AudioClip
from assistant.conversation.engines import Engines
from assistant.conversation.latency import Mark, TurnLatency
from assistant.engines.protocols import (
    Cancel,
    Dialogue,
    EmotionEstimate,
    SpeakingStyle,
    TextDelta,
    Transcript,
)
from assistant.safety import SAD, Help, SafetyWatch, reply_of
from assistant.turns.cutter import SpokenTurn
from assistant.voice.sentences import split_sentences
from assistant.voice.speakable import ASK_AGAIN


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one question."""

    estimate: EmotionEstimate | None
    words: Transcript
    reply: str
    style: SpeakingStyle
    latency: TurnLatency
    help: Help | None = None
    """What was said instead of a reply of the model's, to a person in danger."""


def answer_question(
    question: SpokenTurn | str,
    dialogue: Dialogue,
    engines: Engines,
    speak: Callable[[AudioClip], None],
    safety: SafetyWatch | None = None,
) -> Answer:
    """Takes one question through model, policy and voice; `speak` gets each clip as it exists.

    `safety` follows the conversation for danger to life; without it each question is the first.

    Raises:
        EngineFailed: The model or the voice broke; the dialogue can go on.
    """
    cancel = Cancel()
    latency = TurnLatency()
    estimate, words = _heard(question, dialogue, latency)
    help_ = (safety or SafetyWatch(engines.help_finder)).look(words.text)
    style = engines.policy.style(SAD if help_ else estimate)
    pieces: list[str] = []
    for sentence in split_sentences(_pieces(reply_of(dialogue, help_, cancel), latency, pieces)):
        latency.mark(Mark.FIRST_SENTENCE)
        said = help_.to_say(sentence) if help_ else sentence
        for clip in engines.voice.synthesize(said, style, cancel):
            latency.mark(Mark.FIRST_AUDIO)
            speak(clip)
    if Mark.FIRST_AUDIO not in latency.marks_ms:
        pieces.append(f" {ASK_AGAIN}")
        dialogue.replace_reply("".join(pieces).strip())
        for clip in engines.voice.synthesize(ASK_AGAIN, style, cancel):
            latency.mark(Mark.FIRST_AUDIO)
            speak(clip)
    latency.mark(Mark.SPOKEN)
    return Answer(estimate, words, "".join(pieces).strip(), style, latency, help_)


def _heard(
    question: SpokenTurn | str, dialogue: Dialogue, latency: TurnLatency
) -> tuple[EmotionEstimate | None, Transcript]:
    """Takes the question in; returns how it sounds (None if it was typed) and its words."""
    if isinstance(question, str):
        dialogue.read(question)
        return None, Transcript(question, source="typed")
    estimate, words = None, Transcript("")
    for item in dialogue.hear(question.waveform, Cancel()):
        if isinstance(item, EmotionEstimate):
            latency.mark(Mark.HEARD)
            estimate = item
        else:
            latency.mark(Mark.WORDS)
            words = item
    return estimate, words


def _pieces(deltas: Iterator[TextDelta], latency: TurnLatency, pieces: list[str]) -> Iterator[str]:
    """Yields the text of a reply while it is generated; collects it."""
    for delta in deltas:
        latency.mark(Mark.FIRST_TOKEN)
        pieces.append(delta.text)
        yield delta.text
    latency.mark(Mark.REPLY)
