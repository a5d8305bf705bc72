"""Ends of turns: fair examples, the right map, and it ends up in the checkpoint."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.blsp_emo import BlspEmo
from models.checkpoints.checkpoint import save
from models.config import TurnEndConfig
from tests.train.tiny import tiny_model
from train.language.domain import read_domain, spoken_form
from train.turn_ends.settings import TurnEndSettings
from train.turn_ends.words import area_under_roc, fitted_turn_ends, pauses, probabilities, turn_ends

torch.set_num_threads(1)


def test_stopping_in_the_middle_is_as_likely_as_being_done() -> None:
    found = pauses(read_domain(), "train", most=50)
    assert len(found.words) == 200
    assert sum(found.is_end) == 100
    for whole, cut in zip(found.words[::2], found.words[1::2], strict=True):
        assert whole.startswith(cut)
        assert 0 < len(cut) < len(whole)
    assert found.words[2::4] == tuple(spoken_form(text) for text in found.words[::4])
    assert not set(found.words) & set(pauses(read_domain(), "wording", most=10).words[::4])


def test_the_map_that_made_the_data_is_found() -> None:
    generator = np.random.default_rng(0)
    log_odds = generator.normal(-5.0, 3.0, size=20_000)
    truth = TurnEndConfig(slope=0.7, offset=3.0)
    is_end = (generator.random(20_000) < probabilities(log_odds, truth)).astype(np.int64)
    fitted = fitted_turn_ends(log_odds, is_end)
    assert fitted.slope == pytest.approx(truth.slope, rel=0.05)
    assert fitted.offset == pytest.approx(truth.offset, rel=0.05)


def test_perfect_odds_give_a_finite_map() -> None:
    fitted = fitted_turn_ends(np.array([-9.0, -8.0, -2.0, -1.0]), np.array([0, 0, 1, 1]))
    low, high = probabilities(np.array([-9.0, -1.0]), fitted)
    assert 0.0 < low < 0.1 < 0.9 < high < 1.0


@pytest.mark.parametrize(
    ("score", "area"), [([0.1, 0.2, 0.8], 1.0), ([0.5, 0.5, 0.5], 0.5), ([0.9, 0.1, 0.5], 0.5)]
)
def test_the_area_under_the_curve(score: list[float], area: float) -> None:
    assert area_under_roc(np.array(score), np.array([0, 0, 1])) == area


def test_the_checkpoint_carries_it_only_if_asked(tmp_path: Path) -> None:
    save(tiny_model(tmp_path / "tokenizer").checkpoint(), tmp_path / "model")
    for write in (False, True):
        settings = TurnEndSettings(
            model=str(tmp_path / "model"), most=20, write=write, device="cpu"
        )
        fitted = turn_ends(settings)
        carried = BlspEmo.from_pretrained(tmp_path / "model", device="cpu").config.turn_end
        assert carried == (fitted if write else TurnEndConfig())
        assert np.isfinite([fitted.slope, fitted.offset]).all()
    again = turn_ends(settings.model_copy(update={"write": False}))
    assert again == fitted, "what was fitted before is not fitted on top of"
