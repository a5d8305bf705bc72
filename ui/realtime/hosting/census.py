"""What the gateways of a cluster know of each other: how many talk, and how late answers come.

They share the replicas that answer, so each can make those of the others late. Whoever lets a
visitor in therefore counts all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from assistant.errors import AssistantError
from assistant.worker import Worker

CENSUS = "Census"
"""Name of the deployment in which gateways meet."""


@dataclass(frozen=True, slots=True)
class Count:
    """Of one gateway, or of several together."""

    active: int = 0
    """Conversations that are held."""
    talking: int = 0
    """Those among them that were answered lately."""
    latencies_ms: tuple[float, ...] = ()
    """From the end of a turn to the first sound of its answer, over the last minute."""


Exchange = Callable[[Count], Count]
"""Tells what this gateway counts, and returns what all others count together; may block."""


class Census:
    """Exchanges counts, one at a time, on a thread of its own."""

    def __init__(self, exchange: Exchange) -> None:
        """Starts with nothing known of the others."""
        self._exchange = exchange
        self._worker = Worker("census")
        self.elsewhere = Count()
        """What the others counted last."""

    async def compare(self, own: Count) -> None:
        """Exchanges counts; where the others cannot be asked, they stay as they were."""
        try:
            self.elsewhere = await self._worker.call(lambda: self._exchange(own))
        except AssistantError:
            # Their talks go on whether or not they can be asked: nobody is let in for that.
            return

    def close(self) -> None:
        """Ends the thread."""
        self._worker.close()
