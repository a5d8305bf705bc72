"""Spellings from frame posteriors, and the words on which adapter and decoder agree."""

import itertools
import math

import pytest
import torch

from models import transcription
from models.ctc_search import spellings
from models.joint_words import joint_words
from tests.models.small import tiny_model, tone

START, END = 257, 258
BLANK = 3


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != BLANK)


def test_probabilities_are_sums_over_all_alignments() -> None:
    torch.manual_seed(0)
    logits = torch.randn(5, BLANK + 1)
    frames = torch.log_softmax(logits, dim=-1)
    expected: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(BLANK + 1), repeat=5):
        share = math.exp(sum(float(frames[i, s]) for i, s in enumerate(path)))
        expected[collapsed(path)] = expected.get(collapsed(path), 0.0) + share
    found = spellings(logits, beam=10_000)
    assert {s.ids: math.exp(s.log_probability) for s in found} == pytest.approx(expected)
    assert [s.log_probability for s in found] == sorted(
        (s.log_probability for s in found), reverse=True
    )


def test_a_narrow_beam_keeps_the_best() -> None:
    logits = 6.0 * torch.nn.functional.one_hot(torch.tensor([0, BLANK, 0, 1, 1]), BLANK + 1).float()
    assert spellings(logits, beam=2)[0].ids == (0, 0, 1)
    assert len(spellings(logits, beam=2)) == 2


def test_the_decoder_decides_between_spellings_that_sound_alike() -> None:
    model = tiny_model(seed=2, decoder=True, adapter="ctc", start_ids=(START,), stop_ids=(END,))
    states = model.encode(model.features([tone(1.5)]))

    logits = model.adapter.token_logits(model.adapter(states))[0]
    heard = [s.ids for s in spellings(logits)]
    ids, scores, log_probability = joint_words(
        model.adapter, model.decoder, states, prompt=(START,), end=END
    )
    assert ids in heard and len(scores) == len(ids) + 1
    assert (ids, log_probability) in spellings(logits)
    given = torch.tensor([[START, *ids]])
    expected = torch.log_softmax(model.decoder(given, states)[0].float(), dim=-1)
    wanted = torch.tensor([*ids, END])
    assert scores == pytest.approx(expected.gather(-1, wanted[:, None])[:, 0].tolist(), abs=1e-4)


def test_a_talk_is_given_the_words_that_are_shown() -> None:
    model = tiny_model(seed=2, decoder=True, adapter="ctc", start_ids=(START,), stop_ids=(END,))
    heard = model.hear(tone(1.5))
    words = transcription.transcribe(model, heard)
    assert words.source == "decoder" and words.confidence is not None
    ids = list(heard.spelled[0].ids)
    assert words.text == model.tokenizer.decode(ids).strip()
    assert torch.equal(heard.speech_embeddings, model.llm.embed(torch.tensor([ids]))[0])
