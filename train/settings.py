"""Settings of the training commands: one frozen record each; defaults, then TOML, then flags."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

import tyro
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from command_line.options import MAY_BE_EMPTY
from models.checkpoints.embedded import EMBEDDED
from models.prompts import CONTINUE

Instruction = Annotated[str, MAY_BE_EMPTY]
"""What stands before words or speech; empty: nothing."""

_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def duration_s(text: str) -> float:
    """Returns the seconds in a duration such as ``90s``, ``60min``, ``1.5h`` or ``2d``.

    Raises:
        ValueError: `text` is no positive number followed by one of those units.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|h|d)\s*", text)
    if match is None or float(match[1]) <= 0:
        raise ValueError(f"{text!r} is no duration: write a number and s, min, h or d, like 60min")
    return float(match[1]) * _SECONDS[match[2]]


class Frozen(BaseModel):
    """Base of all settings: frozen, unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class LoopSettings(Frozen):
    """How the training loop runs, whatever it trains."""

    epochs: int = Field(default=1, ge=1)
    """Passes over the training data; `max_steps` and `budget` may end it earlier."""
    max_steps: int = Field(default=0, ge=0)
    """Optimiser steps after which training ends; 0: no limit."""
    budget: str = ""
    """Training time after which it ends well, over all resumed parts: 90s, 60min, 2h. The learning
    rate decays to the end of whichever limit comes first. Empty: no limit."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """`muon` orthogonalises the updates of hidden matrices: small models learn in fewer steps."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Peak learning rate."""
    final_fraction: float = Field(default=0.0, ge=0, le=1)
    """Learning rate at the end, as a share of the peak."""
    warmup_steps: int = Field(default=100, ge=0)
    """Optimiser steps of linear warm-up."""
    decay: Literal["cosine", "linear", "constant", "late"] = "cosine"
    """Course after the warm-up; `late` holds the peak and falls linearly in the last fifth."""
    weight_decay: float = Field(default=0.05, ge=0)
    """AdamW weight decay of matrices; vectors (biases, norms) have none."""
    betas: tuple[float, float] = (0.9, 0.98)
    """AdamW moment decays."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Largest gradient norm; larger gradients are scaled down to it."""
    accumulate: int = Field(default=1, ge=1)
    """Batches whose gradients are averaged for one optimiser step."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Compute type of the forward pass (autocast); weights stay as they are."""
    seed: int = 1
    """Seed of the order of batches, of augmentation and of dropout."""
    workers: int = Field(default=0, ge=0)
    """Processes that load batches ahead; 0 loads between the steps."""
    log_every: int = Field(default=20, ge=1)
    """Optimiser steps between two log lines."""
    evaluate_every: int = Field(default=500, ge=1)
    """Optimiser steps between two validations; the last step is always validated."""
    save_every: str = "2min"
    """Training time between two saved states."""
    keep_states: int = Field(default=1, ge=1)
    """Saved states kept; older ones are removed."""
    max_bad_batches: int = Field(default=10, ge=0)
    """Batches with a loss or gradient that is not finite after which training stops."""
    max_unreadable: int = Field(default=100, ge=0)
    """Items that could not be loaded after which training stops."""
    device: Literal["auto", "cpu"] = "auto"
    """`auto` takes the accelerator where there is one."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time."""

    @field_validator("budget", "save_every")
    @classmethod
    def _check_duration(cls, value: str) -> str:
        if value:
            duration_s(value)
        return value

    @property
    def budget_s(self) -> float | None:
        """The budget in seconds; None without one."""
        return duration_s(self.budget) if self.budget else None

    @property
    def save_every_s(self) -> float:
        """Seconds between two saved states."""
        return duration_s(self.save_every) if self.save_every else float("inf")


