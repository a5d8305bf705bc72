"""Which of many short sayings mean most nearly the same as one: by vectors of whole sentences.

Sentence-BERT (Reimers and Gurevych, arXiv 1908.10084): a small BERT reads a sentence, and the mean
of its last states, made one long, lies near those of sentences that mean alike. "Set two cups out
again this morning" has no word in common with "I keep setting two plates", and is found by it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.weights import CheckpointError, read_json

Vectors = NDArray[np.float32]
"""(N, D), each row of length 1."""
LONGEST = 128
"""Tokens of a sentence that are read. What somebody says at once is hardly ever longer."""
TOGETHER = 64
"""Sentences that are read at once: more take memory and no less time on two cores."""


class SentenceEncoder:
    """A BERT that was trained to tell which sentences mean alike, on the CPU.

    Args:
        folder: Holds `config.json`, `model.safetensors` and `tokenizer.json`, as all-MiniLM-L6-v2.

    Raises:
        CheckpointError: A file is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._tokenizer = _tokenizer(folder)
        self._bert = _bert(folder)

    @property
    def width(self) -> int:
        """D of the vectors."""
        return int(self._bert.config.hidden_size)

    @torch.inference_mode()
    def vectors(self, sentences: Sequence[str]) -> Vectors:
        """Returns the vectors of `sentences`, in their order."""
        found = np.zeros((len(sentences), self.width), np.float32)
        # Of like length together: what is padded is computed for nothing.
        order = sorted(range(len(sentences)), key=lambda place: len(sentences[place]))
        for start in range(0, len(order), TOGETHER):
            places = order[start : start + TOGETHER]
            found[places] = self._read([sentences[place] for place in places])
        return found

    def _read(self, sentences: Sequence[str]) -> Vectors:
        read = self._tokenizer.encode_batch(list(sentences))
        ids = torch.tensor([one.ids for one in read])
        mask = torch.tensor([one.attention_mask for one in read])
        states = self._bert(input_ids=ids, attention_mask=mask).last_hidden_state
        kept = mask[..., None].to(states.dtype)
        mean = (states * kept).sum(dim=1) / kept.sum(dim=1)
        return torch.nn.functional.normalize(mean, dim=-1).float().numpy()


class MeaningIndex:
    """Sayings by what they mean.

    Args:
        vectors: Of the sayings.
        encoder: Made them.
    """

    def __init__(self, vectors: Vectors, encoder: SentenceEncoder) -> None:
        self._vectors, self._encoder = vectors, encoder

    def scores(self, saying: str) -> NDArray[np.float64]:
        """Returns how alike each saying is: the cosine, 1 where it is the same, never below 0."""
        asked = self._encoder.vectors([saying])[0]
        return np.clip(self._vectors @ asked, 0.0, 1.0).astype(np.float64)

    def likeness(self, one: int, other: int) -> float:
        """Returns how alike the sayings at two places are."""
        return float(self._vectors[one] @ self._vectors[other])


def _tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more exact
        raise CheckpointError(f"{path} cannot be read: {error}; fetch it again") from error
    tokenizer.enable_truncation(LONGEST)
    tokenizer.enable_padding()
    return tokenizer


def _bert(folder: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel

    try:
        config = BertConfig.from_dict(read_json(folder / "config.json"))
        bert = BertModel(config, add_pooling_layer=False).eval()
        weights = load_file(str(folder / "model.safetensors"))
    except (OSError, SafetensorError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder} holds no sentence encoder: {error}") from error
    missing, _ = bert.load_state_dict(weights, strict=False)
    if missing:
        raise CheckpointError(f"{folder} holds no sentence encoder: {missing[0]} is missing")
    return bert
