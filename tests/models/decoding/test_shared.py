"""Conversations that are answered together say what each would say alone."""

from collections.abc import Generator

import pytest
import torch

from models.decoding.budget import CacheBudget, position_bytes
from models.decoding.rows import layer_shapes, shapes_of
from models.decoding.sampling import Sampling
from models.decoding.shared import GROWTH, UNASKED, SharedSteps, Sharing
from models.generation import CachedText, Guidance, generate
from models.llm import LanguageModel
from tests.models.small import tiny_model
from tests.models.test_partial_lora import LLMS

FULL = sorted(name for name in LLMS if name != "gemma3_text")


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return tiny_model(seed=3)


def shared(llm, *, rows: int = 4, positions: int = 511, **options) -> SharedSteps:
    return SharedSteps(llm, Sharing(rows, positions, **options))


def conversation(model, steps: SharedSteps | None, number: int) -> CachedText:
    """Of a length of its own, with speech in it."""
    generator = torch.Generator().manual_seed(number)
    text = CachedText(model.llm, steps)
    text.append_ids([1, 2, 3, *range(5, 5 + 7 * number)])
    text.append_speech(torch.randn(4 + number, 32, generator=generator))
    text.append_ids([9, 8])
    return text


def tokens(text: CachedText, count: int = 12, **options) -> Generator[int]:
    return generate(text, Sampling(max_new_tokens=count, no_repeat_ngram=3), stop_ids=(), **options)


def alone(model, number: int, count: int = 12) -> list[int]:
    return list(tokens(conversation(model, None, number), count))


def test_talks_of_any_lengths_say_together_what_each_says_alone(model):
    steps = shared(model.llm)
    texts = [conversation(model, steps, number) for number in range(4)]
    together = [list(row) for row in zip(*(tokens(text) for text in texts), strict=True)]
    for number in range(4):
        assert [row[number] for row in together] == alone(model, number)
    # Of each reply the first token comes of its prefill; the others were computed four at a time.
    assert steps.given / steps.taken > 3
    assert not steps.seated


def test_logits_of_a_shared_step_are_those_of_a_single_one(model):
    steps = shared(model.llm)
    texts = [conversation(model, steps, number) for number in range(3)]
    singles = [conversation(model, None, number) for number in range(3)]
    with texts[0].replying(), texts[1].replying(), texts[2].replying():
        for token in (4, 30, 31, 7):
            for text, single in zip(texts, singles, strict=True):
                assert torch.allclose(text.logits(), single.logits(), atol=1e-5)
                text.append_ids([token])
                single.append_ids([token])
        assert len(steps.seated) == 3


def test_one_joins_in_the_middle_one_ends_and_one_is_interrupted(model):
    steps = shared(model.llm)
    first, second = conversation(model, steps, 0), conversation(model, steps, 1)
    third = conversation(model, steps, 2)
    long, short = tokens(first, 20), tokens(second, 5)
    said = {0: [next(long)], 1: [next(short)], 2: []}
    for _ in range(4):
        said[0].append(next(long))
        said[1].append(next(short))
    assert next(short, None) is None and len(steps.seated) == 1
    joins = tokens(third, 20)
    for _ in range(6):
        said[2].append(next(joins))
        said[0].append(next(long))
    assert len(steps.seated) == 2
    joins.close()  # interrupted
    said[0] += list(long)
    for number, reply in said.items():
        assert reply == alone(model, number, 20)[: len(reply)]
    # Each goes on from what it said, whatever was computed along.
    for number, text in enumerate((first, second, third)):
        kept = conversation(model, None, number)
        kept.append_ids(said[number])
        assert len(text) == len(kept)
        assert torch.allclose(text.logits(), kept.logits(), atol=1e-5)


def test_what_was_said_can_be_cut_while_it_is_still_said(model):
    steps = shared(model.llm)
    cut, other = conversation(model, steps, 0), conversation(model, steps, 1)
    saying, beside = tokens(cut), tokens(other)
    for _ in range(4):
        next(saying)
        next(beside)
    length = len(cut)
    cut.crop(length - 2)
    cut.append_ids([40, 41])
    single = conversation(model, None, 0)
    single.append_ids([*alone(model, 0)[:2], 40, 41])
    assert torch.allclose(cut.logits(), single.logits(), atol=1e-5)
    assert [*alone(model, 1)[:4], *beside] == alone(model, 1)


def test_a_talk_alone_takes_its_own_steps_until_another_begins(model):
    steps = shared(model.llm)
    text = conversation(model, steps, 0)
    reply = tokens(text, 9)
    said = [next(reply) for _ in range(3)]
    assert steps.taken == 0
    beside = tokens(conversation(model, steps, 1), 9)
    for _ in range(3):
        next(beside)
        said.append(next(reply))
    assert steps.taken > 0
    assert [*said, *reply] == alone(model, 0, 9)


def test_who_is_always_to_share_does_so_alone(model):
    steps = shared(model.llm, when_alone=True)
    assert list(tokens(conversation(model, steps, 1))) == alone(model, 1)
    assert steps.taken == steps.given == 11


def test_more_talks_than_rows_are_answered_all_the_same(model):
    steps = shared(model.llm, rows=2)
    texts = [conversation(model, steps, number) for number in range(3)]
    together = list(zip(*(tokens(text) for text in texts), strict=True))
    for number in range(3):
        assert [row[number] for row in together] == alone(model, number)