class StartSettings(Frozen):
    """What a new model is put together from."""

    speech: str = ""
    """Whisper that a new model hears with (folder, hub id, or a part such as whisper-tiny.en); with
    `llm` and instead of `model`."""
    llm: str = ""
    """Causal LLM that a new model answers with: a folder, a hub id, or a part such as
    qwen2.5-coder-1.5b."""
    adapter: Literal["subsampler", "cformer", "words"] = "subsampler"
    """Adapter of a new model. words: the LLM is given what Whisper's decoder writes, and what the
    decoder's states add to it; with emotion_head attentive."""
    adapter_width: int = Field(default=512, ge=1)
    """Width of the bottleneck in a new model's adapter."""
    emotion_head: Literal["mean", "attentive"] = "mean"
    """Emotion head of a new model: of the published checkpoint, or pooling over encoder layers."""
    emotion_vectors: bool = False
    """A new model's LLM is given a learnt vector for the heard emotion with every embedding; not
    with emotion_head mean."""
    lora_rank: int = Field(default=16, ge=0)
    """Rank of partial LoRA in a new model; 0: none."""
    lora_targets: tuple[str, ...] = ()
    """Linear layers of the LLM that partial LoRA acts on; empty: all."""
    persona: str = ""
    """System line; empty: that of the checkpoint."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Number format of frozen weights; what trains is float32 always."""


class AssembleSettings(StartSettings):
    """A checkpoint of a pretrained Whisper and a pretrained LLM, without any training."""

    updates: Path | None = None
    """Folder `best` of a run of `language` with the weights of a part in int8: what it taught that
    part, which `llm` must name. The checkpoint holds these updates, and takes the part beside."""
    updates_share: float = Field(default=1.0, gt=0, le=1)
    """How far the LLM is moved towards what it was taught: with less than all of it, it keeps more
    of what it knew."""
    out: Path = Path()
    """Folder of the checkpoint; must not exist."""
    talk_tokens: int | None = Field(default=None, ge=64)
    """Longest conversation that the LLM was taught on, in positions; empty: as long as it can."""
    talk_turns: int | None = Field(default=None, ge=1)
    """Likewise in exchanges."""
    turn_tokens: int | None = Field(default=None, ge=16)
    """Longest turn of the person that it answers well, in positions; empty: half of a talk."""
    guidance: float = Field(default=0.0, ge=0)
    """How far replies are led away from what the LLM would answer to anybody; 0: not at all."""


class AlignSettings(StartSettings):
    """Settings that semantic and emotion alignment share."""

    run: Path = Path("runs/alignment")
    """Run folder: resumed where it exists. `best` and `last` in it are checkpoints to talk to."""
    model: str = ""
    """Checkpoint that training starts from: a folder or a hub id."""
    train: tuple[Path, ...] = ()
    """Manifests with continuations."""
    shares: tuple[float, ...] = ()
    """Share of each manifest in what is drawn; empty: by their sizes."""
    splits: tuple[Literal["train", "dev", "test"], ...] = ("train", "dev", "test")
    """Splits of the training manifests that are trained on; ("train",) keeps the rest for tests."""
    valid: tuple[Path, ...] = ()
    """Validation manifests; empty: `valid_share` of the training speakers is held back."""
    valid_share: float = Field(default=0.03, gt=0, lt=0.5)
    """Share of the utterances in the speaker-disjoint validation set."""
    balance_emotions: bool = False
    """Draw each emotion equally often."""
    text_instruction: str = ""
    """Stands before the words in the text view; `{emotion}` becomes the label."""
    speech_instruction: str = ""
    """Stands before the speech."""
    emotion_in_text: bool = True
    """The system line of the text view says how the person sounds."""
    emotion_told: Literal["label", "heard", "none"] = "label"
    """What a model with emotion vectors is told in training: the label, what its emotion head
    hears, which lets the replies teach the head, or that all are as probable."""
    weights: dict[str, float] = Field(default_factory=dict[str, float])
    """Weight of each loss term; empty: the paper's. Terms: response_ce, response_kl, input_kl,
    input_er, cif and what else stands in `train.alignment.terms`."""
    trains: tuple[str, ...] = ()
    """Parts of the model that train; empty: the paper's."""
    temperature: float = Field(default=2.0, gt=0)
    """Softens both distributions of response_kl."""
    max_tokens: int = Field(default=256, ge=8)
    """Longest text view with its continuation; longer examples are dropped and counted."""
    longest_s: float = Field(default=30.0, gt=0, le=30)
    """Longest utterance; longer ones are dropped and counted."""
    batch_size: int = Field(default=8, ge=1)
    """Most utterances in a batch of one process."""
    batch_s: float = Field(default=0.0, ge=0)
    """Most seconds of padded audio in a batch; 0: no limit."""
    check_audio: bool = True
    """Open every audio file before training starts."""
    dry_run: bool = False
    """Check paths, shapes and memory, run one step of the longest batch, and stop."""
    loop: LoopSettings = LoopSettings()
    """The training loop."""

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.model and (self.speech or self.llm):
            raise ValueError("give model, or speech and llm, not both")
        if len(self.shares) not in (0, len(self.train)):
            raise ValueError(f"{len(self.shares)} shares for {len(self.train)} manifests")
        return self


