"""What the machine can bear: how late answers are and how busy the model is."""

import math
from collections import deque
from collections.abc import Callable

WINDOW_S = 60.0
"""Answers older than this say nothing about now."""
FEWEST_TURNS = 6
"""Answers below which their latency says nothing."""
LOAD_WINDOW_S = 20.0
"""How far back the load is looked at: some turns of each talk, so that it is no single answer's."""
LEAST_WINDOW_S = 4.0
"""What must have passed for it to be known at all: one long answer."""
IDLE_SHARE = 0.5
"""Of the load that the machine may bear: below it nobody waits for anybody else, and answers that
come late are late for reasons that are no fewer with fewer conversations."""
RELIEF = 0.75
"""Once answers came too late, this share of the budget must hold before anybody new comes in."""


class Load:
    """Follows latency and load, and says whether one talk more would still be answered in time."""

    def __init__(
        self,
        *,
        budget_ms: float,
        most_load: float,
        clock: Callable[[], float],
        busy_s: Callable[[], tuple[float, ...]],
    ) -> None:
        """Starts with nothing known.

        Args:
            budget_ms: From the end of a turn to the first sound of its answer, 95th percentile.
            most_load: Share of time that the speech model may be at work.
            clock: Gives seconds.
            busy_s: Gives the seconds that the speech model has worked since the start, then those
                of the other engines.
        """
        self._budget_ms = budget_ms
        self._most_load = most_load
        self._clock = clock
        self._busy_s = busy_s
        self._latencies: deque[tuple[float, float, object]] = deque(maxlen=2_048)
        self._looks: deque[tuple[float, tuple[float, ...]]] = deque(maxlen=256)
        self._is_relieved = True
        self.elsewhere_ms: tuple[float, ...] = ()
        """Latencies of the last minute at other gateways of the cluster."""

    def answered(self, latency_ms: float, visitor: object = None) -> None:
        """An answer was first heard by a visitor so long after the end of its turn."""
        self._latencies.append((self._clock(), latency_ms, visitor))

    def forget(self, visitor: object) -> None:
        """A visitor is gone: how it was answered says nothing about those who are here."""
        kept = [entry for entry in self._latencies if entry[2] is not visitor]
        self._latencies = deque(kept, maxlen=self._latencies.maxlen)
        self._is_relieved = self._is_relieved or not kept

    def look(self) -> None:
        """Notes how much the model has worked; to be called about once a second."""
        now_s = self._clock()
        self._looks.append((now_s, self._busy_s()))
        while now_s - self._looks[0][0] > LOAD_WINDOW_S:
            self._looks.popleft()

    def p95_ms(self) -> float | None:
        """Returns the 95th percentile over the last minute; None where too few were answered."""
        recent = sorted([*self.recent_ms(), *self.elsewhere_ms])
        if len(recent) < FEWEST_TURNS:
            return None
        return recent[math.ceil(0.95 * len(recent)) - 1]

    def recent_ms(self) -> tuple[float, ...]:
        """Returns the latencies of the last minute here."""
        since = self._clock() - WINDOW_S
        while self._latencies and self._latencies[0][0] < since:
            self._latencies.popleft()
        return tuple(latency for _, latency, _ in self._latencies)

    def load(self) -> float | None:
        """Returns the share of the last seconds that the model worked; None where not known."""
        shares = self._shares()
        return shares[0] if shares else None

    def _shares(self) -> tuple[float, ...]:
        """Returns for each engine the share of the last seconds that it worked, where known."""
        self.look()
        (first_s, first), (last_s, last) = self._looks[0], self._looks[-1]
        if last_s - first_s < LEAST_WINDOW_S:
            return ()
        return tuple(
            (after - before) / (last_s - first_s) for before, after in zip(first, last, strict=True)
        )

    def bears_one_more(self, *, active: int, talking: int) -> bool:
        """Whether everybody would be answered in time with one conversation more.

        Args:
            active: Conversations that are held now; any of them may begin to talk.
            talking: Those among them that were answered lately.
        """
        share = (active + 1) / max(1, talking)
        loads = [load * share for load in self._shares()]
        if loads and loads[0] > self._most_load:
            return False
        if loads and max(loads) < IDLE_SHARE * self._most_load:
            self._is_relieved = True
            return True
        late_ms = self.p95_ms()
        limit_ms = self._budget_ms * (1.0 if self._is_relieved else RELIEF)
        self._is_relieved = late_ms is None or late_ms * (active + 1) / max(1, active) <= limit_ms
        return self._is_relieved
