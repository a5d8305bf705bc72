"""The stored values of the reference implementation, and the runs that are compared with them."""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from models.adapters.embeddings import SpeechEmbeddings
from models.blsp_emo import BlspEmo
from models.checkpoints.published import PublishedWeights
from models.speech_encoder import SpeechStates
from models.weights import WeightFiles
from train.alignment import losses

TOLERANCE = 1e-4
STAGE_TERMS = ("response_kl", "response_ce", "input_er", "input_er+response_ce", "cif", "input_kl")


def golden_folders() -> list[Path]:
    """Returns the folders of all checkpoints with stored values, ATTUNE_GOLDEN's included."""
    roots = [Path(__file__).parent.parent / "golden"]
    if extra := os.environ.get("ATTUNE_GOLDEN"):
        roots.append(Path(extra))
    return [root / name for root in roots for name in ("subsampler", "cformer")]


@dataclass
class Golden:
    """One checkpoint, our model of it, and what the reference computed."""

    folder: Path

    @cached_property
    def model(self) -> BlspEmo:
        return BlspEmo.from_pretrained(self.folder, dtype="float32", device="cpu")

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        return load_file(self.folder / "expected.safetensors")

    @cached_property
    def values(self) -> dict[str, Any]:
        return json.loads((self.folder / "expected.json").read_text())

    def wave(self, index: int) -> np.ndarray:
        return self.tensors[f"wave_{index}"].numpy()

    def single(self, index: int, key: str) -> Tensor:
        return self.tensors[f"single_{index}.{key}"]

    @cached_property
    def _encoded(self) -> dict[tuple[int, ...], SpeechStates]:
        return {}

    def states(self, *indices: int) -> SpeechStates:
        """Returns encoder states; the encoder is never trained, so they are computed once."""
        if indices not in self._encoded:
            with torch.no_grad():
                waves = [self.wave(i) for i in indices]
                self._encoded[indices] = self.model.encode(self.model.features(waves))
        return self._encoded[indices]

    def adapted(self, states: SpeechStates, index: int, *, training: bool) -> SpeechEmbeddings:
        """Returns embeddings; in training `cformer` is told how many there are."""
        counts = torch.tensor([len(self.example(index)["input"])])
        return self.model.adapt(states, counts if training else None)

    def example(self, index: int) -> dict[str, list[int]]:
        return self.values["examples"][index]

    def speech_view(
        self, index: int, embeddings: int, *, bare: bool = False
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns ids, labels, speech mask and response mask, (1, T) each.

        A `bare` view ends with the speech and has no instruction: so the reference runs terms that
        do not look at the response.
        """
        e = self.example(index)
        if bare:
            return _view(e["start"], [0] * embeddings, [], [])
        before = e["start"] + e["audio_instruction"]
        return _view(before, [0] * embeddings, e["suffix"], e["suffix_labels"])

    def text_view(self, index: int, *, bare: bool = False) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns the same for the words; the third is the mask of the words."""
        e = self.example(index)
        if bare:
            return _view(e["start"], e["input"], [], [])
        return _view(e["start"] + e["instruction"], e["input"], e["suffix"], e["suffix_labels"])

    def speech_logits(self, index: int, embedded: SpeechEmbeddings) -> Tensor:
        ids, _, mask, _ = self.speech_view(index, int(embedded.lengths[0]))
        return self.model.llm(self.model.embed(ids, mask, embedded))

    def term(self, index: int, name: str) -> Tensor:
        """Returns one loss term of one example alone."""
        bare = "response" not in name
        states = self.states(index)
        embedded = self.adapted(states, index, training=True)
        ids, labels, heard, response = self.speech_view(index, int(embedded.lengths[0]), bare=bare)
        text_ids, _, read, text_response = self.text_view(index, bare=bare)
        with self.model.speech_positions(heard):
            logits = self.model.llm(self.model.embed(ids, heard, embedded))
        with torch.no_grad():
            text = self.model.llm(self.model.embed(text_ids))
        emotion = self.tensors["batch.emotion_labels"][index : index + 1]
        found = {
            "response_kl": losses.response_kl(logits, text, response, text_response),
            "response_ce": losses.response_ce(logits, labels),
            "input_er": losses.input_er(self.model.emotion_logits(states, embedded), emotion),
        }
        found["input_er+response_ce"] = found["input_er"] + found["response_ce"]
        if embedded.predicted_counts is not None:
            counts = torch.tensor([len(self.example(index)["input"])])
            found["cif"] = losses.cif(embedded.predicted_counts, counts)
            if bare:
                found["input_kl"] = losses.input_kl(logits, text, heard, read)
        return found[name]

    def gradient_norms(self) -> dict[str, float]:
        """Returns the norms of the gradients by the reference's parameter names."""
        names = PublishedWeights(WeightFiles(self.folder), has_lora=True)
        squares: dict[str, float] = {}
        for name, parameter in self.model.named_parameters():
            if parameter.grad is not None:
                theirs = names.source(name)[0]
                square = float(parameter.grad.double().square().sum())
                squares[theirs] = squares.get(theirs, 0.0) + square
        return {name: square**0.5 for name, square in squares.items()}


def _view(
    before: list[int], middle: list[int], suffix: list[int], labels: list[int]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    ids = torch.tensor([[*before, *middle, *suffix]])
    ignored = [losses.IGNORED] * (len(before) + len(middle))
    all_labels = torch.tensor([[*ignored, *labels]])
    mask = torch.zeros_like(ids, dtype=torch.bool)
    mask[:, len(before) : len(before) + len(middle)] = True
    return ids, all_labels, mask, all_labels != losses.IGNORED