class SemanticSettings(AlignSettings):
    """Semantic alignment: speech is taught to continue as its words do (stage 1)."""

    run: Path = Path("runs/semantic")
    """Run folder: resumed where it exists. `best` and `last` in it are checkpoints to talk to."""
    text_instruction: Instruction = CONTINUE
    """Stands before the words in the text view, as `continue` asked for what follows them."""
    speech_instruction: Instruction = CONTINUE
    """Stands before the speech."""
    emotion_in_text: bool = False
    """The system line of the text view says how the person sounds."""


class EmotionSettings(AlignSettings):
    """Emotion alignment: replies are taught to fit words and voice (stage 2)."""

    run: Path = Path("runs/emotion")
    """Run folder: resumed where it exists. `best` and `last` in it are checkpoints to talk to."""


class ContinueSettings(Frozen):
    """An LLM writes what is to be said to each utterance: what alignment teaches."""

    manifest: Path | None = None
    """Manifest with the words of each utterance."""
    out: Path | None = None
    """Manifest with continuations, in the same folder; empty: beside it as *.continued.jsonl."""
    llm: str = ""
    """Causal LLM (folder or hub id), or a checkpoint of ours."""
    server: str = ""
    """OpenAI-compatible server instead, such as http://localhost:8000/v1."""
    server_model: str = "default"
    """Name of the model on the server."""
    key: Annotated[str, tyro.conf.Suppress] = Field(default="", exclude=True, repr=False)
    """Of the server; from the environment variable OPENAI_API_KEY."""
    persona: str = ""
    """System line; empty: the checkpoint's, or that of a helpful assistant."""
    instruction: Instruction = CONTINUE
    """Stands before the words; `{emotion}` becomes the label. Empty: the LLM simply replies."""
    emotion_in_text: bool = False
    """The system line says how the person sounds."""
    longest_tokens: int = Field(default=48, ge=1)
    """Longest continuation; a longer one is cut and marked, and never teaches the end."""
    batch_size: int = Field(default=16, ge=1)
    """Utterances written at once."""
    check_audio: bool = False
    """Open every audio file first."""

    @property
    def needs_emotion(self) -> bool:
        """Whether utterances without an emotion cannot be continued."""
        return self.emotion_in_text or "{emotion}" in self.instruction


class HearSettings(Frozen):
    """A Whisper writes down what it hears of each utterance: what its LLM will be given in a talk.

    Alignment with the adapter `words` gives the LLM these words, errors and all, while the text
    view holds those of the manifest: so the LLM learns to answer what was meant.
    """

    manifest: Path | None = None
    """Manifest whose utterances are heard."""
    out: Path | None = None
    """Manifest with what was heard, in the same folder; empty: beside it as *.heard.jsonl."""
    model: str = ""
    """Checkpoint that hears: a folder or a hub id."""
    speech: str = ""
    """Whisper that a new model will hear with, instead of `model`; with `llm`."""
    llm: str = ""
    """LLM that it will answer with."""
    check_audio: bool = False
    """Open every audio file first."""


class PrepareSettings(Frozen):
    """A corpus in its original layout becomes a manifest, with a summary and a plot."""

    corpus: tyro.conf.Positional[str] = ""
    """Name of the corpus, such as librispeech, ravdess, iemocap or meld."""
    folder: tyro.conf.Positional[Path] = Path()
    """Its folder, or a zip or tar of it; shards inside the folder are read, too."""
    out: Path | None = None
    """The manifest; empty: manifests/CORPUS.jsonl."""
    longest_s: float = Field(default=30.0, gt=0)
    """Longest utterance; longer ones are dropped and counted."""
    check_audio: bool = True
    """Open every file for its duration; without it missing durations stay 0."""
    test_speakers: tuple[str, ...] = ()
    """Speakers of the test split, as the manifest names them, such as ravdess-17."""


