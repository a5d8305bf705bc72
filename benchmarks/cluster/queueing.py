"""Talks that wait for replicas, as a discrete-event simulation: the queues of `deploy.ray`.

A replica has one thread, which takes a step of each waiting request in turn (`assistant.worker`);
a conversation goes to the replica that consistent hashing gives it; replicas are added and ended
by the rule of Ray Serve's autoscaling: average of requests under way, divided by a target.
"""

import heapq
import itertools
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

TICK_S = 1.0
"""How often the autoscaler looks."""


@dataclass(frozen=True)
class Service:
    """What one answer takes of a replica that nobody else asks."""

    prefill_s: float
    """Until its first token."""
    step_s: float
    """For each further token."""
    steps: int
    """Tokens, the first included."""
    way_s: float = 0.0
    """From the question to the replica and from its first token back, beside its work."""
    batch: int = 1
    """Answers whose tokens are made in one step."""
    beside: float = 0.0
    """By what share of `step_s` each further answer in a batch makes the step longer."""


@dataclass(frozen=True)
class Workload:
    """Talks, each of which asks, takes the answer in, thinks, and asks again."""

    talks: int
    think_s: float
    """From an answer to the next question, on average; exponential."""
    length_s: float
    """What is simulated."""
    ramp_s: float = 0.0
    """Over which the talks begin, evenly."""
    warm_up_s: float = 0.0
    """Questions before it are not counted."""


@dataclass(frozen=True)
class Policy:
    """How many replicas there are; the numbers are those of Serve's `AutoscalingConfig`."""

    least: int
    most: int
    target: float = 4.0
    """Requests under way for each replica."""
    start_s: float = 10.0
    """From the decision to a replica that answers."""
    up_s: float = 3.0
    down_s: float = 300.0
    look_back_s: float = 30.0


@dataclass
class SimulationResult:
    """What was seen."""

    first_s: list[float] = field(default_factory=list[float])
    """From each question to its first token."""
    whole_s: list[float] = field(default_factory=list[float])
    """From each question to its last."""
    replica_s: float = 0.0
    """Replicas, times how long they were there."""
    most_replicas: int = 0


@dataclass(eq=False)
class _Request:
    talk: int
    asked_s: float
    left: int
    is_begun: bool = False


@dataclass(eq=False)
class _Replica:
    name: int
    queue: deque[_Request] = field(default_factory=deque[_Request])
    at_work: list[_Request] = field(default_factory=list[_Request])
    is_ending: bool = False

    @property
    def ongoing(self) -> int:
        return len(self.queue) + len(self.at_work)


class Simulation:
    """One run; the same seed gives the same one."""

    def __init__(self, service: Service, load: Workload, policy: Policy, *, seed: int = 0) -> None:
        """Prepares it."""
        self._service, self._load, self._policy = service, load, policy
        self._random = random.Random(seed)
        self._names = itertools.count()
        self._order = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._replicas = [_Replica(next(self._names)) for _ in range(policy.least)]
        self._coming = 0
        self._now_s = 0.0
        self._seen: deque[int] = deque(maxlen=max(1, round(policy.look_back_s / TICK_S)))
        self._wants_more_s = self._wants_fewer_s = 0.0
        self.outcome = SimulationResult()

    def run(self) -> SimulationResult:
        """Simulates it to its end."""
        for talk in range(self._load.talks):
            begins_s = self._load.ramp_s * talk / max(1, self._load.talks)
            self._at(begins_s + self._thinks_s(), lambda talk=talk: self._ask(talk))
        self._at(TICK_S, self._look)
        while self._events and self._events[0][0] <= self._load.length_s:
            self._now_s, _, happens = heapq.heappop(self._events)
            happens()
        return self.outcome

    def _at(self, moment_s: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment_s, next(self._order), happens))

    def _thinks_s(self) -> float:
        return self._random.expovariate(1.0 / self._load.think_s) if self._load.think_s else 0.0

    def _ask(self, talk: int) -> None:
        request = _Request(talk, self._now_s, self._service.steps)
        way_s = self._service.way_s / 2
        self._at(self._now_s + way_s, lambda: self._arrive(request))

    def _arrive(self, request: _Request) -> None:
        there = [one for one in self._replicas if not one.is_ending]
        # As the ring does it: each conversation has an order of its own among all replicas.
        chosen = min(there, key=lambda one: random.Random(f"{request.talk} {one.name}").random())
        chosen.queue.append(request)
        if not chosen.at_work:
            self._work(chosen)

    def _work(self, replica: _Replica) -> None:
        """Takes the next step, of one request or of a batch of those that are begun."""
        service = self._service
        if not replica.queue:
            return
        first = replica.queue.popleft()
        replica.at_work = [first]
        if not first.is_begun:
            takes_s = service.prefill_s
        else:
            others = [one for one in replica.queue if one.is_begun][: service.batch - 1]
            for one in others:
                replica.queue.remove(one)
            replica.at_work += others
            takes_s = service.step_s * (1.0 + service.beside * len(others))
        self._at(self._now_s + takes_s, lambda: self._done(replica))

    def _done(self, replica: _Replica) -> None:
        back_s = self._now_s + self._service.way_s / 2
        for request in replica.at_work:
            is_counted = request.asked_s >= self._load.warm_up_s
            if not request.is_begun and is_counted:
                self.outcome.first_s.append(back_s - request.asked_s)
            request.is_begun = True
            request.left -= 1
            if request.left > 0:
                replica.queue.append(request)
                continue
            if is_counted:
                self.outcome.whole_s.append(back_s - request.asked_s)
            talk = request.talk
            self._at(back_s + self._thinks_s(), lambda talk=talk: self._ask(talk))
        replica.at_work = []
        self._work(replica)
        if replica.is_ending and not replica.ongoing:
            self._replicas.remove(replica)

    def _look(self) -> None:
        """The autoscaler's look."""
        policy, outcome = self._policy, self.outcome
        there = [one for one in self._replicas if not one.is_ending]
        outcome.replica_s += (len(self._replicas) + self._coming) * TICK_S
        outcome.most_replicas = max(outcome.most_replicas, len(there) + self._coming)
        self._seen.append(sum(one.ongoing for one in self._replicas))
        average = sum(self._seen) / len(self._seen)
        wanted = min(policy.most, max(policy.least, math.ceil(average / policy.target)))
        have = len(there) + self._coming
        self._wants_more_s = self._wants_more_s + TICK_S if wanted > have else 0.0
        self._wants_fewer_s = self._wants_fewer_s + TICK_S if wanted < have else 0.0
        if self._wants_more_s > policy.up_s:
            for _ in range(wanted - have):
                self._coming += 1
                self._at(self._now_s + policy.start_s, self._come)
        elif self._wants_fewer_s > policy.down_s:
            for one in there[wanted - have :]:
                one.is_ending = True
                if not one.ongoing:
                    self._replicas.remove(one)
        self._at(self._now_s + TICK_S, self._look)

    def _come(self) -> None:
        self._coming -= 1
        self._replicas.append(_Replica(next(self._names)))
