import math

import pytest
import torch

from train import losses


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


def test_ctc_of_a_certain_alignment_is_zero():
    logits = torch.full((1, 3, 4), -1e4)
    logits[:, 0, 0] = logits[:, 1, 3] = logits[:, 2, 1] = 0.0
    value = losses.ctc(logits, torch.tensor([3]), torch.tensor([[0, 1, 2]]), torch.tensor([2]))
    assert value.item() == pytest.approx(0.0, abs=1e-5)


def test_ctc_leaves_out_what_cannot_be_spelled():
    logits = torch.randn(3, 4, 6)
    tokens = torch.tensor([[1, 1, 1, 1], [2, 3, 0, 0], [0, 0, 0, 0]])
    lengths = torch.tensor([4, 4, 4])
    together = losses.ctc(logits, lengths, tokens, torch.tensor([4, 2, 0]))
    alone = losses.ctc(logits[1:2], lengths[1:2], tokens[1:2, :2], torch.tensor([2]))
    torch.testing.assert_close(together, alone)
    nothing = losses.ctc(logits, lengths, tokens, torch.tensor([4, 0, 0]))
    assert nothing.item() == 0.0


def test_ctc_is_a_mean_over_tokens():
    logits, lengths = torch.randn(2, 9, 6), torch.tensor([9, 7])
    tokens, counts = torch.tensor([[1, 2, 3], [4, 0, 0]]), torch.tensor([3, 1])
    parts = [
        losses.ctc(logits[n : n + 1], lengths[n : n + 1], tokens[n : n + 1], counts[n : n + 1])
        for n in (0, 1)
    ]
    together = losses.ctc(logits, lengths, tokens, counts)
    torch.testing.assert_close(together, (3 * parts[0] + parts[1]) / 4)
