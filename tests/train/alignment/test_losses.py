import math

import pytest
import torch

from train.alignment import losses


def test_response_kl_is_zero_for_equal_runs_and_ignores_other_positions():
    torch.manual_seed(0)
    text = torch.randn(2, 7, 11)
    mask = torch.zeros(2, 7, dtype=torch.bool)
    mask[0, 3:6] = True
    mask[1, 2:4] = True
    speech = text + torch.randn(2, 7, 11) * (~mask).unsqueeze(-1)
    assert losses.response_kl(speech, text, mask, mask).item() == pytest.approx(0.0, abs=1e-6)


def test_response_kl_meets_the_definition():
    teacher = torch.tensor([[[2.0, 0.0]]])
    student = torch.tensor([[[0.0, 0.0]]])
    mask = torch.ones(1, 1, dtype=torch.bool)
    p = math.e / (math.e + 1)
    expected = p * math.log(p / 0.5) + (1 - p) * math.log((1 - p) / 0.5)
    value = losses.response_kl(student, teacher, mask, mask, temperature=2.0)
    assert value.item() == pytest.approx(expected, abs=1e-6)


def test_response_kl_refuses_views_of_unequal_length():
    logits = torch.zeros(1, 3, 4)
    one, two = torch.tensor([[True, False, False]]), torch.tensor([[True, True, False]])
    with pytest.raises(ValueError, match="same tokens"):
        losses.response_kl(logits, logits, one, two)


def test_response_ce_counts_labelled_positions_only_and_shifts_by_one():
    logits = torch.full((1, 4, 3), -20.0)
    labels = torch.tensor([[losses.IGNORED, 1, 2, losses.IGNORED]])
    logits[0, 0, 1] = logits[0, 1, 2] = 20.0
    assert losses.response_ce(logits, labels).item() == pytest.approx(0.0, abs=1e-6)


def test_terms_without_labels_are_zero_and_differentiable():
    logits = torch.randn(2, 3, 4, requires_grad=True)
    emotions = torch.randn(2, 5, requires_grad=True)
    nothing = torch.zeros(2, 3, dtype=torch.bool)
    total = (
        losses.response_ce(logits, torch.full((2, 3), losses.IGNORED))
        + losses.input_er(emotions, torch.full((2,), losses.IGNORED))
        + losses.response_kl(logits, logits.detach(), nothing, nothing)
    )
    total.backward()
    assert total.item() == 0.0
    assert logits.grad is not None and not logits.grad.any()


def test_input_er_skips_unlabelled_utterances():
    logits = torch.tensor([[9.0, 0.0, 0.0, 0.0, 0.0], [0.0, 9.0, 0.0, 0.0, 0.0]])
    one = losses.input_er(logits[:1], torch.tensor([0]))
    both = losses.input_er(logits, torch.tensor([0, losses.IGNORED]))
    assert torch.allclose(one, both)


def test_cif_is_the_relative_count_error():
    value = losses.cif(torch.tensor([5.0, 30.0]), torch.tensor([10, 20]))
    assert value.item() == pytest.approx(0.5)