def test_a_reader_that_stays_away_leaves_and_comes_back(model):
    steps = shared(model.llm)
    count = 2 * UNASKED
    away, beside = (tokens(conversation(model, steps, number), count) for number in range(2))
    said: list[list[int]] = [[], []]
    for _ in range(3):
        said[0].append(next(away))
        said[1].append(next(beside))
    assert len(steps.seated) == 2
    said[1] += [next(beside) for _ in range(UNASKED + 3)]
    assert len(steps.seated) == 1
    said[0] += [next(away) for _ in range(4)]
    assert len(steps.seated) == 2
    assert [*said[0], *away] == alone(model, 0, count)
    assert [*said[1], *beside] == alone(model, 1, count)


def test_a_reply_that_nobody_reads_any_more_frees_its_row(model):
    steps = shared(model.llm, rows=2)
    replies = [tokens(conversation(model, steps, number)) for number in range(2)]
    for _ in range(3):
        for reply in replies:
            next(reply)
    del reply
    replies[0] = tokens(conversation(model, steps, 2))
    said = [next(replies[0]) for _ in range(4)]
    for _ in range(2):
        next(replies[1])
    assert len(steps.seated) == 2
    assert [*said, *replies[0]] == alone(model, 2)
    assert list(replies[1]) == alone(model, 1)[5:]
    assert not steps.seated


def test_a_talk_may_outgrow_the_buffers_and_then_the_sharing(model):
    positions = 40
    steps = shared(model.llm, positions=positions)
    texts = [conversation(model, steps, number) for number in range(2)]
    together = list(zip(*(tokens(text, 40) for text in texts), strict=True))
    for number in range(2):
        assert [row[number] for row in together] == alone(model, number, 40)
    assert len(texts[0]) > positions


def test_buffers_grow_with_what_they_hold():
    torch.manual_seed(0)
    llm = LanguageModel({"model_type": "qwen2", **LLMS["qwen2"]}, None).eval()
    steps = shared(llm, positions=2 * GROWTH)
    texts = [CachedText(llm, steps), CachedText(llm, steps)]
    texts[0].append_ids([1, 2])
    texts[1].append_ids([5] * (GROWTH - 3))
    together = list(zip(*(tokens(text, 8) for text in texts), strict=True))
    for number, ids in enumerate(([1, 2], [5] * (GROWTH - 3))):
        single = CachedText(llm)
        single.append_ids(ids)
        assert [row[number] for row in together] == list(tokens(single, 8))


@pytest.mark.parametrize("name", FULL)
def test_any_llm_that_keeps_all_positions_shares(name):
    torch.manual_seed(0)
    llm = LanguageModel({"model_type": name, **LLMS[name]}, None).eval()
    steps = shared(llm, positions=60)
    texts = [CachedText(llm, steps), CachedText(llm, steps)]
    texts[0].append_ids([1, 2])
    texts[1].append_ids([3, 4, 5, 6, 7])
    together = list(zip(*(tokens(text, 8) for text in texts), strict=True))
    assert steps.given > steps.taken
    for number, ids in enumerate(([1, 2], [3, 4, 5, 6, 7])):
        single = CachedText(llm)
        single.append_ids(ids)
        assert [row[number] for row in together] == list(tokens(single, 8))


@pytest.mark.parametrize("name", FULL)
def test_the_memory_of_a_position_is_known_before_anything_is_loaded(name):
    llm = LanguageModel({"model_type": name, **LLMS[name]}, None).eval()
    shapes = shapes_of(llm)
    assert shapes is not None
    measured = sum(shape.position_bytes for shape in shapes)
    assert position_bytes(llm.causal.config, torch.float32) == measured


def test_a_window_of_attention_is_not_shared():
    llm = LanguageModel({"model_type": "gemma3_text", **LLMS["gemma3_text"]}, None).eval()
    assert layer_shapes(llm.new_cache()) is None
    with pytest.raises(ValueError, match="cannot share"):
        shared(llm)


def test_a_led_reply_is_led_the_same_together(model):
    def guidance(steps: SharedSteps | None) -> Guidance:
        unasked = CachedText(model.llm, steps)
        unasked.append_ids([1, 2, 9, 8])
        return Guidance(unasked, 0.5, 0.1)

    steps = shared(model.llm)
    texts = [conversation(model, steps, number) for number in range(2)]
    replies = [tokens(text, guidance=guidance(steps)) for text in texts]
    together = list(zip(*replies, strict=True))
    for number in range(2):
        single = tokens(conversation(model, None, number), guidance=guidance(None))
        assert [row[number] for row in together] == list(single)


def test_the_longest_silent_talk_gives_up_its_cache_and_says_the_same(model):
    budget = CacheBudget(60)
    steps = shared(model.llm, budget=budget)
    texts = [conversation(model, steps, number) for number in range(3)]
    for text in texts:  # 9, 17 and 25 positions
        text.logits()
    assert budget.forgotten == 0
    list(tokens(texts[2], 18))
    assert budget.forgotten == 1
    assert list(tokens(texts[0])) == alone(model, 0)


def test_a_talk_without_memory_for_it_is_refused_with_numbers(model):
    text = conversation(model, shared(model.llm, budget=CacheBudget(16)), 1)
    with pytest.raises(ValueError, match=r"17 positions.*--together"):
        text.logits()
