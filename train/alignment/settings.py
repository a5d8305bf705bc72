"""Settings of `assemble`, `hear` and both stages of alignment."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from models.prompts import CONTINUE
from train.loop.settings import LoopSettings
from train.settings import Frozen, Instruction


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
