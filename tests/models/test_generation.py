import itertools

import pytest
import torch

from models.decoding.sampling import Sampling, TokenSampler
from models.generation import CachedText, Guidance, generate
from tests.models.small import counted_positions, tiny_model


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return tiny_model(seed=3)


@torch.no_grad()
def whole_logits(model, text: CachedText) -> torch.Tensor:
    """The last logits of a run without cache."""
    embeddings, speech = CachedText.inputs(text)
    with model.speech_positions(speech):
        return model.llm(embeddings)[0, -1]


def conversation(model) -> CachedText:
    torch.manual_seed(5)
    text = CachedText(model.llm)
    text.append_ids([1, 2, 3])
    text.append_speech(torch.randn(4, 32))
    text.append_ids([9, 8])
    return text


def test_cached_is_uncached_whatever_is_appended_cropped_or_replaced(model):
    text = conversation(model)
    assert torch.allclose(text.logits(), whole_logits(model, text), atol=1e-5)
    text.append_ids([7])
    text.append_speech(torch.randn(2, 32))
    assert torch.allclose(text.logits(), whole_logits(model, text), atol=1e-5)
    text.crop(6)
    assert len(text) == 6
    assert torch.allclose(text.logits(), whole_logits(model, text), atol=1e-5)
    text.append_ids([4, 5])
    text.replace(1, 4, [20, 21])
    assert len(text) == 7
    assert torch.allclose(text.logits(), whole_logits(model, text), atol=1e-5)


def test_asking_twice_gives_the_same_and_nothing_gives_an_error(model):
    text = conversation(model)
    first = text.logits()
    assert torch.allclose(first, text.logits(), atol=1e-6)
    with pytest.raises(ValueError, match="empty"):
        CachedText(model.llm).logits()


def test_greedy_tokens_equal_those_of_uncached_runs(model):
    text, slow = conversation(model), conversation(model)
    tokens = list(generate(text, Sampling(max_new_tokens=8), stop_ids=()))
    expected = []
    for _ in range(8):
        expected.append(int(whole_logits(model, slow).argmax()))
        slow.append_ids([expected[-1]])
    assert tokens == expected
    assert len(text) == len(slow)


def test_generation_ends_at_a_stop_token_at_the_limit_and_when_cancelled(model):
    tokens = list(generate(conversation(model), Sampling(max_new_tokens=6), stop_ids=()))
    stopped = generate(conversation(model), Sampling(max_new_tokens=6), stop_ids=[tokens[2]])
    assert list(stopped) == tokens[: tokens.index(tokens[2])]
    text, seen = conversation(model), []
    running = generate(text, Sampling(), stop_ids=(), cancelled=lambda: len(seen) == 3)
    seen.extend(token for token in _each(running, seen))
    assert len(seen) == 3 and len(text) == 9 + 3


def _each(tokens, seen):
    for token in tokens:
        seen.append(token)
        yield from ()


def sliding():
    """Returns an LLM with a window of attention, the same each time."""
    from models.llm import LanguageModel
    from tests.models.test_partial_lora import LLMS

    torch.manual_seed(0)
    return LanguageModel({"model_type": "gemma3_text", **LLMS["gemma3_text"]}, None).eval()


def test_a_window_of_attention_that_slid_on_is_computed_anew():
    text, fresh = CachedText(sliding()), CachedText(sliding())
    text.append_ids(list(range(1, 21)))
    text.logits()
    text.crop(5)
    fresh.append_ids(list(range(1, 6)))
    assert torch.allclose(text.logits(), fresh.logits(), atol=1e-5)


LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0])


def choose(count: int, **settings) -> list[int]:
    sampler = TokenSampler(Sampling(**settings))
    return [sampler.choose(LOGITS) for _ in range(count)]


def test_greedy_takes_the_most_probable():
    assert choose(2) == [0, 0]


def test_sampling_follows_the_probabilities_and_the_seed():
    drawn = choose(1000, temperature=1.0, seed=1)
    share = drawn.count(0) / len(drawn)
    assert share == pytest.approx(torch.softmax(LOGITS, 0)[0].item(), abs=0.05)
    assert drawn == choose(1000, temperature=1.0, seed=1)
    assert drawn != choose(1000, temperature=1.0, seed=2)


def test_a_nucleus_leaves_the_improbable_out():
    assert set(choose(500, temperature=1.0, top_p=0.7, seed=0)) == {0, 1}
    assert set(choose(100, temperature=1.0, top_p=0.1, seed=0)) == {0}


def test_repetition_is_penalised_and_no_ngram_returns():
    assert choose(2, repetition_penalty=4.0) == [0, 1]
    assert choose(3, no_repeat_ngram=1) == [0, 1, 2]
    drawn = choose(6, no_repeat_ngram=2)
    pairs = list(itertools.pairwise(drawn))
    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize("bad", [{"temperature": -1}, {"top_p": 0}, {"repetition_penalty": 0}])
def test_impossible_sampling_is_refused(bad):
    with pytest.raises(ValueError, match="top_p"):
        Sampling(**bad)


def guided(model, *, weight: float, plausible: float = 1e-9) -> Guidance:
    unasked = CachedText(model.llm)
    unasked.append_ids([1, 2, 3, 9, 8])
    return Guidance(unasked, weight, plausible)


