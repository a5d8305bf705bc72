"""One token more for several conversations: the same shapes and addresses every time.

A CUDA graph records kernels with their shapes and addresses and none of Python: a step may not ask
a tensor anything, so that where each row is written and what it sees are tensors as well. What is
recorded here once is right for all lengths up to the `seen` positions that it was recorded for.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from models.decoding.rows import Rows
from models.llm import LanguageModel

How = Literal["plain", "graph", "compiled"]
"""`graph` replays a recorded CUDA graph, `compiled` one whose kernels `torch.compile` made."""
Run = Callable[[], "Stepped"]
RecordRun = Callable[[Run], Run]
"""Takes what computes from buffers that stay where they are; returns what repeats it."""
BEST = 64
"""Most probable tokens of a row that are copied back: all that a greedy choice ever needs but
where sixty-four are forbidden."""
SHORTEST_SEEN = 256
"""Fewest positions that a recorded step sees; each further one sees twice as many."""
MOST_SHAPES = 256
"""Sizes of steps that are compiled; beyond eight torch would give up by itself."""
PLAIN_SEEN = 32
"""What is not recorded sees a multiple of so many positions."""


class Stepped(NamedTuple):
    """What a step gives."""

    logits: Tensor
    """(B, V) on the device."""
    best: Tensor | None
    """(B, 2, `BEST`) logits and tokens of the most probable, float32: exact for both, as no
    vocabulary has 2^24 tokens. None where the logits can be looked at where they are."""


def forward(llm: LanguageModel, rows: Rows, tokens: Tensor, positions: Tensor, seen: int) -> Tensor:
    """Returns logits (B, V) after `tokens` (B,) at `positions` (B,), which the first B rows keep.

    Args:
        llm: Computes.
        rows: What came before; extended in place.
        tokens: One for each row.
        positions: How many the row holds so far.
        seen: Positions that are attended to, more than the largest of `positions`.
    """
    cache = llm.cache_elsewhere(
        lambda keys, values, number: rows.write(number, keys, values, positions, seen)
    )
    sees = torch.arange(seen, device=positions.device)[None, None] <= positions[:, None, None]
    embeddings = llm.embed(tokens[:, None])
    return llm(embeddings, mask=sees, positions=positions[:, None], cache=cache)[:, -1]


def best_of(logits: Tensor) -> Tensor:
    """Returns (B, 2, K): the largest `logits` (B, V) in order, and whose they are."""
    found = logits.float().topk(min(BEST, logits.shape[-1]), dim=-1)
    return torch.stack([found.values, found.indices.float()], dim=1)


class Recorded(NamedTuple):
    """A step of one size, and the buffers that it reads."""

    tokens: Tensor
    positions: Tensor
    run: Run


class Steps:
    """Runs steps in whatever way the device is quickest.

    Args:
        llm: In eval mode.
        rows: Of the conversations.
        how: As named.
        record: Of graphs; CUDA's if not given.
    """

    def __init__(
        self, llm: LanguageModel, rows: Rows, how: How = "plain", record: RecordRun | None = None
    ) -> None:
        self._llm, self._rows, self._how = llm, rows, how
        self._record = record or record_graph
        self._forward: Callable[..., Tensor] = forward
        if how == "compiled":
            # Not its own CUDA graphs: they copy what they are given, and so the cache.
            compiled: Any = torch.compile  # its types name no limit, which it has
            self._forward = compiled(
                forward, fullgraph=True, dynamic=False, recompile_limit=MOST_SHAPES
            )
        self._recorded: dict[tuple[int, int], Recorded] = {}

    @torch.inference_mode()
    def __call__(self, tokens: list[int], positions: list[int], longest: int) -> Stepped:
        """Returns what follows `tokens`, one for each of the first rows, at `positions`.

        Rows beyond `longest` of them are computed along for nothing.
        """
        if self._how == "plain":
            device = self._llm.like.device
            given = torch.tensor([tokens, positions], device=device)
            seen = min(_up(longest + 1, PLAIN_SEEN), self._rows.positions + 1)
            logits = self._forward(self._llm, self._rows, given[0], given[1], seen)
            return Stepped(logits, None if device.type == "cpu" else best_of(logits).cpu())
        size, seen = self.shape(len(tokens), longest)
        recorded = self._recorded.get((size, seen)) or self._recording(size, seen)
        spare = size - len(tokens)
        # Rows beyond those asked write where nobody looks.
        recorded.tokens.copy_(torch.tensor(tokens + [0] * spare))
        recorded.positions.copy_(torch.tensor(positions + [self._rows.positions] * spare))
        found = recorded.run()
        # The next replay writes over the logits, and whoever was computed along looks later.
        best = None if found.best is None else found.best.cpu()
        return Stepped(found.logits.clone(), best)

    def shape(self, size: int, longest: int) -> tuple[int, int]:
        """Returns the rows and positions of the step that is recorded for so many."""
        seen = SHORTEST_SEEN
        while seen <= longest:
            seen *= 2
        whole = 1
        while whole < size:
            whole *= 2
        return min(whole, self._rows.count), min(seen, self._rows.positions + 1)

    def shapes(self) -> list[tuple[int, int]]:
        """Returns all shapes that can be asked for, the largest first."""
        found = {
            self.shape(size + 1, longest)
            for size in range(self._rows.count)
            for longest in range(0, self._rows.positions, SHORTEST_SEEN // 2)
        }
        # The memory that the largest works in is that of all others: graphs share a pool.
        return sorted(found, reverse=True)

    def rehearse(self) -> None:
        """Records every step beforehand: a conversation would wait for it."""
        if self._how != "plain":
            for size, seen in self.shapes():
                self._recording(size, seen)

    @torch.inference_mode()
    def _recording(self, size: int, seen: int) -> Recorded:
        device = self._llm.like.device
        tokens = torch.zeros(size, dtype=torch.long, device=device)
        # Nothing that a row holds may be written over.
        positions = torch.full((size,), self._rows.positions, device=device)
        compute = partial(self._computed, tokens, positions, seen)
        recorded = Recorded(tokens, positions, self._record(compute))
        self._recorded[size, seen] = recorded
        return recorded

    def _computed(self, tokens: Tensor, positions: Tensor, seen: int) -> Stepped:
        logits = self._forward(self._llm, self._rows, tokens, positions, seen)
        return Stepped(logits, best_of(logits))


def record_graph(compute: Run) -> Run:
    """Returns what replays `compute` as a CUDA graph."""
    # Thrice beforehand and on a stream of its own, as libraries choose their kernels in the first
    # runs, which a recording must not catch.
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            compute()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=_pool()):
        found = compute()

    def replay() -> Stepped:
        graph.replay()
        return found

    return replay


@lru_cache(maxsize=1)
def _pool() -> Any:
    """Returns the memory that all graphs of the process work in; one is replayed at a time."""
    return torch.cuda.graph_pool_handle()


def _up(number: int, step: int) -> int:
    return -(-number // step) * step
