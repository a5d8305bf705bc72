"""The record of a conversation: one JSON line and one readable paragraph for each turn."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from assistant.conversation.time_marks import Mark
from assistant.engines.protocols import EmotionEstimate, SpeakingStyle
from assistant.output_file import OutputFile
from assistant.safety import Help, Stage
from models.emotions import EMOTION_LABELS

OF_LISTENING = frozenset({Mark.ENDPOINT, Mark.COMPLETENESS, Mark.PLAYED})
"""Marks that an answer has which somebody waits for; not that to a recording."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EmotionRecord(_Record):
    """What was heard in the voice, as it stands in the transcript."""

    label: str
    """The most probable emotion, also when the model abstained."""
    confidence: float
    abstained: bool
    """Whether the confidence was too low to act on; the reply then treats it as neutral."""
    probabilities: dict[str, float]
    """Of each of the five emotions; they sum to 1."""

    @classmethod
    def of(cls, estimate: EmotionEstimate) -> Self:
        """Returns the record of `estimate`, with four decimals."""
        values = (round(value, 4) for value in estimate.probabilities)
        return cls(
            label=estimate.emotion.label,
            confidence=round(estimate.confidence, 4),
            abstained=estimate.abstained,
            probabilities=dict(zip(EMOTION_LABELS, values, strict=True)),
        )


class StyleRecord(_Record):
    """How the reply was spoken: the fields of `SpeakingStyle`."""

    emotion: str
    intensity: float
    rate: float
    pitch: float
    pitch_range: float
    energy: float
    pause: float

    @classmethod
    def of(cls, style: SpeakingStyle) -> Self:
        """Returns the record of `style`, with three decimals."""
        return cls(
            emotion=style.emotion.label,
            intensity=round(style.intensity, 3),
            rate=round(style.rate, 3),
            pitch=round(style.pitch, 3),
            pitch_range=round(style.pitch_range, 3),
            energy=round(style.energy, 3),
            pause=round(style.pause, 3),
        )


class HelpRecord(_Record):
    """Danger to life that was found in the person's words: the reply is a calm text of ours."""

    topic: str
    """The kind of danger."""
    text: str
    """Where to find help."""
    is_over: bool
    """Whether the person said that the danger is past, or that there was none."""
    is_new: bool = True
    """Whether it was found with this turn, or another kind of it."""
    was_none: bool = False
    """Whether the person said that there was none."""

    @classmethod
    def of(cls, help_: Help) -> Self:
        """Returns the record of `help_`."""
        return cls(
            topic=help_.topic,
            text=help_.text,
            is_over=help_.is_over,
            is_new=help_.stage is Stage.BEGUN,
            was_none=help_.stage is Stage.MISTAKEN,
        )


class TurnRecord(_Record):
    """One exchange: what the person said and how, what was answered and how fast."""

    kind: Literal["turn"] = "turn"
    conversation: int
    """Index of the conversation within the run, from 0."""
    turn: int
    """Index within the conversation, from 0."""
    source: str
    """Name of the sound file, or `text` for a typed question."""
    start_s: float | None
    """Start of the utterance in its file; None for a typed one."""
    end_s: float | None
    words: str
    words_source: str
    """`decoder`, `llm` or `typed`; see `Transcript.source`."""
    words_confidence: float | None
    emotion: EmotionRecord | None
    """None for a typed question."""
    reply: str
    reply_source: str = ""
    """`model`, `written` or `fixed`; see `TextDelta.source`. Empty in older transcripts."""
    help: HelpRecord | None = None
    """None where the reply is the model's."""
    style: StyleRecord
    answer_start_s: float
    """Where the spoken reply starts in the answer's WAV."""
    answer_end_s: float
    latency_ms: dict[str, float]
    """Milliseconds from the end of the utterance (as read) to each mark; see `time_marks.Mark`."""
    settings: dict[str, object] = Field(default_factory=dict)
    """Those it was answered under: model, voice, policy."""


class ConversationRecord(_Record):
    """The head of a transcript: what produced it."""

    kind: Literal["conversation"] = "conversation"
    version: int = 1
    """Of this format."""
    started: str
    """Local time with its zone, ISO 8601."""
    sources: list[str]
    model: str
    voice: str
    policy: str
    settings: dict[str, object] = Field(default_factory=dict)
    """The effective settings of the run."""