class EvaluateSettings(Frozen):
    """A model is measured on test manifests: figures with sample counts and 95 % intervals."""

    model: str = EMBEDDED
    """Checkpoint: a folder, a hub id, or the one that ships with Attune (mini)."""
    manifests: tuple[Path, ...] = ()
    """Test manifests; each is a row of figures."""
    split: Literal["train", "dev", "test", "all"] = "all"
    """Which of their utterances count."""
    figures: tuple[Literal["emotion", "asked", "words", "replies", "judged", "delay"], ...] = (
        "emotion",
        "words",
    )
    """emotion: the head's accuracy and calibration. asked: the LLM names the emotion when asked
    (the paper's protocol). words: word error rate. replies: BLEU-1 against the manifest's
    continuations, endings and repetitions. judged: a judge scores the replies. delay: from the end
    of speech to the first text of the reply; OMP_NUM_THREADS=1 for one thread."""
    by_speaker: bool = False
    """A row of figures for each speaker, too."""
    noise_db: float | None = None
    """Pink noise is added this many decibels below the speech, the same in each run."""
    trained_on: tuple[Path, ...] = ()
    """Manifests with continuations; `replies` then counts replies that stand in them word for
    word."""
    out: Path = Path("runs/evaluation")
    """Folder of figures.json, figures.md, calibration.png and every single answer."""
    limit: int = Field(default=0, ge=0)
    """Utterances of each manifest, drawn once with a fixed seed; 0: all."""
    longest_tokens: int = Field(default=96, ge=1)
    """Longest reply."""
    judge: str = ""
    """OpenAI-compatible server whose model judges replies, such as http://localhost:8000/v1."""
    judge_model: str = "default"
    """Name of the judging model; it is written beside its scores."""
    key: Annotated[str, tyro.conf.Suppress] = Field(default="", exclude=True, repr=False)
    """Of the judge; from the environment variable OPENAI_API_KEY."""
    device: str = "auto"
    """cpu, cuda, or auto."""


class TurnEndSettings(Frozen):
    """How likely a person is done after the words so far, and how sure it is of these words.

    Both are fitted on the domain's own wordings.
    """

    model: str = ""
    """Checkpoint folder in our layout."""
    domain: Path | None = None
    """Folder of what people say (default: that of the recipe `mini`)."""
    most: int = Field(default=1_500, ge=20)
    """Wordings that are fitted on and that are judged on, at most."""
    spoken: int = Field(default=200, ge=0)
    """Sentences spoken by espeak-ng to fit how sure heard words are; 0 leaves that as it is."""
    write: bool = False
    """Writes what was fitted into the checkpoint's config.json."""
    device: str = "auto"
    """cpu, cuda, or auto."""


class TurnEarSettings(Frozen):
    """The turn ear hears by melody and rhythm whether a person who pauses is done."""

    recordings: tuple[Path, ...] = ()
    """Folders of whole sentences as sound files, those of one speaker in a folder of their own."""
    held_out: Path | None = None
    """A file whose lines begin with the names of recordings that are left out, such as the `text`
    of a test set."""
    out: Path = Path("turn_ear.safetensors")
    """Where the network is written."""
    epochs: int = Field(default=14, ge=1)
    """Rounds over all recordings."""
    seed: int = 0
    """Of weights, order and choice of speakers."""


class CalibrateSettings(Frozen):
    """The emotion head's temperature and threshold are fitted on utterances it did not train on."""

    model: str = ""
    """Checkpoint folder in our layout; its config.json is written anew."""
    manifests: tuple[Path, ...] = ()
    """Manifests with emotions, of speakers that are not trained on."""
    split: Literal["train", "dev", "test", "all"] = "all"
    """Which of their utterances count."""
    answered: float = Field(default=0.9, gt=0, le=1)
    """Share of utterances that the model acts on; it abstains from the least confident rest."""
    device: str = "auto"
    """cpu, cuda, or auto."""
