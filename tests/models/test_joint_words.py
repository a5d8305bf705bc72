"""Spellings from frame posteriors, and the words on which adapter and decoder agree."""

import itertools
import math

import pytest
import torch

from models import transcription
from models.ctc_search import spellings
from models.joint_words import GUIDED, Speller, joint_words, scores_of
from models.word_model import WordGuide
from tests.models.small import tiny_model, tone
from train.word_counts import word_model

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


def test_a_guide_prefers_words_that_are_said() -> None:
    pieces = [" hot", " dog", " dock", "s"]
    guide = WordGuide(word_model({"hot dog": 9, "hot dogs": 1}), pieces)
    logits = torch.full((5, len(pieces) + 1), -4.0)
    for frame, token in enumerate((0, len(pieces), 2, len(pieces), len(pieces))):
        logits[frame, token] = 4.0
    logits[2, 1] = 3.0
    assert spellings(logits)[0].ids == (0, 2)
    guided = spellings(logits, guide=guide)
    assert guided[0].ids == (0, 1)
    assert guided[0].words_log_probability > guided[1].words_log_probability
    # What the guide says is no part of how well a spelling fits what was heard.
    alone = {s.ids: s.log_probability for s in spellings(logits)}
    assert guided[0].log_probability == pytest.approx(alone[0, 1], abs=1e-3)


def test_clear_speech_overrules_the_guide() -> None:
    pieces = [" hot", " dog", " dock"]
    guide = WordGuide(word_model({"hot dog": 9}), pieces)
    logits = 12.0 * torch.nn.functional.one_hot(torch.tensor([0, BLANK, 2]), BLANK + 1).float()
    assert spellings(logits, guide=guide)[0].ids == (0, 2)


def test_the_decoder_decides_between_spellings_that_sound_alike() -> None:
    model = tiny_model(seed=2, decoder=True, adapter="ctc", start_ids=(START,), stop_ids=(END,))
    states = model.encode(model.features([tone(1.5)]))

    logits = model.adapter.token_logits(model.adapter(states))[0]
    heard = [s.ids for s in spellings(logits)]
    speller = Speller(model.adapter, model.decoder, (START,), END)
    ids, scores, log_probability, *_ = joint_words(speller, states)
    assert ids in heard and len(scores) == len(ids) + 1
    assert (ids, log_probability) in [s[:2] for s in spellings(logits)]
    given = torch.tensor([[START, *ids]])
    expected = torch.log_softmax(model.decoder(given, states)[0].float(), dim=-1)
    wanted = torch.tensor([*ids, END])
    assert scores == pytest.approx(expected.gather(-1, wanted[:, None])[:, 0].tolist(), abs=1e-4)


def test_given_words_are_weighed_like_those_that_are_found() -> None:
    model = tiny_model(seed=2, decoder=True, adapter="ctc", start_ids=(START,), stop_ids=(END,))
    states = model.encode(model.features([tone(1.5)]))
    speller = Speller(model.adapter, model.decoder, (START,), END)
    found = joint_words(speller, states)
    expected = (
        found.spelling_log_probability
        + GUIDED.decoder * sum(found.log_probabilities)
        + GUIDED.token * len(found.ids)
    )
    too_long = tuple(range(60))
    scores = scores_of(speller, states, [found.ids, (5,), too_long])
    # The search leaves out unlikely alignments.
    assert expected - 0.01 <= scores[0] <= expected + 1.0
    assert scores[1] < scores[0] and scores[2] == -math.inf


def test_phrases_are_weighed_by_models_that_spell_only() -> None:
    model = tiny_model(seed=2, decoder=True, adapter="ctc", start_ids=(START,), stop_ids=(END,))
    for length_s in (0.01, 0.4):
        scores = model.phrase_scores(tone(length_s), ["stop", "uh huh"]) or []
        assert len(scores) == 2 and all(score < math.inf for score in scores)
    assert tiny_model(seed=2).phrase_scores(tone(0.4), ["stop"]) is None


def test_a_talk_is_given_the_words_that_are_shown() -> None:
    model = tiny_model(seed=2, decoder=True, adapter="ctc", start_ids=(START,), stop_ids=(END,))
    heard = model.hear(tone(1.5))
    words = transcription.transcribe(model, heard)
    assert words.source == "decoder" and words.confidence is not None
    ids = list(heard.spelled[0].ids)
    assert words.text == model.tokenizer.decode(ids).strip()
    assert torch.equal(heard.speech_embeddings, model.llm.embed(torch.tensor([ids]))[0])
