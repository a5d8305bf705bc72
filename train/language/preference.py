"""The command `prefer`: a taught LLM learns which of two answers to the same words is better."""

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from models.checkpoints.checkpoint import read_tokenizer
from models.checkpoints.hub import checkpoint_folder
from models.prompts import chat_prompts
from models.weights import read_json
from train.alignment.losses import IGNORED
from train.language.material import is_held_out, material_digests, read_talks
from train.language.pairs import Pair, PairBatches, PairRows, pairs_of
from train.language.settings import TaughtLlmSettings
from train.language.stage import ELSEWHERE, CompanionLlm, begin, export, run_task
from train.llm_updates import UPDATES
from train.loop.run_folder import file_sha256
from train.loop.settings import LoopSettings
from train.loop.task import Task, TrainingOutcome

logger = logging.getLogger(__name__)


class PreferSettings(TaughtLlmSettings):
    """A taught LLM (`--updates`) learns which of two answers to the same words is better."""

    run: Path = Path("runs/prefer")
    """Run folder: resumed where it exists. `best` in it is for `assemble`."""
    material: tuple[Path, ...] = (Path("train/recipes/talks/judged"),)
    """Folders or files of written talks, in which `- words` behind an answer is a worse one."""
    batch_tokens: int = Field(default=1024, ge=64)
    """Positions in a batch, whose pairs stand in one row; a longer pair is a batch alone, and what
    was said before it is left out as far as it goes beyond."""
    beta: float = Field(default=2.0, gt=0)
    """How sharply the two are told apart, as a factor on their mean log-probability a token."""
    margin: float = Field(default=1.0, ge=0)
    """By how much, after the factor, the better one should be ahead."""
    imitated: float = Field(default=0.3, ge=0)
    """Weight of the cross-entropy of the better answer beside it."""
    updates: Path | None = None
    """Folder `best` of the run whose LLM gave the answers."""
    valid_share: float = Field(default=0.05, ge=0, lt=0.5)
    """Share of the talks that validate."""
    loop: LoopSettings = LoopSettings(
        learning_rate=5e-5, warmup_steps=5, weight_decay=0.0, evaluate_every=40, epochs=2
    )
    """The training loop."""


def prefer(settings: PreferSettings) -> TrainingOutcome:
    """Runs the stage; returns how it ended.

    Raises:
        ValueError: Material or settings cannot be used.
        CheckpointError: The LLM cannot be had.
    """
    if settings.updates is None:
        raise ValueError("name the run whose LLM gave the answers: --updates RUN/best")
    folder = checkpoint_folder(settings.llm)
    tokenizer = read_tokenizer(folder)
    loop = settings.loop
    train, valid = _pairs(settings)  # before the LLM, which takes a while to load
    model = begin(settings, folder, tokenizer, loop.seed)

    def batches(of: list[Pair], seed: int) -> PairBatches:
        return PairBatches(
            of,
            chat_prompts(tokenizer),
            settings.persona,
            settings.batch_tokens,
            seed,
            told_in=model.emotion_vectors.positions,
        )

    config = read_json(folder / "config.json")
    task = Task(
        name="prefer",
        model=model,
        step=partial(preference_step, beta=settings.beta, margin=settings.margin),
        weights={"preferred": 1.0, "reply": settings.imitated},
        train=batches(train, loop.seed),
        valid=batches(valid, 0) if valid else None,
        export=lambda taught, into: export(taught, into, tokenizer, config),
        identity={
            "llm": settings.llm,
            "updates": file_sha256(settings.updates / UPDATES),
            "material": material_digests(settings.material),
            "settings": settings.model_dump(mode="json", exclude=ELSEWHERE),
        },
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


def preference_step(
    model: CompanionLlm, batch: PairRows, *, beta: float, margin: float
) -> Mapping[str, Tensor]:
    """Returns SimPO's loss (arXiv 2405.14734, equation 6), a pair, and figures beside it.

    `preferred` is that loss, `reply` the mean of the better answers' cross-entropies a token, and
    `right` the share of pairs of which the better answer is the likelier one.
    """
    nexts = F.pad(batch.rows.labels[:, 1:], (0, 1), value=IGNORED)
    kept = nexts != IGNORED
    logits = model(batch.rows, kept).float()
    each = -F.cross_entropy(logits, nexts[kept], reduction="none")
    answer = F.pad(batch.answers[:, 1:], (0, 1), value=-1)[kept]
    count = int(answer.max()) + 1
    sums = torch.zeros(count, device=each.device).index_add(0, answer, each)
    tokens = torch.bincount(answer, minlength=count)
    better, worse = (sums / tokens).view(-1, 2).unbind(dim=1)
    return {
        "preferred": -F.logsigmoid(beta * (better - worse) - margin).mean(),
        "reply": -better.mean(),
        "right": (better > worse).float().mean().detach(),
    }
