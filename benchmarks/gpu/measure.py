"""What is measured of a model: encoding, first token, tokens a second, talks at once."""

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmarks.results import percentile
from models.blsp_emo import BlspEmo
from models.decoding.sampling import Sampling
from models.decoding.shared import SharedSteps
from models.features import SPEECH_RATE_HZ, Waveform
from models.generation import CachedText, generate

SECONDS = 4.0
"""Of an utterance."""
HEADER = (11, 12, 13, 14, 15)
"""As many tokens as the markup between a person's words and a reply."""


@dataclass(frozen=True, slots=True)
class MeasurePlan:
    """How much is measured."""

    before: int = 400
    """Positions that a talk has when it is asked."""
    tokens: int = 96
    """Of a reply."""
    runs: int = 3
    turns: int = 24
    """Questions asked beside the other talks, for each number of talks."""
    talks: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    padded: int = 8
    """Talks of a batch of the reference way."""

    @classmethod
    def tiny(cls) -> "MeasurePlan":
        """Returns one for a model that tests the script, not the machine."""
        return cls(before=40, tokens=8, runs=1, turns=3, talks=(1, 2), padded=2)


def utterance() -> Waveform:
    """Returns noise as long as an utterance: a random model hears nothing in speech either."""
    samples = np.random.default_rng(0).standard_normal(round(SECONDS * SPEECH_RATE_HZ))
    return (0.1 * samples).astype(np.float32)


def done(device: torch.device) -> None:
    """Waits for all that `device` was given to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(compute: Callable[[], object], runs: int, device: torch.device) -> list[float]:
    """Returns the milliseconds of each of `runs`, after one to warm up."""
    compute()
    found: list[float] = []
    for _ in range(runs):
        done(device)
        began = time.perf_counter()
        compute()
        done(device)
        found.append(1e3 * (time.perf_counter() - began))
    return found


@torch.inference_mode()
def speech(model: BlspEmo, waveform: Waveform) -> Tensor:
    """Returns the speech embeddings (S, D) of an utterance, without its words."""
    return torch.cat([model.adapt(states).of(0) for states in model.pieces(waveform)])


def talk(
    model: BlspEmo, plan: MeasurePlan, steps: SharedSteps | None, *, seed: int = 0
) -> CachedText:
    """Returns a talk that has gone on for a while, computed so far."""
    text = CachedText(model.llm, steps)
    draw = torch.Generator().manual_seed(seed)
    vocabulary = int(model.config.llm["vocab_size"])
    text.append_ids(torch.randint(0, vocabulary, (plan.before,), generator=draw).tolist())
    text.logits()
    return text


def ask(model: BlspEmo, text: CachedText, waveform: Waveform) -> None:
    """Lets `text` hear an utterance."""
    text.append_speech(speech(model, waveform))
    text.append_ids(HEADER)


def reply(text: CachedText, tokens: int) -> Generator[int]:
    """Returns a reply that no random weights end too soon."""
    return generate(text, Sampling(max_new_tokens=tokens, no_repeat_ngram=4), stop_ids=())


def first_token_ms(model: BlspEmo, plan: MeasurePlan, steps: SharedSteps | None) -> list[float]:
    """Returns the milliseconds from an utterance to the first token of its answer."""
    waveform, text = utterance(), talk(model, plan, steps)

    def answered() -> None:
        ask(model, text, waveform)
        with closing(reply(text, 1)) as tokens:
            next(tokens)
        text.crop(plan.before)

    return timed(answered, plan.runs * 3, model.device)


def tokens_a_second(
    model: BlspEmo, plan: MeasurePlan, steps: SharedSteps | None, talks: int
) -> float:
    """Returns the tokens that `talks` at once are given in a second, all together."""
    texts = [talk(model, plan, steps, seed=number) for number in range(talks)]

    def answered() -> None:
        for text in texts:
            text.crop(plan.before)
            text.append_ids(HEADER)
        for _ in zip(*(reply(text, plan.tokens) for text in texts), strict=True):
            pass

    milliseconds = timed(answered, plan.runs, model.device)
    return 1e3 * talks * plan.tokens / percentile(milliseconds, 0.5)


@torch.inference_mode()
def reference_tokens_a_second(model: BlspEmo, plan: MeasurePlan, talks: int) -> float:
    """Returns the same by `transformers`' own `generate`, a padded batch of prompts."""
    draw = torch.Generator().manual_seed(0)
    vocabulary = int(model.config.llm["vocab_size"])
    length = plan.before + len(HEADER)
    ids = torch.randint(0, vocabulary, (talks, length), generator=draw).to(model.device)
    mask = torch.ones_like(ids)
    for row in range(1, talks):
        mask[row, : row * length // (2 * talks)] = 0  # padded on the left
    given = {"input_ids": ids, "attention_mask": mask, "do_sample": False, "pad_token_id": 0}
    numbers = {"max_new_tokens": plan.tokens, "min_new_tokens": plan.tokens}
    milliseconds = timed(
        lambda: model.llm.causal.generate(**given, **numbers), plan.runs, model.device
    )
    return 1e3 * talks * plan.tokens / percentile(milliseconds, 0.5)


def busy_first_token_ms(
    model: BlspEmo, plan: MeasurePlan, steps: SharedSteps | None, talks: int
) -> tuple[list[float], float]:
    """Returns how long a question waits for its first token while the other talks are answered.

    As the worker of a server has it: the question is due before what the others are given next,
    and waits for the step under way at most. Each talk asks in its turn.

    Returns:
        Milliseconds of each question; tokens a second of each talk that is being answered.
    """
    waveform = utterance()
    texts = [talk(model, plan, steps, seed=number) for number in range(talks)]
    replies = [_again(text, plan) for text in texts]
    waited: list[float] = []
    given, began = 0, time.perf_counter()
    for turn in range(plan.turns):
        asking = turn % talks
        replies[asking].close()
        texts[asking].crop(plan.before)
        for each in replies[:asking] + replies[asking + 1 :]:
            given += next(each, None) is not None
        done(model.device)
        asked = time.perf_counter()
        ask(model, texts[asking], waveform)
        replies[asking] = _again(texts[asking], plan)
        next(replies[asking])
        waited.append(1e3 * (time.perf_counter() - asked))
        for _ in range(4):
            for each in replies:
                given += next(each, None) is not None
    seconds = time.perf_counter() - began
    for each in replies:
        each.close()
    return waited, given / seconds / talks


def _again(text: CachedText, plan: MeasurePlan) -> Generator[int]:
    """Yields one reply after another to what `text` was asked last."""
    if len(text) == plan.before:
        text.append_ids(HEADER)
    while True:
        start = len(text)
        yield from reply(text, plan.tokens)
        text.crop(start)


def bytes_a_second(device: torch.device, size: int) -> float:
    """Returns how quickly the memory of `device` is read and written, by copying `size` bytes."""
    source = torch.ones(size // 4, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    milliseconds = timed(lambda: target.copy_(source), 5, device)
    return 2 * size / (min(milliseconds) / 1e3)
