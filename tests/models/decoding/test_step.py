"""Steps of one shape, as a CUDA graph replays them, give what plain ones give."""

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from models.decoding import step
from models.decoding.rows import Rows, shapes_of
from models.decoding.sampling import Sampling, TokenSampler
from models.decoding.shared import SharedSteps, Sharing
from models.decoding.step import Run, Stepped, Steps, best_of, forward
from models.generation import CachedText, generate
from tests.models.small import tiny_model


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return tiny_model(seed=3)


@pytest.fixture
def small(monkeypatch):
    """Steps of few positions, so that replies grow through several shapes."""
    monkeypatch.setattr(step, "SHORTEST_SEEN", 16)


RECORDED: list[torch.fx.GraphModule] = []


def record(compute: Run) -> Run:
    """As CUDA does: the operations with their shapes and buffers, run once, and nothing of Python.

    What asks a tensor for a number cannot be recorded so: its number would be that of today.
    """
    recording = make_fx(lambda: tuple(compute()))()
    RECORDED.append(recording)
    return lambda: Stepped(*recording())


def conversation(model, number: int, steps: SharedSteps | None = None) -> CachedText:
    text = CachedText(model.llm, steps)
    text.append_ids(list(range(3, 8 + 5 * number)))
    return text


def replies(texts: list[CachedText], count: int = 40) -> list[list[int]]:
    sampling = Sampling(max_new_tokens=count, no_repeat_ngram=3)
    each = [generate(text, sampling, stop_ids=()) for text in texts]
    return [list(row) for row in zip(*zip(*each, strict=True), strict=True)]


def test_recorded_steps_say_what_plain_ones_say_at_all_lengths(model, small):
    RECORDED.clear()
    sharing = Sharing(4, 127, how="graph", when_alone=True, is_fixed=True)
    steps = SharedSteps(model.llm, sharing, record=record)
    steps.rehearse()
    # 1, 2 and 4 rows of 16, 32, 64 and 128 positions, and none while anybody talks.
    assert len(RECORDED) == 12
    found = replies([conversation(model, number, steps) for number in range(3)])
    assert len(RECORDED) == 12
    assert found == [replies([conversation(model, number)])[0] for number in range(3)]
    assert replies([conversation(model, 1, steps)]) == [found[1]]


def test_recorded_logits_are_plain_ones(model, small):
    shapes = shapes_of(model.llm)
    assert shapes is not None
    plain, recorded = Rows(shapes, 2, 60), Rows(shapes, 2, 60)
    steps = [Steps(model.llm, plain), Steps(model.llm, recorded, "graph", record)]
    for position in range(40):
        given = ([position % 7, position % 5], [position, position // 2], position)
        one, other = (step(*given) for step in steps)
        assert torch.allclose(one.logits, other.logits[:2], atol=1e-5)
        assert other.best is not None and torch.equal(other.best, best_of(other.logits))


@pytest.mark.slow
def test_torch_compile_takes_a_step_whole(model):
    shapes = shapes_of(model.llm)
    assert shapes is not None
    rows = [Rows(shapes, 3, 60), Rows(shapes, 3, 60)]
    compiled = torch.compile(forward, backend="aot_eager", fullgraph=True, dynamic=False)
    with torch.inference_mode():
        for position in range(3):
            given = torch.tensor([[4, 5, 6], [position, 2 * position, 60]])
            plain = forward(model.llm, rows[0], given[0], given[1], 32)
            whole = compiled(model.llm, rows[1], given[0], given[1], 32)
            assert torch.allclose(plain[:2], whole[:2], atol=1e-5)


def test_what_is_computed_along_leaves_no_trace(model):
    shapes = shapes_of(model.llm)
    assert shapes is not None
    rows = Rows(shapes, 3, 60)
    take = Steps(model.llm, rows)
    for position in range(5):
        take([1, 2, 3], [position] * 3, position)
    before = [buffer[1, :, :5].clone() for buffer in rows.buffers]
    for position in range(5, 9):
        take([1, 0, 3], [position, 5, position], position)
    assert all(torch.equal(b[1, :, :5], old) for b, old in zip(rows.buffers, before, strict=True))


@pytest.mark.parametrize(
    "settings", [{}, {"no_repeat_ngram": 2}, {"repetition_penalty": 1.3, "no_repeat_ngram": 3}]
)
def test_the_most_probable_alone_lead_to_the_same_choices(settings):
    looked = []

    class Looked(TokenSampler):
        def _pick(self, logits):
            looked.append(1)
            return super()._pick(logits)

    torch.manual_seed(0)
    sampling = Sampling(**settings)
    whole, among = TokenSampler(sampling), Looked(sampling)
    base = torch.randn(300)
    for _ in range(200):
        logits = base + 0.3 * torch.randn(300)
        assert whole.choose(logits) == among.choose(logits, best_of(logits[None])[0])
    assert len(looked) < 20  # where sixty-four do not suffice, all are looked at


def test_a_choice_that_may_lie_beyond_the_most_probable_is_looked_for_there():
    logits = torch.full((300,), -1.0)
    logits[:64] = torch.linspace(2, 1, 64)
    logits[64] = 0.999
    whole, among = (TokenSampler(Sampling(no_repeat_ngram=1)) for _ in range(2))
    best = best_of(logits[None])[0]
    assert [among.choose(logits, best) for _ in range(70)] == [
        whole.choose(logits) for _ in range(70)
    ]
