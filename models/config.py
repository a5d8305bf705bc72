"""The shape of a BLSP-Emo model as frozen dataclasses; standard library only."""

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from typing import Any, Literal, TypeVar

from models.emotions import EMOTION_LABELS

FORMAT = "attune-blsp-emo"
"""Value of the key `format` in the `config.json` of our checkpoint layout."""

PROMPT_VERSION = 1
"""Version of the wording in `models/prompts.py`; a checkpoint records the one it was trained on."""

FRAMES_PER_STATE = 2
"""Mel frames that become one encoder state, in every Whisper."""

LONGEST_REPLY = 256
"""Positions that are kept for a reply in the memory that conversations share."""

DEFAULT_PERSONA = "You are Attune, a warm and attentive listener."


@dataclass(frozen=True, slots=True)
class SpeechEncoderConfig:
    """Whisper's shape: the encoder, and the decoder where one fits it."""

    mel_bins: int = 80
    width: int = 1280
    layers: int = 32
    heads: int = 20
    ffn: int = 5120
    max_positions: int = 1500
    """Encoder states of the longest input; Whisper has 50 a second."""
    trained_on_short_inputs: bool = False
    """False: the encoder needs its input padded to `max_positions`, as pretrained Whisper does."""
    trailing_frames: int = 0
    """With `trained_on_short_inputs`: mel frames of silence that follow every input, as in its
    training. The decoder finds the end in them; nothing else is given their states."""
    dropout: float = 0.0
    decoder_layers: int = 0
    """0: the checkpoint has no decoder."""
    decoder_heads: int = 20
    decoder_ffn: int = 5120
    vocabulary: int = 51865
    """Tokens of the decoder."""
    max_target_positions: int = 448

    @property
    def max_frames(self) -> int:
        """Mel frames of the longest input."""
        return FRAMES_PER_STATE * self.max_positions


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """From encoder states to the width of the LLM."""

    kind: Literal["subsampler", "cformer", "words"] = "subsampler"
    """`words`: the embeddings of the words that the decoder writes, and what its states add."""
    kernel_sizes: tuple[int, ...] = (5, 5, 5)
    """`subsampler`: one convolution of stride 2 for each."""
    inner_width: int = 512
    """`subsampler`: width of the bottleneck."""
    hidden_layers: int = 0
    """`subsampler`: transformer layers in the bottleneck; 0 is a GELU."""
    heads: int = 8
    pre_cif_layers: int = 4
    post_cif_layers: int = 4
    vocabulary: int = 0
    """`cformer`: tokens of its own output layer."""


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """Low-rank updates of the LLM's linear layers."""

    rank: int = 16
    alpha: float = 16.0
    dropout: float = 0.0
    targets: tuple[str, ...] = ()
    """Last names of the layers to update; empty: every linear layer of the LLM's blocks."""
    shared_a: tuple[tuple[str, ...], ...] = ()
    """Groups of sibling layers that share their down projection (a fused layer that was split)."""
    scope: Literal["speech", "text", "all"] = "speech"
    """Positions that the updates act on."""


@dataclass(frozen=True, slots=True)
class EmotionHeadConfig:
    """Where the emotion is read from."""

    kind: Literal["mean", "attentive", "spectral", "layers"] = "mean"
    """`mean`: mean speech embedding; `attentive`: attention pooling over all encoder layers;
    `spectral`: convolutions of its own over the log-mel spectrogram; `layers`: a linear layer on
    the statistics of all encoder layers, which needs hundreds of recordings only."""
    hidden: int = 0
    """`attentive`, `spectral`: width of the hidden layer."""
    channels: tuple[int, ...] = (32, 64, 96, 128)
    """`spectral`: of each convolution, which halves time and frequency."""
    dropout: float = 0.0
    members: int = 1
    """`spectral`: heads that were trained apart and whose probabilities are averaged."""
    loudness: float | None = None
    """`spectral`: mean energy of what is spoken, in log10 as of log-mel features, to which every
    utterance is brought: how far a microphone is turned up says nothing of a feeling. None: none is
    changed."""


