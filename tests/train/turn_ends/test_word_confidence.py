"""How sure words are: read aloud by held-out voices, fitted, and carried by the checkpoint."""

import shutil
from pathlib import Path

import pytest
import torch

from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import save
from models.config import WordConfidenceConfig
from tests.train.tiny import tiny_model
from train.language.domain import read_domain
from train.turn_ends.settings import TurnEndSettings
from train.turn_ends.word_confidence import fitted_word_confidence, read_aloud
from train.turn_ends.words import turn_ends

torch.set_num_threads(1)
needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="espeak-ng, which speaks the sentences, is missing"
)


@pytest.fixture
def model(tmp_path: Path) -> BlspEmo:
    options = {"decoder": True, "start_ids": (1,), "stop_ids": (2,)}
    return tiny_model(tmp_path / "tokenizer", seed=3, **options)


def test_a_model_without_a_decoder_has_nothing_to_be_sure_of(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "tokenizer")
    assert fitted_word_confidence(model, read_domain(), sentences=30) is None


def test_too_few_sentences_are_refused(model: BlspEmo) -> None:
    with pytest.raises(ValueError, match="at least 20"):
        read_aloud(model, read_domain(), sentences=5)


@needs_espeak
def test_a_model_that_understands_nothing_is_never_sure(model: BlspEmo) -> None:
    read = read_aloud(model, read_domain(), sentences=20)
    assert max(read.right) < 0.3
    fitted = fitted_word_confidence(model, read_domain(), sentences=20)
    assert fitted is not None
    assert max(scores.confidence(fitted) for scores in read.scores) < 0.3


@needs_espeak
def test_the_checkpoint_carries_it(model: BlspEmo, tmp_path: Path) -> None:
    save(model.checkpoint(), tmp_path / "model")
    settings = TurnEndSettings(
        model=str(tmp_path / "model"), most=20, spoken=20, write=True, device="cpu"
    )
    turn_ends(settings)
    carried = BlspEmo.from_pretrained(tmp_path / "model", device="cpu").config.word_confidence
    assert isinstance(carried, WordConfidenceConfig)
    turn_ends(settings.model_copy(update={"spoken": 0}))
    again = BlspEmo.from_pretrained(tmp_path / "model", device="cpu").config.word_confidence
    assert again == carried, "where nothing is spoken it stays as it was"
