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
from train.alignment.collate import Batch, TokenBatch
from train.alignment.step import Alignment

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
        return self.model.llm(self.model.llm.embed(ids, mask, embedded.flat))

    def term(self, index: int, name: str) -> Tensor:
        """Returns one loss term of one example alone, by the step that trains."""
        step, batch = Alignment(frozenset(name.split("+"))), self.batch(index, name)
        with step.scope(self.model, batch):
            found = step(self.model, batch)
        return torch.stack([found[term] for term in name.split("+")]).sum()

    def batch(self, index: int, term: str) -> Batch:
        """Returns one example as training is given it."""
        bare = "response" not in term
        with torch.no_grad():
            features = self.model.features([self.wave(index)])
            embedded = self.adapted(self.states(index), index, training=True)
        return Batch(
            speech=_as_batch(*self.speech_view(index, int(embedded.lengths[0]), bare=bare)),
            text=_as_batch(*self.text_view(index, bare=bare)),
            log_mel=features.log_mel,
            frames=features.lengths,
            emotions=self.tensors["batch.emotion_labels"][index : index + 1],
            word_tokens=torch.tensor([len(self.example(index)["input"])]),
        )

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


class ReferenceView(TokenBatch):
    """A view whose continuation is compared where the reference compares it.

    The reference compares the distributions behind each token of the reply; we compare those that
    predict it, which is what a reply is sampled from.
    """

    @property
    def response(self) -> Tensor:
        return self.labels != losses.IGNORED


def _as_batch(ids: Tensor, labels: Tensor, spoken: Tensor, _: Tensor) -> ReferenceView:
    return ReferenceView(ids, torch.ones_like(ids, dtype=torch.bool), labels, spoken)


def _view(
    before: list[int], middle: list[int], suffix: list[int], labels: list[int]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    ids = torch.tensor([[*before, *middle, *suffix]])
    ignored = [losses.IGNORED] * (len(before) + len(middle))
    all_labels = torch.tensor([[*ignored, *labels]])
    mask = torch.zeros_like(ids, dtype=torch.bool)
    mask[:, len(before) : len(before) + len(middle)] = True
    return ids, all_labels, mask, all_labels != losses.IGNORED
