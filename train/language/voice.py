"""The command `voice`: a checkpoint's LLM is told in words how somebody sounds.

The baseline of BLSP-Emo (arXiv 2406.03872, section 4.2) that reads a transcript and the emotion in
words, as embeddings: the words of each emotion are mixed as probable as the head takes it to be.
Nothing of the LLM learns, and what is typed is answered as before, to the letter.
"""

import logging
from pathlib import Path

import torch
from torch import Tensor

from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import Checkpoint, StoredWeights, exchange, open_checkpoint
from models.emotions import EMOTION_LABELS, Emotion
from models.tokenizer import Tokenizer
from models.weights import read_json, without_weights, write_json
from train.llm_updates import EMOTION_VECTORS
from train.settings import Frozen

logger = logging.getLogger(__name__)


class VoiceSettings(Frozen):
    """The LLM of a checkpoint is told in words, behind what is said, how somebody sounds."""

    model: Path = Path()
    """Checkpoint folder with the adapter `words`: its `voice.safetensors` is written, and in its
    config.json how many positions it takes."""
    wording: str = " (in a {} mood)"
    """What is told, {} being the emotion. Each of its tokens is a position in every spoken turn."""


def tell_in_words(settings: VoiceSettings) -> None:
    """Writes the words into the checkpoint and says how many positions they take.

    Raises:
        ValueError: The wording cannot be used, or the LLM is told of no emotion.
        CheckpointError: `model` is no checkpoint of ours.
    """
    found = open_checkpoint(settings.model)
    config = found.config
    if config.adapter.kind != "words" or not config.emotion_in_embeddings or not found.tokenizer:
        raise ValueError(
            f"{settings.model} is told of no emotion beside words: name a checkpoint with the "
            "adapter words and emotion_in_embeddings"
        )
    table = _embeddings(found, found.tokenizer)
    count, width = len(EMOTION_LABELS), table.shape[1]
    shape = (count, (1 + config.emotion_positions) * width)
    on_words = found.weights.read(EMOTION_VECTORS, shape)[:, :width]
    spelled = torch.stack(worded(table, found.tokenizer, settings.wording))
    told = torch.cat([on_words.to(spelled)[:, None], spelled], dim=1)
    exchange({EMOTION_VECTORS: told.flatten(1).bfloat16()}, settings.model)
    positions = spelled.shape[1]
    path = settings.model / "config.json"
    write_json(path, read_json(path) | {"emotion_positions": positions})
    logger.info("%d positions behind what is said tell how it sounds", positions)


def worded(table: Tensor, tokenizer: Tokenizer, wording: str) -> list[Tensor]:
    """Returns (P, D) for each emotion: the embeddings of `wording` with its name.

    Args:
        table: (V, D) embeddings of all tokens.
        tokenizer: Of the LLM.
        wording: With {} for the name, behind a space.

    Raises:
        ValueError: It has no place for the name.
    """
    before, found, after = wording.partition(" {}")
    if not found:
        raise ValueError(f"--wording {wording!r} has no {{}} behind a space for the emotion")
    # A name of several tokens is one position, their mean: each emotion takes as many.
    names = [table[tokenizer.encode(f" {emotion.adjective}")].mean(dim=0) for emotion in Emotion]
    around = [table[tokenizer.encode(text)] for text in (before, after)]
    return [torch.cat([around[0], name[None], around[1]]) for name in names]


def _embeddings(found: Checkpoint[StoredWeights], tokenizer: Tokenizer) -> Tensor:
    """Returns the embeddings (V, D) of all tokens, and reads nothing else of the LLM."""
    with without_weights():
        model = BlspEmo(found.config, tokenizer=tokenizer)
    table = model.llm.causal.get_input_embeddings().weight
    name = next(name for name, parameter in model.named_parameters() if parameter is table)
    return found.weights.read(name, tuple(table.shape)).float()
