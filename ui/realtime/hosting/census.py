"""What the gateways of a cluster know of each other: how many talk, and how late answers come.

They share the replicas that answer, so each can make those of the others late. Whoever lets a
visitor in therefore counts all of them.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from assistant.errors import AssistantError
from assistant.worker import Worker

CENSUS = "Census"
"""Name of the deployment in which gateways meet."""
WAIT_S = 1.0
"""How long a gateway waits for what the others count before it goes on with what it knows."""


@dataclass(frozen=True, slots=True)
class Count:
    """Of one gateway, or of several together."""

    active: int = 0
    """Conversations that are held."""
    talking: int = 0
    """Those among them that were answered lately."""
    latencies_ms: tuple[float, ...] = ()
    """From the end of a turn to the first sound of its answer, over the last minute."""


ExchangeCounts = Callable[[Count], Count]
"""Tells what this gateway counts, and returns what all others count together; may block."""


class Census:
    """Exchanges counts, one at a time, on a thread of its own."""

    def __init__(self, exchange: ExchangeCounts, *, wait_s: float = WAIT_S) -> None:
        """Starts with nothing known of the others, and never waits for them beyond `wait_s`."""
        self._exchange = exchange
        self._wait_s = wait_s
        self._worker = Worker("census")
        self._under_way: asyncio.Task[Count] | None = None
        self.elsewhere = Count()
        """What the others counted last."""

    async def compare(self, own: Count) -> None:
        """Exchanges counts; where the others cannot be asked, they stay as they were.

        One that hangs is waited for beside all else: the gateway has its own talks to look after.
        """
        if self._under_way is None:
            self._under_way = asyncio.ensure_future(self._worker.call(lambda: self._exchange(own)))
        done, _ = await asyncio.wait({self._under_way}, timeout=self._wait_s)
        if not done:
            return
        asked, self._under_way = self._under_way, None
        try:
            self.elsewhere = asked.result()
        except AssistantError:
            # Their talks go on whether or not they can be asked: nobody is let in for that.
            return

    def close(self) -> None:
        """Ends the thread, whatever it waits for."""
        self._worker.close(wait=False)
