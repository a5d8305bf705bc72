"""Who may come in: as many conversations as can be answered in time, the rest wait in line."""

import asyncio
import math
from collections import Counter, deque
from collections.abc import Awaitable, Callable

from pydantic import BaseModel, ConfigDict, Field


class AdmissionSettings(BaseModel):
    """How many conversations are held at once."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    most: int = Field(default=16, ge=1, le=10_000)
    """Conversations at once, whatever the latency."""
    budget_ms: float = Field(default=400.0, ge=50.0, le=60_000.0)
    """From the end of a turn to the first sound of its answer: while the 95th percentile of the
    last minute lies above, nobody new comes in."""
    per_address: int = Field(default=4, ge=1, le=10_000)
    """Conversations at once from one address; this computer itself is not counted."""
    line: int = Field(default=32, ge=0, le=10_000)
    """Visitors that may wait in line."""
    idle_s: float = Field(default=600.0, ge=10.0, le=86_400.0)
    """A conversation in which nothing happens ends after so long."""
    resume_s: float = Field(default=120.0, ge=0.0, le=3_600.0)
    """How long a conversation is kept for a page that lost its connection."""


WINDOW_S = 60.0
FEWEST_TURNS = 8
"""Turns in the window below which their latency says nothing."""
LOOK_AGAIN_S = 2.0


class Refused(Exception):
    """There is no room; the message says why and what to do."""


class Gate:
    """Counts conversations and the latency of their answers."""

    def __init__(self, settings: AdmissionSettings, clock: Callable[[], float]) -> None:
        """Starts empty; `clock` gives seconds."""
        self.settings = settings
        self.is_closing = False
        self._clock = clock
        self._addresses: Counter[str] = Counter()
        self._latencies: deque[tuple[float, float]] = deque(maxlen=2_048)
        self._line: deque[object] = deque()
        self._changed = asyncio.Event()

    @property
    def active(self) -> int:
        """Conversations that are held now."""
        return self._addresses.total()

    @property
    def waiting(self) -> int:
        """Visitors in line."""
        return len(self._line)

    def answered(self, latency_ms: float) -> None:
        """An answer was first heard so long after the end of its turn."""
        self._latencies.append((self._clock(), latency_ms))

    def p95_ms(self) -> float | None:
        """Returns the 95th percentile over the last minute; None where too few were answered."""
        since = self._clock() - WINDOW_S
        while self._latencies and self._latencies[0][0] < since:
            self._latencies.popleft()
        recent = sorted(latency for _, latency in self._latencies)
        if len(recent) < FEWEST_TURNS:
            return None
        return recent[math.ceil(0.95 * len(recent)) - 1]

    def try_enter(self, address: str) -> None:
        """Takes a visitor in, unless others wait.

        Raises:
            Refused: There is no room.
        """
        if self._line:
            raise Refused("others are waiting in line: try again in a moment")
        self._enter(address)

    def leave(self, address: str) -> None:
        """A conversation is over."""
        self._addresses[address] -= 1
        if self._addresses[address] <= 0:
            del self._addresses[address]
        self._wake()

    async def wait(self, address: str, tell: Callable[[int], Awaitable[None]]) -> None:
        """Waits in line, told its place there (from 1) when it changes; then enters.

        Raises:
            Refused: The line is full, or this address may hold no more conversations.
        """
        if len(self._line) >= self.settings.line:
            raise Refused("the waiting line is full: try again later")
        ticket, told = object(), 0
        self._line.append(ticket)
        try:
            while True:
                place = self._line.index(ticket) + 1
                if place == 1 and self._has_room():
                    self._enter(address)
                    return
                if place != told:
                    told = place
                    await tell(place)
                    continue
                await self._change()
        finally:
            self._line.remove(ticket)
            self._wake()

    def _enter(self, address: str) -> None:
        if not self._has_room():
            raise Refused("all places are taken: try again in a moment")
        if address and self._addresses[address] >= self.settings.per_address:
            raise Refused("too many conversations from your address: end one of them first")
        self._addresses[address] += 1

    def _has_room(self) -> bool:
        if self.is_closing or self.active >= self.settings.most:
            return False
        latency_ms = self.p95_ms()
        return self.active == 0 or latency_ms is None or latency_ms <= self.settings.budget_ms

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _change(self) -> None:
        try:
            async with asyncio.timeout(LOOK_AGAIN_S):
                await self._changed.wait()
        except TimeoutError:
            pass
