"""The command `prefer`: a taught LLM learns which of two answers to the same words is better."""

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from models.checkpoints.checkpoint import read_tokenizer
from models.checkpoints.hub import checkpoint_folder
from models.prompts import chat_prompts
from models.weights import read_json, write_json
from train.language.material import is_held_out, material_digests, read_talks
from train.language.pairs import Pair, PairBatches, PairRows, pairs_of
from train.language.settings import TaughtLlmSettings
from train.language.stage import ELSEWHERE, CompanionLlm, begin, export, run_task
from train.llm_updates import updates_file
from train.loop.run_folder import file_sha256
from train.loop.settings import LoopSettings
from train.loop.task import Task, TrainingOutcome

logger = logging.getLogger(__name__)

REFERENCE = "reference.json"
"""In a run folder: how probable the answers were before anything was learnt."""


class PreferSettings(TaughtLlmSettings):
    """A taught LLM (`--updates`) learns which of two answers to the same words is better."""

    run: Path = Path("runs/prefer")
    """Run folder: resumed where it exists. `best` in it is for `assemble`."""
    material: tuple[Path, ...] = (Path("train/recipes/mini/preferred/first"),)
    """Folders or files of written talks, in which `- words` behind an answer is a worse one."""
    batch_tokens: int = Field(default=640, ge=64)
    """Positions in a batch, whose pairs stand in one row; a longer pair is a batch alone, and what
    was said before it is left out as far as it goes beyond."""
    beta: float = Field(default=0.1, gt=0)
    """How sharply the two are told apart: the larger, the nearer the LLM stays to what it was."""
    imitated: float = Field(default=0.5, ge=0)
    """Weight of the cross-entropy of the better answer beside it, a token."""
    updates: Path | None = None
    """Folder `best` of the run whose LLM gave the answers."""
    valid_share: float = Field(default=0.03, ge=0, lt=0.5)
    """Share of the talks that validate."""
    loop: LoopSettings = LoopSettings(
        learning_rate=7e-5, warmup_steps=8, weight_decay=0.0, evaluate_every=60
    )
    """The training loop."""


def prefer(settings: PreferSettings) -> TrainingOutcome:
    """Runs the stage; returns how it ended.

    Raises:
        ValueError: Material or settings cannot be used.
        CheckpointError: The LLM cannot be had.
    """
    if settings.updates is None:
        raise ValueError(
            "name the run or the checkpoint whose LLM gave the answers: --updates RUN/best"
        )
    folder = checkpoint_folder(settings.llm)
    tokenizer = read_tokenizer(folder)
    loop = settings.loop
    train, valid = _pairs(settings)  # before the LLM, which takes a while to load
    model = begin(settings, folder, tokenizer, loop.seed)

    identity = {
        "llm": settings.llm,
        "updates": file_sha256(updates_file(settings.updates)),
        "material": material_digests(settings.material),
        "settings": settings.model_dump(mode="json", exclude=ELSEWHERE),
    }
    batches = partial(
        PairBatches,
        prompts=chat_prompts(tokenizer),
        persona=settings.persona,
        batch_tokens=settings.batch_tokens,
        told_in=model.emotion_vectors.positions,
    )
    known = partial(
        batches, reference=kept_reference(model, batches([*train, *valid]), settings.run, identity)
    )
    config = read_json(folder / "config.json")
    task = Task(
        name="prefer",
        model=model,
        step=partial(preference_step, beta=settings.beta),
        weights={"preferred": 1.0, "reply": settings.imitated},
        train=known(train, seed=loop.seed),
        valid=known(valid, seed=0) if valid else None,
        export=lambda taught, into: export(taught, into, tokenizer, config),
        identity=identity,
    )
    return run_task(task, settings, loop, settings.run)


def _pairs(settings: PreferSettings) -> tuple[list[Pair], list[Pair]]:
    """Returns the pairs that are learnt from, and those that validate, if any.

    Raises:
        ValueError: The material cannot be used.
    """
    pairs = pairs_of(read_talks(settings.material))
    valid = [pair for pair in pairs if is_held_out(pair.talk, settings.valid_share)]
    train = [pair for pair in pairs if not is_held_out(pair.talk, settings.valid_share)]
    if not train:
        raise ValueError("all pairs validate: write more, or lower --valid-share")
    if not valid:
        logger.warning("no pair validates: `last` in %s is what was learnt", settings.run)
    return train, valid


def kept_reference(
    model: CompanionLlm, batches: PairBatches, run: Path, identity: Mapping[str, Any]
) -> dict[str, tuple[float, float]]:
    """Returns the log-probabilities of both answers of each pair, as `model` begins.

    They are kept in the run folder: a run that goes on needs those of its beginning.
    """
    path = run / REFERENCE
    if path.exists() and (found := read_json(path))["of"] == dict(identity):
        return {name: (better, worse) for name, (better, worse) in found["answers"].items()}
    logger.info("reading %d pairs as they are before anything is learnt", len(batches.pairs))
    answers: dict[str, tuple[float, float]] = {}
    for number in range(batches.count(0)):
        batch = batches.load(0, number)
        with torch.no_grad():
            each = answer_log_probabilities(model.eval(), batch.value).view(-1, 2).tolist()
        answers |= {name: (b, w) for name, (b, w) in zip(batch.names, each, strict=True)}
    run.mkdir(parents=True, exist_ok=True)
    write_json(path, {"of": dict(identity), "answers": answers})
    return answers


def answer_log_probabilities(model: CompanionLlm, batch: PairRows) -> Tensor:
    """Returns (2 N) how probable each answer of `batch` is, as the sum over its tokens."""
    learnt = batch.answers[0] >= 0
    before = batch.foretold[0, learnt]
    kept = torch.zeros_like(learnt)
    kept[before] = True
    # Two answers begin behind the same position, whose logits are computed once.
    place = kept.long().cumsum(dim=0)[before] - 1
    logits = model(batch.rows, kept[None]).float()[place]
    each = -F.cross_entropy(logits, batch.rows.ids[0, learnt], reduction="none")
    sums = torch.zeros(len(batch.reference), device=each.device)
    return sums.index_add(0, batch.answers[0, learnt], each)


def preference_step(model: CompanionLlm, batch: PairRows, *, beta: float) -> Mapping[str, Tensor]:
    """Returns DPO's loss (arXiv 2305.18290, equation 7), a pair, and figures beside it.

    `preferred` is that loss, `reply` the mean of the better answers' cross-entropies a token,
    `right` the share of pairs of which the better answer gained more than the worse one, `better`
    and `worse` what they gained, in nats.
    """
    each = answer_log_probabilities(model, batch)
    answers = batch.answers[0]
    tokens = torch.bincount(answers[answers >= 0], minlength=len(each))
    better, worse = (each - batch.reference).view(-1, 2).unbind(dim=1)
    return {
        "preferred": -F.logsigmoid(beta * (better - worse)).mean(),
        "reply": -(each / tokens).view(-1, 2)[:, 0].mean(),
        "right": (better > worse).float().mean().detach(),
        "better": better.mean().detach(),
        "worse": worse.mean().detach(),
    }