@dataclass(frozen=True, slots=True)
class CalibrationConfig:
    """From emotion logits to probabilities that can be trusted."""

    temperature: float = 1.0
    """Logits are divided by it before the softmax."""
    threshold: float = 0.0
    """Below this confidence the model abstains."""
    told_from: float = 0.7
    """Probability from which the LLM is told in words of a feeling (`emotion_positions`): fewer are
    told than are acted on, since a reply that names a feeling nobody has is worse than a voice that
    shares one. `benchmarks.emotion` shows how many readers, who feel nothing, are told. With mini's
    head: one or two in 100, and of the actors whom it takes for moved five in six."""


@dataclass(frozen=True, slots=True)
class TurnEndConfig:
    """From the LLM's log-odds of an end after the words so far to those of a finished turn."""

    slope: float = 1.0
    """Factor on the LLM's log-odds."""
    offset: float = 0.0
    """Added to them."""


@dataclass(frozen=True, slots=True)
class WordConfidenceConfig:
    """From how well words fit what was heard to the share of them that is right (logistic).

    A share of 0.2 is a mean log-probability of -1.1. Of 28 utterances of readers, learners, actors
    Whisper tiny.en writes 26 down above it, 25 of them above -0.8, and two below, whose words are
    wrong; of 17 sounds without words 15 lie below it or have none written down, and two cries
    above. `python -m train turn-ends` fits it for the checkpoint at hand.
    """

    decoder: float = 4.0
    """Factor on the decoder's mean log-probability of a token."""
    offset: float = 3.0
    """Added to it."""
    least: float = 0.2
    """Below this share what was said counts as not understood, and is asked back."""


@dataclass(frozen=True, slots=True)
class GuidanceConfig:
    """Replies are led away from what the LLM would answer to anybody (`models.generation`)."""

    weight: float = 0.0
    """How far; 0 does not lead, and costs nothing."""
    question: str = "Well."
    """What is said in the conversation that they are led away from."""
    plausible: float = 0.1
    """Only tokens at least so probable, as a share of the most probable one, can be chosen."""


@dataclass(frozen=True, slots=True)
class ExamplesConfig:
    """Before it answers the LLM reads how others were answered (`models.examples`)."""

    count: int = 0
    """Most exchanges that it reads; 0 reads none. Each costs its prefill."""
    longest: int = 120
    """Characters of one, both sides together."""
    least: float = 0.4
    """How alike what was said in it must be, as the cosine of the two sentences' vectors. Of the
    written exchanges, those below are about something else, and lead away from what was said."""
    answers_from: float | None = None
    """How alike it must be for its written reply to be the answer, where nothing speaks against it
    (`models.examples.replying`); None for never."""


@dataclass(frozen=True, slots=True)
class TranscriptionConfig:
    """How the decoder beside the encoder is prompted and stopped."""

    prompt_ids: tuple[int, ...] = ()
    stop_ids: tuple[int, ...] = ()
    suppressed_ids: tuple[int, ...] = ()
    """Never produced, such as markers of time."""
    no_speech_id: int | None = None
    """Token whose probability at the start of the prompt says that nobody speaks."""
    alignment_heads: tuple[tuple[int, int], ...] = ()
    """Layer and head, from 0, of the attention that follows the sound; empty: not known."""


@dataclass(frozen=True, slots=True)
class PartsConfig:
    """Pretrained parts of the catalogue that complete a checkpoint."""

    speech: str = ""
    """Whisper, of whom encoder and decoder are; empty: the checkpoint has its own."""
    llm: str = ""
    """LLM; likewise."""
    sentences: str = ""
    """Sentence encoder that finds examples; empty: none are shown."""


