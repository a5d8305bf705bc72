"""What the replicas of a cluster say of themselves, for the counts that operators watch."""

import asyncio
from collections.abc import Callable, Sequence

from assistant.engines.cluster.course import Figures
from assistant.errors import AssistantError
from assistant.worker import Worker
from ui.realtime.hosting.metrics import labelled

WAIT_S = 3.0
"""How long whoever reads the counts may wait for the replicas."""
_KINDS: dict[str, tuple[str, Callable[[Figures], float]]] = {
    "requests_total": ("counter", lambda one: one.requests),
    "steps_waiting": ("gauge", lambda one: one.waiting),
    "busy_s_total": ("counter", lambda one: round(one.busy_s, 3)),
    "talks_warm": ("gauge", lambda one: one.talks),
    "prefilled_total": ("counter", lambda one: one.prefilled),
}
"""By the end of its name: the kind of each count, and where it stands."""
Ask = Callable[[], Sequence[Figures]]
"""Returns what those replicas say that answer; may block for a while."""


class Replicas:
    """Asks all replicas, one time at a time, on a thread of its own."""

    def __init__(self, ask: Ask, *, wait_s: float = WAIT_S) -> None:
        """Waits no longer than `wait_s` for them."""
        self._ask = ask
        self._wait_s = wait_s
        self._worker = Worker("replicas")
        self._under_way: asyncio.Task[Sequence[Figures]] | None = None

    async def text(self) -> str:
        """Returns their counts as Prometheus reads them; of those that are silent, nothing."""
        if self._under_way is None:
            self._under_way = asyncio.ensure_future(self._worker.call(self._ask))
        done, _ = await asyncio.wait({self._under_way}, timeout=self._wait_s)
        if not done:
            return _text(())
        asked, self._under_way = self._under_way, None
        try:
            return _text(asked.result())
        except AssistantError:
            return _text(())

    def close(self) -> None:
        """Ends the thread, whatever it waits for."""
        self._worker.close(wait=False)


def _text(told: Sequence[Figures]) -> str:
    engines = sorted({one.engine for one in told})
    answering = {(("engine", name),): sum(one.engine == name for one in told) for name in engines}
    # Without any that answers the count stands all the same: it is what an alarm looks at.
    lines = labelled("replicas_answering", "gauge", answering or {(): 0})
    for name, (kind, value) in _KINDS.items():
        counts = {
            (("engine", one.engine), ("replica", one.replica)): value(one)
            for one in sorted(told, key=lambda one: (one.engine, one.replica))
        }
        lines += labelled(f"replica_{name}", kind, counts) if counts else []
    return "\n".join(lines) + "\n"
