"""The command `language`: an instruction LLM learns from written talks to be a companion."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.adapters.emotion_vectors import EmotionVectors
from models.checkpoints.checkpoint import read_tokenizer
from models.checkpoints.composed import PartWeights
from models.checkpoints.hub import checkpoint_folder
from models.config import LoraConfig
from models.emotions import Emotion
from models.int8 import Int8Linear, has_engine, quantize_layers, take_stored
from models.llm import LanguageModel
from models.partial_lora import PartialLoraLinear
from models.precision import check_fits
from models.prompts import chat_prompts
from models.tokenizer import Tokenizer
from models.weights import fill_parameters, read_json, without_weights, write_json
from train.alignment.losses import IGNORED
from train.alignment.stages import only_training
from train.language.batches import TalkBatches
from train.language.domain_talks import domain_talks
from train.language.material import is_held_out, material_digests, read_talks
from train.language.rows import RowWriter, TalkRows
from train.language.settings import LanguageSettings, TaughtLlmSettings
from train.llm_updates import (
    EMOTION_VECTORS,
    SCALING,
    take_updates,
    updates_file,
    write_updates,
)
from train.loop.fit import fit
from train.loop.run_folder import file_sha256
from train.loop.settings import LoopSettings
from train.loop.task import Task, TrainingOutcome

logger = logging.getLogger(__name__)

ELSEWHERE = {"loop", "run", "material", "updates"}
"""Settings that the identity of a run holds otherwise."""


class CompanionLlm(nn.Module):
    """An LLM with updates on all positions, and a vector for each emotion of the person's words.

    Args:
        config: The LLM's, as `transformers` writes it.
        rank: Of the updates.
    """

    def __init__(self, config: Mapping[str, Any], rank: int) -> None:
        super().__init__()
        lora = LoraConfig(rank=rank, alpha=SCALING * rank, scope="all")
        self.llm = LanguageModel(config, lora)
        self.emotion_vectors = EmotionVectors(self.llm.width)

    def forward(self, batch: TalkRows, kept: Tensor) -> Tensor:
        """Returns the logits (N, V) of the positions `kept` (B, T) bool."""
        words = self.llm.embed(batch.ids).masked_fill(batch.slots[..., None] > 0, 0.0)
        embedded = words + self.emotion_vectors.at(batch.emotions, batch.slots)
        embedded = embedded.to(self.llm.like.dtype)
        return self.llm(embedded, mask=batch.attended, positions=batch.positions, kept=kept)


def teach(settings: LanguageSettings) -> TrainingOutcome:
    """Runs the language stage; returns how it ended.

    Raises:
        ValueError: Material or settings cannot be used.
        CheckpointError: The LLM cannot be had.
    """
    folder = checkpoint_folder(settings.llm)
    tokenizer = read_tokenizer(folder)
    model = begin(settings, folder, tokenizer, settings.loop.seed)
    task = _task(settings, model, tokenizer, folder)
    return run_task(task, settings, settings.loop, settings.run)


def begin(
    settings: TaughtLlmSettings, folder: Path, tokenizer: Tokenizer, seed: int
) -> CompanionLlm:
    """Returns the LLM in `folder` as a run begins with it.

    Raises:
        ValueError: The settings cannot be used here.
    """
    if settings.frozen == "int8" and not has_engine():
        raise ValueError("torch computes in int8 on no processor like this: --frozen float32")
    torch.manual_seed(seed)  # the updates begin at random
    model = start(folder, tokenizer, settings.lora_rank, frozen=settings.frozen)
    if settings.updates is not None:
        take_updates(model, settings.updates)
    return model


def run_task(
    task: Task, settings: TaughtLlmSettings, loop: LoopSettings, folder: Path
) -> TrainingOutcome:
    """Runs the loop where the LLM of `settings` can be taught."""
    if settings.frozen == "int8":
        loop = loop.model_copy(update={"device": "cpu"})
    return fit(task, loop, folder)


def start(
    folder: Path, tokenizer: Tokenizer, rank: int, *, frozen: str = "float32"
) -> CompanionLlm:
    """Returns the LLM in `folder` as training starts from it on the CPU, updates in float32."""
    config = read_json(folder / "config.json")
    with without_weights():
        model = CompanionLlm(config, rank)
    pretrained = PartWeights({"llm": folder})
    source = _Source(pretrained, tokenizer)
    if frozen == "int8":
        take_stored(model, pretrained.stored, source.read, with_gradients=True)
    cpu = torch.device("cpu")
    dtype = torch.bfloat16 if frozen == "bfloat16" else torch.float32
    check_fits(model, dtype, cpu)
    fill_parameters(model, source.read, dtype=dtype, device=cpu)
    if frozen == "int8":
        quantize_layers(model.llm, with_gradients=True)
    only_training(model, ("lora_a", "lora_b", "emotion_vectors"))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return model


def talk_step(model: CompanionLlm, batch: TalkRows) -> Mapping[str, Tensor]:
    """Returns the cross-entropy of the answers, a token."""
    nexts = F.pad(batch.labels[:, 1:], (0, 1), value=IGNORED)
    kept = nexts != IGNORED
    return {"reply": F.cross_entropy(model(batch, kept).float(), nexts[kept])}


def export(model: CompanionLlm, folder: Path, tokenizer: Tokenizer, config: dict[str, Any]) -> None:
    """Writes the updates, and the taught LLM as `transformers` reads one with its emotion vectors.

    Where its own weights are in 8 or 16 bits the updates stand alone: `assemble` adds them to the
    LLM, and `take-updates` to a checkpoint.
    """
    from safetensors.torch import save_file

    write_updates(model, folder)
    is_in_bytes = any(isinstance(module, Int8Linear) for module in model.modules())
    if is_in_bytes or model.llm.like.dtype != torch.float32:
        return
    tensors = {EMOTION_VECTORS: model.emotion_vectors.weight.detach().contiguous()}
    updated = {
        f"{name}.": module
        for name, module in model.llm.causal.named_modules()
        if isinstance(module, PartialLoraLinear)
    }
    for name, parameter in model.llm.causal.named_parameters():
        inside = next((start for start in updated if name.startswith(start)), None)
        if inside is None:
            tensors[name] = parameter.detach().contiguous()
        elif name == f"{inside}base.weight":
            tensors[f"{inside}weight"] = merged(updated[inside]).contiguous()
        elif name.startswith(f"{inside}base."):
            tensors[name.replace(".base.", ".")] = parameter.detach().contiguous()
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    tokenizer.save(folder)
    write_json(folder / "config.json", config)


def merged(layer: PartialLoraLinear) -> Tensor:
    """Returns the weight (out, in) of `layer` with its update in it."""
    update = layer.lora_b.detach() @ layer.lora_a.detach() * layer.scaling
    weight = cast(Tensor, layer.base.weight).detach()
    return weight + (update.T if weight.shape != update.shape else update).to(weight)


def _task(
    settings: LanguageSettings, model: CompanionLlm, tokenizer: Tokenizer, folder: Path
) -> Task:
    talks = read_talks(settings.material)
    valid = [talk for talk in talks if is_held_out(talk, settings.valid_share)]
    held_out = {id(talk) for talk in valid}
    train = [talk for talk in talks if id(talk) not in held_out]
    train += domain_talks(settings.domain_exchanges, np.random.default_rng(settings.loop.seed))
    writer = RowWriter(
        chat_prompts(tokenizer),
        settings.persona,
        settings.longest_tokens,
        told_in=model.emotion_vectors.positions,
    )
    config = read_json(folder / "config.json")
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    logger.info(
        "%d talks, %d exchanges; %d talks validate; %.1f M parameters train",
        len(train),
        sum(len(talk.exchanges) for talk in train),
        len(valid),
        trained / 1e6,
    )

    def batches(of: list[Any], seed: int) -> TalkBatches:
        return TalkBatches(of, writer, settings.row_tokens, settings.batch_tokens, seed)

    return Task(
        name="language",
        model=model,
        step=talk_step,
        weights={"reply": 1.0},
        train=batches(train, settings.loop.seed),
        valid=batches(valid, 0) if valid else None,
        export=lambda taught, into: export(taught, into, tokenizer, config),
        identity={
            "llm": settings.llm,
            "updates": settings.updates and file_sha256(updates_file(settings.updates)),
            "material": material_digests(settings.material),
            "settings": settings.model_dump(mode="json", exclude=ELSEWHERE),
        },
    )


class _Source:
    """Weights of the pretrained LLM, and where new parameters start."""

    def __init__(self, pretrained: PartWeights, tokenizer: Tokenizer) -> None:
        self._pretrained, self._tokenizer = pretrained, tokenizer

    def read(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Returns the weights of one parameter."""
        last = name.rsplit(".", 1)[-1]
        if last == "lora_a":
            return nn.init.kaiming_uniform_(torch.empty(shape), a=5**0.5)
        if last == "lora_b":
            return torch.zeros(shape)
        found = self._pretrained.find(name)
        if found is None and name == EMOTION_VECTORS:
            return self._named(shape)
        if found is None:
            raise ValueError(f"the LLM lacks {name}: fetch it again")
        return found

    def _named(self, shape: tuple[int, ...]) -> Tensor:
        """Returns the embeddings of the emotions' own names, less what these have in common.

        Zeros where the LLM keeps its embeddings under another name.
        """
        table = self._pretrained.find("llm.causal.model.embed_tokens.weight")
        if table is None:
            return torch.zeros(shape)
        named = [
            table[self._tokenizer.encode(f" {emotion.adjective}")].float().mean(dim=0)
            for emotion in Emotion
        ]
        vectors = torch.stack(named)
        return vectors - vectors.mean(dim=0)