def describe_latency(marks_ms: Mapping[str, float]) -> dict[str, float]:
    """Returns the marks of making an answer by name, rounded to a tenth of a millisecond."""
    return {name: round(value, 1) for name, value in marks_ms.items() if name not in OF_LISTENING}


def turn_markdown(record: TurnRecord) -> str:
    """Returns one turn as a readable Markdown paragraph."""
    span = "typed" if record.start_s is None else f"{record.start_s:.1f}-{record.end_s:.1f} s"
    heard = "" if record.emotion is None else f", {describe_emotion(record.emotion)}"
    words = record.words or "(no words understood)"
    return (
        f"**Person** ({span}{heard}): {words}\n\n"
        f"**Attune** ({describe_style(record.style)}): {record.reply}\n"
        + _help_markdown(record)
        + (f"\n*Answered with {describe_settings(record.settings)}.*\n" if record.settings else "")
    )


def _help_markdown(record: TurnRecord) -> str:
    text = shown_help(record)
    return f"\n**Help**: {text}\n" if text else ""


def shown_help(record: TurnRecord) -> str:
    """Returns where to find help, which belongs beside the turn that a danger begins with."""
    return record.help.text if record.help is not None and record.help.is_new else ""


def describe_emotion(emotion: EmotionRecord) -> str:
    """Returns, for example, ``sad 81 %`` or ``unsure (sad 41 %)``."""
    text = f"{emotion.label} {100 * emotion.confidence:.0f} %"
    return f"unsure ({text})" if emotion.abstained else text


def describe_style(style: StyleRecord) -> str:
    """Returns, for example, ``sad, rate 0.88, pitch -1.5, energy -2.0 dB``; plain when neutral."""
    if style.intensity == 0.0:
        return "neutral"
    return (
        f"{style.emotion} {style.intensity:.2f}: rate {style.rate:.2f}, "
        f"pitch {style.pitch:+.1f}, energy {style.energy:+.1f} dB"
    )


def describe_settings(settings: Mapping[str, object]) -> str:
    """Returns, for example, ``model mini, voice flite, policy empathetic, patience 1``."""
    values = (
        (name.replace("_", " "), f"{value:g}" if isinstance(value, float) else value)
        for name, value in settings.items()
    )
    return ", ".join(f"{name} {value}" for name, value in values)


class TranscriptFiles:
    """A transcript on disk in two forms, JSON Lines and Markdown, complete after every turn.

    Raises:
        OutputError: A file cannot be written, for example because the disk is full.
    """

    def __init__(self, base: Path) -> None:
        self.json_path = base.with_suffix(".jsonl")
        self.markdown_path = base.with_suffix(".md")
        self._json = OutputFile(self.json_path)
        self._markdown = OutputFile(self.markdown_path)

    def open_conversation(self, record: ConversationRecord) -> None:
        """Writes the head of a conversation."""
        self._json.append((record.model_dump_json() + "\n").encode())
        title = ", ".join(record.sources) or "typed"
        head = f"model {record.model}, voice {record.voice}, policy {record.policy}"
        self._markdown.append(f"# {title}\n\n{record.started}, {head}\n\n".encode())

    def add(self, record: TurnRecord) -> None:
        """Appends one turn to both files."""
        self._json.append((record.model_dump_json() + "\n").encode())
        self._markdown.append((turn_markdown(record) + "\n").encode())

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes both files."""
        for file in (self._json, self._markdown):
            file.close()


def read_transcript(path: Path) -> list[ConversationRecord | TurnRecord]:
    """Returns the records of a JSON Lines transcript.

    Raises:
        ValueError: A line is no record of this format; the message names file and line.
    """
    records: list[ConversationRecord | TurnRecord] = []
    # Not splitlines: words may hold other line separators.
    lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        try:
            kind = json.loads(line)["kind"]
            record_type = ConversationRecord if kind == "conversation" else TurnRecord
            records.append(record_type.model_validate_json(line))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}, line {number} is no transcript record: {error}") from error
    return records