def test_guidance_leads_away_from_what_would_be_answered_to_anybody(model):
    asked, guidance = conversation(model).logits(), guided(model, weight=2.0)
    unasked = guidance.unasked.logits()
    led = guidance.led(asked)
    expected = 3.0 * asked.log_softmax(-1) - 2.0 * unasked.log_softmax(-1)
    assert torch.allclose(led, expected, atol=1e-4)
    none = guided(model, weight=0.0).led(asked)
    assert torch.allclose(none, asked.log_softmax(-1), atol=1e-5)


def test_what_is_not_plausible_is_never_led_to(model):
    asked = conversation(model).logits()
    led = guided(model, weight=50.0, plausible=0.5).led(asked)
    allowed = torch.isfinite(led)
    shares = asked.softmax(-1)
    assert bool(allowed.any()) and bool((shares[allowed] >= 0.5 * shares.max() - 1e-6).all())


def test_guidance_is_for_the_next_reply_as_it_was_even_if_this_one_is_cut(model):
    guidance = guided(model, weight=1.5)
    before = guidance.unasked.logits()
    sampling = Sampling(max_new_tokens=6)
    first = list(generate(conversation(model), sampling, stop_ids=(), guidance=guidance))
    assert len(guidance.unasked) == 5
    cut = generate(conversation(model), sampling, stop_ids=(), guidance=guidance)
    assert next(cut) == first[0]
    cut.close()
    assert torch.allclose(guidance.unasked.logits(), before, atol=1e-5)
    again = list(generate(conversation(model), sampling, stop_ids=(), guidance=guidance))
    assert again == first


def never() -> bool:
    return False


@pytest.mark.parametrize("came", [[4, 5, 6, 7], [4, 5, 9], [9], [4, 5], [4, 5, 6, 7, 8, 9]])
def test_what_was_expected_and_came_is_not_computed_again(model, monkeypatch, came) -> None:
    text = conversation(model)
    text.logits()
    assert text.expect([4, 5, 6, 7], 3, never) and not text.expect([4, 5, 6, 7], 3, never)
    assert len(text) == 9, "the conversation is as it was"
    computed = counted_positions(model, monkeypatch)
    text.append_ids(came)
    text.append_speech(torch.randn(2, 32))
    found = text.logits()
    alike = sum(a == b for a, b in zip([4, 5, 6, 7], came, strict=False) if a == b)
    assert computed == [len(came) - alike + 2]
    monkeypatch.undo()
    assert torch.allclose(found, whole_logits(model, text), atol=1e-5)


def test_expected_before_anything_is_computed_and_expected_otherwise(model, monkeypatch) -> None:
    text = conversation(model)
    while text.expect([4, 5, 6], 4, never):
        pass
    computed = counted_positions(model, monkeypatch)
    while text.expect([4, 7], 4, never):
        pass
    assert computed == [1]
    text.append_ids([4, 7])
    text.crop(10)
    text.append_ids([1])
    monkeypatch.undo()
    assert torch.allclose(text.logits(), whole_logits(model, text), atol=1e-5)


def test_what_is_taken_back_may_be_expected_again(model, monkeypatch) -> None:
    text = conversation(model)
    text.append_ids([4, 5, 6])
    text.append_speech(torch.randn(2, 32))
    text.logits()
    text.crop(9, expects=True)
    assert len(text) == 9
    computed = counted_positions(model, monkeypatch)
    text.append_ids([4, 5, 8])
    found = text.logits()
    assert computed == [1]
    monkeypatch.undo()
    assert torch.allclose(found, whole_logits(model, text), atol=1e-5)


def test_a_window_of_attention_keeps_no_more_of_what_was_expected_than_it_can():
    text, fresh = CachedText(sliding()), CachedText(sliding())
    text.append_ids(list(range(1, 21)))
    fresh.append_ids([*range(1, 21), 30, 33])
    while text.expect([30, 31, 32], 2, never):
        pass
    text.append_ids([30, 33])
    assert torch.allclose(text.logits(), fresh.logits(), atol=1e-5)


@pytest.mark.parametrize("begun", [0, 2])
def test_a_step_that_gives_way_leaves_nothing(model, begun: int) -> None:
    text = conversation(model)
    while begun and text.expect([4, 5][:begun], 4, never):
        pass
    asked = []

    def gives_way() -> bool:
        asked.append(True)
        return len(asked) > 1  # amid the layers

    assert text.expect([4, 5, 6], 9, gives_way)
    assert len(asked) == 2
    text.append_ids([4, 5, 7])
    assert torch.allclose(text.logits(), whole_logits(model, text), atol=1e-5)


def test_a_window_of_attention_gives_way_too():
    text, fresh = CachedText(sliding()), CachedText(sliding())
    text.append_ids(list(range(1, 21)))
    fresh.append_ids([*range(1, 21), 30])
    while text.expect([30], 4, never):
        pass
    asked = iter([False, True])
    assert text.expect([30, 31, 32], 4, lambda: next(asked))
    text.append_ids([30])
    assert torch.allclose(text.logits(), fresh.logits(), atol=1e-5)
