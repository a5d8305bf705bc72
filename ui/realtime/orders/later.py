"""Answers that a client orders while somebody speaks: they begin when that is over.

Be it the person, or an answer that is made or heard.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ui.realtime.orders.question import QuestionPart, Taken
from ui.realtime.protocol.config import SessionConfig

MOST_WAITING = 16


@dataclass(frozen=True, slots=True)
class ResponseRequest:
    """A `response.create`, read."""

    config: SessionConfig
    """The settings of this answer."""
    instructions: str | None
    """Where they are its own."""
    is_apart: bool
    """Whether the answer stands beside the conversation."""
    messages: list[tuple[str, list[QuestionPart]]] | None
    """What it is made from instead of the conversation: roles and what they said."""
    metadata: Any
    ignored: list[str]
    event_id: str | None
    """Of the client's event."""
    taken: Taken | None = None
    """What it is to answer, where that was given before it had to wait; None for what is there when
    it begins."""


class Later:
    """Orders that wait, first come, first served."""

    def __init__(
        self,
        at_rest: Callable[[], Awaitable[None]],
        begin: Callable[[ResponseRequest], Awaitable[None]],
    ) -> None:
        """Has each wait for `at_rest`, which returns when nobody speaks, on either side."""
        self._at_rest, self._begin = at_rest, begin
        self._orders: deque[ResponseRequest] = deque()
        self._task: asyncio.Task[None] | None = None

    @property
    def holds_own(self) -> bool:
        """Whether an answer of the conversation waits."""
        return any(not order.is_apart for order in self._orders)

    @property
    def is_full(self) -> bool:
        """Whether no more may wait."""
        return len(self._orders) >= MOST_WAITING

    def add(self, order: ResponseRequest) -> None:
        """Has an order wait for its turn."""
        self._orders.append(order)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def take_back(self) -> ResponseRequest | None:
        """Returns the answer of the conversation that waited, which is not wanted any more."""
        order = next((order for order in self._orders if not order.is_apart), None)
        if order is not None:
            self._orders.remove(order)
        return order

    def end(self) -> list[ResponseRequest]:
        """Nobody waits for answers any more; returns those that were not begun."""
        left = list(self._orders)
        self._orders.clear()
        if self._task is not None:
            self._task.cancel()
            self._task = None
        return left

    async def _run(self) -> None:
        while self._orders:
            await self._at_rest()
            # The client may have taken it back meanwhile.
            if self._orders:
                await self._begin(self._orders.popleft())
        self._task = None
