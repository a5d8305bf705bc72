"""Tiny random models with a byte tokenizer, for tests."""

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from models.blsp_emo import BlspEmo
from models.features import Waveform
from models.tokenizer import END_OF_TEXT, TURN_END, TURN_START, JsonTokenizer

SPECIALS = [END_OF_TEXT, TURN_START, TURN_END]


def write_byte_tokenizer(path: Path) -> None:
    """Writes a `tokenizer.json` whose tokens are bytes, with the ChatML specials."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {character: index for index, character in enumerate(alphabet)}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(SPECIALS)
    backend.save(str(path))


@lru_cache(maxsize=1)
def byte_tokenizer() -> JsonTokenizer:
    with TemporaryDirectory() as folder:
        write_byte_tokenizer(Path(folder) / "tokenizer.json")
        return JsonTokenizer(Path(folder) / "tokenizer.json")


def tiny_model(**options: Any) -> BlspEmo:
    model = BlspEmo.tiny(**options)
    model.tokenizer = byte_tokenizer()
    return model


def tone(seconds: float, *, hertz: float = 220.0, level: float = 0.3) -> Waveform:
    """A voice-like buzz whose pitch wavers."""
    time = np.arange(round(seconds * 16_000)) / 16_000
    phase = 2 * np.pi * hertz * (time + 0.02 * np.sin(2 * np.pi * 3 * time))
    wave = np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.2 * np.sin(5 * phase)
    return (level * wave * (0.6 + 0.4 * np.sin(2 * np.pi * 2 * time))).astype(np.float32)


def counted_positions(model: BlspEmo, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Returns the numbers of positions that the LLM computes from now on, step by step."""
    computed: list[int] = []
    forward = model.llm.forward

    def counting(embeddings: torch.Tensor, **options: Any) -> torch.Tensor:
        computed.append(embeddings.shape[1])
        return forward(embeddings, **options)

    monkeypatch.setattr(model.llm, "forward", counting)
    return computed
