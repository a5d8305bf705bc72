"""How well phrases fit something brief, and where in the sound a decoder reads."""

import math
from collections.abc import Sequence

import pytest
import torch

from models.blsp_emo import BlspEmo
from models.speech_decoder import SpeechDecoder
from models.words.phrases import MARKS, phrase_scores
from tests.models.small import byte_tokenizer, tiny_model, tone

START, END = 257, 258


@pytest.fixture(scope="module")
def model() -> BlspEmo:
    torch.set_num_threads(1)
    model = tiny_model(seed=2, decoder=True, start_ids=(START,), stop_ids=(END,))
    model.tokenizer = byte_tokenizer()
    return model


def decoder_of(model: BlspEmo) -> SpeechDecoder:
    assert model.decoder is not None
    return model.decoder


def scores_of(model: BlspEmo, phrases: Sequence[str]) -> list[float]:
    config = model.config.transcription
    assert config is not None
    states = model.encode(model.features([tone(0.6)]))
    return phrase_scores(decoder_of(model), config, states, phrases, model.decoder_tokenizer)


@torch.inference_mode()
def total(model: BlspEmo, text: str) -> float:
    """Returns the log-probability of `text` and the end, or of a mark after it, one at a time."""
    states = model.encode(model.features([tone(0.6)]))
    ids = model.decoder_tokenizer.encode(text)
    logits = decoder_of(model)(torch.tensor([[START, *ids]]), states)[0].log_softmax(-1)
    marks = {END, *(model.decoder_tokenizer.encode(mark)[0] for mark in MARKS)}
    said = sum(float(logits[at, token]) for at, token in enumerate(ids))
    return said + float(logits[len(ids), sorted(marks)].logsumexp(0))


def test_phrases_are_scored_as_one_by_one_in_small_and_large_letters(
    model: BlspEmo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.words.phrases.WITHIN", math.inf)
    phrases = ("stop", "go on", "no", "stop it", "not now")
    for phrase, score in zip(phrases, scores_of(model, phrases), strict=True):
        ways = [total(model, f" {text}") for text in (phrase, phrase.capitalize())]
        assert score == pytest.approx(math.log(sum(map(math.exp, ways))), abs=1e-3)


def test_a_phrase_that_cannot_have_been_said_is_not_read_on(model: BlspEmo, monkeypatch) -> None:
    monkeypatch.setattr("models.words.phrases.WITHIN", 0.0)
    monkeypatch.setattr(model.decoder_tokenizer, "encode", lambda text: [text.strip().encode()[0]])
    scores = scores_of(model, ("stop", "xylophone"))
    assert sorted(map(math.isfinite, scores)) == [False, True]


def test_what_phrases_share_is_read_once(model: BlspEmo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.words.phrases.WITHIN", math.inf)
    rows: list[int] = []
    logits = decoder_of(model).logits

    def counted(states: torch.Tensor) -> torch.Tensor:
        rows.append(states.shape[-2])
        return logits(states)

    monkeypatch.setattr(model.decoder, "logits", counted)
    scores_of(model, ("stop", "stop it", "stop now"))
    # After the prompt and after each letter; what stands behind "stop " is read once for both.
    assert sum(rows) == 1 + len(" stop" + " it" + "now") + len("Stop" + " it" + "now")


def test_a_model_without_a_decoder_weighs_nothing() -> None:
    assert tiny_model(seed=1).phrase_scores(tone(0.5), ("stop",)) is None


@pytest.mark.parametrize("heads", [(), ((0, 1),)])
def test_each_token_shares_its_attention_among_the_states_that_hold_sound(
    model: BlspEmo, heads: tuple[tuple[int, int], ...]
) -> None:
    decoder = decoder_of(model)
    states = model.encode(model.features([tone(0.6)]))
    read = decoder.attention((5, 6, 7), states, prompt=(START,), heads=heads)
    assert read.shape[1] == 3 and read.shape[0] == (1 if heads else read.shape[0])
    assert torch.allclose(read.sum(-1), torch.ones(read.shape[:2]), atol=1e-5)
    attention = decoder.whisper.get_submodule("layers.0.encoder_attn")
    assert not attention._forward_pre_hooks, "no hook stays behind"