@dataclass(frozen=True, slots=True)
class BlspEmoConfig:
    """Everything that is needed to build the model before its weights are loaded."""

    llm: dict[str, Any]
    """The LLM's configuration as `transformers` writes it, with `model_type`."""
    speech_encoder: SpeechEncoderConfig = field(default_factory=SpeechEncoderConfig)
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    lora: LoraConfig | None = field(default_factory=LoraConfig)
    emotion_head: EmotionHeadConfig = field(default_factory=EmotionHeadConfig)
    emotion_in_embeddings: bool = False
    """Adds a learnt vector for the estimated emotion to every speech embedding: small encoders do
    not carry emotion to the LLM by themselves. Not with the `mean` head, which reads these."""
    emotion_positions: int = 0
    """With `emotion_in_embeddings` and the adapter `words`: positions of its own, behind the words,
    in which the estimated emotion is told beside what is added to them. They can begin as words."""
    calibration: CalibrationConfig = field(default_factory=CalibrationConfig)
    turn_end: TurnEndConfig = field(default_factory=TurnEndConfig)
    parts: PartsConfig | None = None
    """None: the checkpoint holds all its parameters."""
    transcription: TranscriptionConfig | None = None
    word_confidence: WordConfidenceConfig | None = None
    """None: never fitted; the confidence of words is then what their decoder makes of them."""
    persona: str = DEFAULT_PERSONA
    """System line that the model was trained with."""
    context_tokens: int = 2048
    """Longest conversation that the LLM can hold, in positions."""
    guidance: GuidanceConfig = field(default_factory=GuidanceConfig)
    examples: ExamplesConfig = field(default_factory=ExamplesConfig)
    asks_for_things: bool = True
    """Whether a reply may end with "What's the …?" behind a statement (`models.replies.asking`)."""
    wishes: bool = True
    """Whether sentences such as "I hope you get one soon." may stand behind an answer."""
    talk_tokens: int | None = None
    """Longest conversation that it was trained on well, in positions; beyond it may say anything.
    None: as long as it can hold."""
    talk_turns: int | None = None
    """Likewise in exchanges. None: any number."""
    turn_tokens: int | None = None
    """Longest turn of the person that it answers in whole sentences, in positions. None: half of
    the longest talk."""
    emotion_labels: tuple[str, ...] = EMOTION_LABELS
    prompt_version: int = PROMPT_VERSION

    def __post_init__(self) -> None:
        if self.emotion_labels != EMOTION_LABELS:
            raise ValueError(
                f"emotion_labels is {list(self.emotion_labels)}: this program orders them "
                f"{list(EMOTION_LABELS)}"
            )
        for name, least in (("talk_tokens", 64), ("talk_turns", 1), ("turn_tokens", 16)):
            limit: int | None = getattr(self, name)
            if limit is not None and limit < least:
                raise ValueError(f"{name} is {limit}: at least {least} is needed, or null")
        if self.emotion_in_embeddings and self.emotion_head.kind == "mean":
            raise ValueError("emotion_in_embeddings needs another emotion head than mean")
        if self.emotion_positions < 0:
            raise ValueError(f"emotion_positions is {self.emotion_positions}: at least 0 is needed")
        if self.emotion_positions and not (
            self.emotion_in_embeddings and self.adapter.kind == "words"
        ):
            raise ValueError(
                "emotion_positions needs emotion_in_embeddings and the adapter words: other "
                "embeddings stand for no words behind which there could be some"
            )
        if self.adapter.kind == "words":
            if self.transcription is None or not self.has_decoder:
                raise ValueError("the adapter words needs a decoder that writes them")
            if self.emotion_head.kind == "mean":
                raise ValueError(
                    "the adapter words needs another emotion head than mean: the mean of words "
                    "says nothing of the voice"
                )
        if self.guidance.weight < 0 or not 0 < self.guidance.plausible <= 1:
            raise ValueError(
                f"guidance has the weight {self.guidance.weight} and plausible "
                f"{self.guidance.plausible}: they must be at least 0, and in (0, 1]"
            )
        if self.examples.count < 0 or not 0 <= self.examples.least <= 1:
            raise ValueError(
                f"examples has the count {self.examples.count} and least {self.examples.least}: "
                "they must be at least 0, and in [0, 1]"
            )
        from_ = self.examples.answers_from
        if from_ is not None and not 0 <= from_ <= 1:
            raise ValueError(f"examples has answers_from {from_}: it must be in [0, 1], or null")
        if "model_type" not in self.llm:
            raise ValueError("llm lacks model_type, the architecture that transformers is to build")

    @property
    def longest_talk(self) -> int:
        """Positions of the longest conversation that the LLM follows."""
        return min(self.context_tokens, self.talk_tokens or self.context_tokens)

    @property
    def held_tokens(self) -> int:
        """Positions that the longest conversation holds with the reply that is being made."""
        return min(self.context_tokens, self.longest_talk + LONGEST_REPLY)

    @property
    def longest_turn(self) -> int:
        """Positions that one turn of the person may take."""
        return min(self.longest_talk // 2, self.turn_tokens or self.longest_talk)

    @property
    def has_decoder(self) -> bool:
        """Whether the checkpoint holds a decoder that transcribes."""
        return self.speech_encoder.decoder_layers > 0

    def to_mapping(self) -> dict[str, Any]:
        """Returns plain values for JSON; `from_mapping` gives the same configuration back."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def tiny(
        cls,
        *,
        adapter: Literal["subsampler", "cformer", "words"] = "subsampler",
        emotion_head: Literal["mean", "attentive", "spectral", "layers"] = "mean",
        vocabulary: int = 300,
        short_inputs: bool = True,
        decoder: bool = False,
        lora: bool = True,
        start_ids: tuple[int, ...] = (),
        stop_ids: tuple[int, ...] = (),
    ) -> "BlspEmoConfig":
        """Returns a model of a hundred thousand parameters, for tests and dry runs."""
        return cls(
            llm={
                "model_type": "qwen2",
                "vocab_size": vocabulary,
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "max_position_embeddings": 512,
                "tie_word_embeddings": False,
            },
            speech_encoder=SpeechEncoderConfig(
                width=32,
                layers=2,
                heads=4,
                ffn=64,
                trained_on_short_inputs=short_inputs,
                decoder_layers=1 if decoder else 0,
                decoder_heads=4,
                decoder_ffn=64,
                vocabulary=vocabulary,
                max_target_positions=64,
            ),
            adapter=AdapterConfig(
                kind=adapter,
                kernel_sizes=(3, 3, 3),
                inner_width=16,
                heads=4,
                pre_cif_layers=1,
                post_cif_layers=1,
                vocabulary=vocabulary,
            ),
            lora=LoraConfig(rank=2, alpha=4.0) if lora else None,
            emotion_head=EmotionHeadConfig(kind=emotion_head, hidden=16),
            transcription=TranscriptionConfig(prompt_ids=start_ids, stop_ids=stop_ids)
            if decoder
            else None,
            context_tokens=512,
        )


RETIRED: Mapping[str, tuple[object, ...]] = {
    "speech_encoder.frames_per_state": (2,),
    "emotion_head.statistics_layer": (0,),
    "word_confidence.spelling": (0.0,),
    "word_confidence.words": (0.0,),
    "transcription.tokenizer": ("llm", "whisper"),
}
"""Keys of earlier checkpoints, and the values with which they ask for nothing: such a checkpoint is
read as before, one that asks for what no longer exists is refused."""

T = TypeVar("T")


def from_mapping(kind: type[T], mapping: Mapping[str, Any], *, path: str = "") -> T:
    """Returns the dataclass `kind` filled from `mapping`, strictly.

    Lists become tuples, nested mappings become dataclasses, and every value must have the type
    of its field.

    Raises:
        ValueError: A key is unknown or missing, or a value has the wrong type; the message holds
            its full path.
    """
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in fields(typing.cast(Any, kind))}
    silent = {key for key, value in mapping.items() if value in RETIRED.get(f"{path}{key}", ())}
    unknown = sorted(set(mapping) - set(known) - silent - ({"format"} if not path else set[str]()))
    if unknown:
        raise ValueError(f"unknown key {path}{unknown[0]} in the configuration")
    values: dict[str, Any] = {}
    for name, item in known.items():
        if name in mapping:
            values[name] = _converted(hints[name], mapping[name], f"{path}{name}")
        elif item.default is MISSING and item.default_factory is MISSING:
            raise ValueError(f"the configuration lacks {path}{name}")
    return kind(**values)


def _converted(hint: Any, value: Any, path: str) -> Any:
    """Returns `value` as the type `hint` asks for."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        return _converted(next(a for a in arguments if a is not type(None)), value, path)
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"{path} is {value!r}: use one of {', '.join(map(str, arguments))}")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{path} is {value!r}: a list is expected")
        items = typing.cast(list[Any], value)
        return tuple(_converted(arguments[0], v, f"{path}[{i}]") for i, v in enumerate(items))
    if is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ValueError(f"{path} is {value!r}: a table of settings is expected")
        return from_mapping(typing.cast(Any, hint), typing.cast(Any, value), path=f"{path}.")
    expected = origin or hint
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise ValueError(f"{path} is {value!r}: {expected.__name__} is expected")
    return value
