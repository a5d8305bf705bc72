"""The settings of a session, in the names and shapes of the OpenAI Realtime API (GA).

What is Attune's own lies under `attune`. How a client's changes are laid over them stands in
`ui.realtime.protocol.changes`.
"""

from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from ui.realtime.protocol.formats import G711_RATE_HZ, Encoding

OPENAI_VOICES = frozenset(
    "alloy ash ballad coral echo fable marin cedar nova onyx sage shimmer verse".split()
)
"""Voices of the other service, which its clients name by habit: they mean the default voice."""
BETA_FORMATS = {
    "pcm16": {"type": "audio/pcm"},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
LARGEST_ANSWER_TOKENS = 100_000
MOST_TOOLS = 128


def _nothing(_value: object) -> None:
    return None


NoEffect = Annotated[None, BeforeValidator(_nothing)]
"""A field of the other service without a meaning here: whatever comes becomes null."""


class ConfigPart(BaseModel):
    """A part of a session's settings."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class AudioFormat(ConfigPart):
    """Mono sound: 16-bit little-endian PCM, or G.711 (mu-law and A-law, 8 kHz)."""

    type: Encoding = "audio/pcm"
    rate: Literal[8000, 16000, 24000, 48000] = 24000

    @model_validator(mode="before")
    @classmethod
    def _telephone(cls, value: object) -> object:
        fields = cast(dict[str, Any], value) if isinstance(value, dict) else {}
        if fields.get("type") in ("audio/pcmu", "audio/pcma"):
            return {**fields, "rate": G711_RATE_HZ}
        return cast(object, value)


def beta_name(sound: AudioFormat) -> str:
    """Returns what the beta called a format; its PCM has 24 kHz."""
    return next(name for name, form in BETA_FORMATS.items() if form["type"] == sound.type)


class TurnDetection(ConfigPart):
    """How the end of a turn is found; what is null follows Attune's own endpointing."""

    type: Literal["server_vad", "semantic_vad"] = "semantic_vad"
    threshold: float | None = Field(default=None, ge=0.0, le=1.0)
    prefix_padding_ms: int | None = Field(default=None, ge=0, le=2_000)
    silence_duration_ms: int | None = Field(default=None, ge=32, le=20_000)
    idle_timeout_ms: int | None = Field(default=None, ge=5_000, le=30_000)
    """Of `server_vad` alone: silence after an answer in which the assistant asks who is there."""
    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    create_response: bool = True
    interrupt_response: bool = True


class Transcription(ConfigPart):
    """Presence means that the person's words are wanted; the fields have no effect."""

    model: str | None = None
    language: str | None = None
    prompt: str | None = None
    languages: NoEffect = None
    keywords: NoEffect = None
    delay: NoEffect = None


class AudioInput(ConfigPart):
    """What the client sends."""

    format: AudioFormat = AudioFormat()
    transcription: Transcription | None = Transcription()
    noise_reduction: NoEffect = None
    turn_detection: TurnDetection | None = TurnDetection()


class AudioOutput(ConfigPart):
    """What the client gets."""

    format: AudioFormat = AudioFormat()
    voice: str = Field(default="auto", max_length=64)
    speed: float = Field(default=1.0, ge=0.25, le=1.5)

    @field_validator("voice", mode="before")
    @classmethod
    def _own_voice(cls, value: object) -> object:
        if isinstance(value, dict):
            value = cast(dict[str, Any], value).get("id", "")
        is_other = isinstance(value, str) and (value in OPENAI_VOICES or value == "default")
        return "auto" if is_other else cast(object, value)


class Audio(ConfigPart):
    """Both directions."""

    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()


class AttuneConfig(ConfigPart):
    """Attune's own part of the session."""

    policy: str = Field(default="empathetic", max_length=1_024)
    """A name, or a file of the operator's own."""
    patience: float = Field(default=1.0, ge=0.3, le=5.0)
    view: bool = False
    """Whether `attune.view` events describe the whole picture after each change."""
    keep_words: bool = False
    """The person's consent to keep words and emotions."""
    keep_audio: bool = False
    """The person's consent to keep the sound of the conversation."""


class SessionConfig(ConfigPart):
    """A session as `session.update` changes it and `session.updated` shows it."""

    type: Literal["realtime", "transcription"] = "realtime"
    """One of transcription writes down what is said and answers nothing."""
    model: str = Field(default="", max_length=200)
    instructions: str = Field(default="", max_length=32_000)
    """How much of that a model has room for it says itself."""
    output_modalities: list[Literal["audio", "text"]] = Field(
        default=["audio"], min_length=1, max_length=1
    )
    audio: Audio = Audio()
    attune: AttuneConfig = AttuneConfig()
    tools: list[Any] = Field(default=[], max_length=MOST_TOOLS)
    """Functions that the model may call; `ui.realtime.tools` judges them."""
    tool_choice: Literal["auto", "none", "required"] | dict[str, str] = "auto"
    max_output_tokens: Literal["inf"] | Annotated[int, Field(ge=1, le=LARGEST_ANSWER_TOKENS)] = (
        "inf"
    )
    parallel_tool_calls: NoEffect = None
    include: NoEffect = None
    prompt: NoEffect = None
    reasoning: NoEffect = None
    tracing: NoEffect = None
    truncation: NoEffect = None
    temperature: NoEffect = None

    @field_validator("output_modalities", mode="before")
    @classmethod
    def _spoken_with_words(cls, value: object) -> object:
        """The beta asked for both: speech always comes with its words."""
        values = cast(list[Any], value) if isinstance(value, list) else []
        return ["audio"] if sorted(map(str, values)) == ["audio", "text"] else cast(object, value)

    @property
    def answers(self) -> bool:
        """Whether anything is answered at all."""
        return self.type == "realtime"

    @property
    def speaks(self) -> bool:
        """Whether answers are spoken."""
        return self.output_modalities == ["audio"]

    @property
    def most_tokens(self) -> int | None:
        """Tokens that an answer may have; None where that is the model's own affair."""
        return None if self.max_output_tokens == "inf" else self.max_output_tokens
