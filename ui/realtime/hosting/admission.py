"""Who may come in: as many conversations as can be answered in time, the rest wait in line."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import Field

from assistant.configuration import Settings
from ui.realtime.hosting.census import Count
from ui.realtime.hosting.load import Load


class AdmissionSettings(Settings):
    """How many conversations are held at once."""

    most: int = Field(default=16, ge=1, le=10_000)
    """Conversations at once, whatever the latency."""
    budget_ms: float = Field(default=2_500.0, ge=50.0, le=60_000.0)
    """From the end of a turn to the first sound of its answer, 95th percentile: who would make it
    longer, by latency and load of the last minute, waits in line. The default suits mini on two
    cores; a small or quick model can be held to 400."""
    most_load: float = Field(default=0.6, gt=0.0, le=100.0)
    """Share of time that the speech model may be at work: beyond it those who end their turns at
    the same moment wait too long for each other, though most answers still come in time."""
    first: int = Field(default=4, ge=1, le=10_000)
    """Visitors from elsewhere let in before one of them is answered; later as many as are talking
    already. Who connects from this computer itself does not wait for that."""
    per_address: int = Field(default=4, ge=1, le=10_000)
    """Conversations at once from one address; this computer itself is not counted."""
    line: int = Field(default=32, ge=0, le=10_000)
    """Visitors that may wait in line."""
    idle_s: float = Field(default=600.0, ge=10.0, le=86_400.0)
    """A conversation in which nothing happens ends after so long."""
    resume_s: float = Field(default=120.0, ge=0.0, le=3_600.0)
    """How long a conversation is kept for a page that lost its connection."""


LOOK_AGAIN_S = 2.0
"""How often it is seen whether there is room for who stands in line."""
UNPROVEN_S = 20.0
"""How long a visitor who has not been answered yet counts as one who is about to talk."""
TALKING_S = 60.0
"""How long after an answer somebody counts as talking."""
LONG_AGO = -1e9


class NoRoom(Exception):
    """There is no room; the message says why and what to do."""


@dataclass(eq=False, slots=True)
class Visit:
    """Somebody who came in."""

    address: str
    entered_s: float
    answered_s: float = LONG_AGO
    is_here: bool = True
    """Whether its client is connected, or may come back."""


class Gate:
    """Counts conversations, and lets in as many as can be answered in time."""

    def __init__(
        self,
        settings: AdmissionSettings,
        clock: Callable[[], float],
        busy_s: Callable[[], tuple[float, ...]] = lambda: (0.0,),
    ) -> None:
        """Starts empty.

        Args:
            settings: How many may come in.
            clock: Gives seconds.
            busy_s: Gives the seconds that the speech model has worked since the start, then those
                of the other engines.
        """
        self.settings = settings
        self.is_closing = False
        self.elsewhere = Count()
        self.burden = Load(
            budget_ms=settings.budget_ms,
            most_load=settings.most_load,
            clock=clock,
            busy_s=busy_s,
        )
        self._clock = clock
        self._visits: set[Visit] = set()
        self._line: deque[object] = deque()
        self._changed = asyncio.Event()

    @property
    def active(self) -> int:
        """Conversations whose clients are there."""
        return sum(visit.is_here for visit in self._visits)

    @property
    def waiting(self) -> int:
        """Visitors in line."""
        return len(self._line)

    def answered(self, visit: Visit, latency_ms: float) -> None:
        """An answer was first heard by a visitor so long after the end of the turn."""
        visit.answered_s = self._clock()
        self.burden.answered(latency_ms, visit)
        self._wake()

    def try_enter(self, address: str) -> Visit:
        """Takes a visitor in, unless others wait.

        Raises:
            Refused: There is no room.
        """
        if self._line:
            raise NoRoom("others are waiting in line: try again in a moment")
        return self._enter(address)

    def leave(self, visit: Visit) -> None:
        """A conversation is over."""
        self._visits.discard(visit)
        self.went_away(visit)

    def went_away(self, visit: Visit) -> None:
        """The client is gone, perhaps for good: it takes no place and says nothing of the load."""
        visit.is_here = False
        self.burden.forget(visit)
        self._wake()

    def came_back(self, visit: Visit) -> None:
        """The client is there again, whether or not there is room."""
        visit.is_here = True

    async def wait(self, address: str, tell: Callable[[int], Awaitable[None]]) -> Visit:
        """Waits in line, told its place there (from 1) when it changes; then enters.

        Raises:
            Refused: The line is full, or this address may hold no more conversations.
        """
        if len(self._line) >= self.settings.line:
            raise NoRoom("the waiting line is full: try again later")
        ticket, told = object(), 0
        self._line.append(ticket)
        try:
            while True:
                place = self._line.index(ticket) + 1
                if place == 1 and self._has_room(address):
                    return self._enter(address)
                if place != told:
                    told = place
                    # Telling takes time, in which the line may have moved.
                    await tell(place)
                    continue
                await self._change()
        finally:
            self._line.remove(ticket)
            self._wake()

    def _enter(self, address: str) -> Visit:
        if self.is_closing:
            raise NoRoom("the server is closing: try again in a moment")
        if not self._has_room(address):
            raise NoRoom("all places are taken: try again in a moment")
        held = sum(visit.address == address for visit in self._visits)
        if address and held >= self.settings.per_address:
            raise NoRoom("too many conversations from your address: end one of them first")
        visit = Visit(address, self._clock())
        self._visits.add(visit)
        return visit

    def _has_room(self, address: str) -> bool:
        if self.is_closing or self.active >= self.settings.most:
            return False
        talking = self._talking() + self.elsewhere.talking
        if address and self._unproven() >= max(self.settings.first, talking):
            return False
        active = self.active + self.elsewhere.active
        # However slow the last minute was, an empty server takes one in: nobody else could show
        # that it is quicker now.
        return active == 0 or self.burden.bears_one_more(active=active, talking=talking)

    def count(self) -> Count:
        """Returns what the other gateways of a cluster want to know."""
        return Count(self.active, self._talking(), self.burden.recent_ms())

    def compare(self, elsewhere: Count) -> None:
        """Takes in what the other gateways of the cluster count."""
        self.elsewhere = elsewhere
        self.burden.elsewhere_ms = elsewhere.latencies_ms
        self._wake()

    def _talking(self) -> int:
        return sum(self._clock() - visit.answered_s <= TALKING_S for visit in self._here)

    @property
    def _here(self) -> list[Visit]:
        return [visit for visit in self._visits if visit.is_here]

    def _unproven(self) -> int:
        """Returns how many from elsewhere came lately and were not answered yet."""
        since_s = self._clock() - UNPROVEN_S
        return sum(
            bool(visit.address) and visit.answered_s == LONG_AGO and visit.entered_s >= since_s
            for visit in self._here
        )

    def _wake(self) -> None:
        # A new one each time: all who wait have the old one, and who waits from now on waits for
        # the next change.
        self._changed.set()
        self._changed = asyncio.Event()

    async def _change(self) -> None:
        try:
            # Room also comes by time alone, as slow answers grow old, which nobody tells.
            async with asyncio.timeout(LOOK_AGAIN_S):
                await self._changed.wait()
        except TimeoutError:
            pass
