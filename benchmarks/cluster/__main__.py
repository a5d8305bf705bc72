"""A cluster on this machine against one process, and against the simulation of its queues.

    python -m benchmarks.cluster [--model NAME] [--talks 1 2 4 8] [--seconds 40] [--write]
    python -m benchmarks.cluster --talks 1 --seconds 5    # all of its parts, in minutes

Typed questions over the realtime socket, answered by one process, by a cluster of one replica and
one gateway, and by one of two and two, one after the other; there as many people then speak, for
what they take of their gateways. Without --model it is one of 24 million
random parameters, whose answers are nonsense and take a tenth of mini's time. Clients, gateways and
replicas share the processors: with more of them than cores, a second replica gains little here.
"""

import argparse
import asyncio
import signal
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.cluster.asking import AnswerTimes, talks
from benchmarks.cluster.gateway_work import gateway_row, gateway_table
from benchmarks.cluster.queueing import Policy, Service, Simulation, Workload
from benchmarks.cluster.serving_time import service_of, write_model
from benchmarks.cluster.started import Started, cluster, one_process
from benchmarks.cluster.updating import updated
from benchmarks.results import p50_p95, percentile, table, write_section

COLUMNS = (
    "answered by",
    "talks",
    "first token, p50 / p95 ms",
    "simulated",
    "first audio at the client, p50 / p95 ms",
    "whole answer, p50 / p95 ms",
    "answers",
    "lost",
)
SIMULATED_S = 2_000.0
WARM_UP_S = 6.0
FEW = 4
"""People who speak, and who talk while replicas are replaced."""


@dataclass(frozen=True)
class Measured:
    """What was seen of one way of answering."""

    rows: list[list[object]]
    """One for each number of talks."""
    found: dict[int, AnswerTimes]
    start_s: float
    """Until it answered."""
    spoken: Sequence[list[object]] = ()
    """See `gateway_row`."""
    update_s: float = 0.0
    """Until a new version was there."""


def measure(
    title: str,
    start: AbstractContextManager[Started],
    service: Service,
    replicas: int,
    options: argparse.Namespace,
) -> Measured:
    """Holds typed talks, and by voice where there are gateways of their own."""
    rows, found = list[list[object]](), dict[int, AnswerTimes]()
    with start as started:
        hold = partial(talks, started.hosts, think_s=options.think_s)
        asyncio.run(hold(2 * len(started.hosts), for_s=WARM_UP_S))
        for many in options.talks:
            found[many] = asyncio.run(hold(many, for_s=options.seconds))
            # What the way takes is known from the first row, and not fitted after.
            if len(found) == 1:
                alone_s = percentile(found[many].first_token, 0.5) / 1_000
                service = replace(service, way_s=max(0.0, alone_s - service.prefill_s))
            load = Workload(many, options.think_s, SIMULATED_S)
            outcome = Simulation(service, load, Policy(replicas, replicas)).run()
            rows.append([title, *row(many, found[many], outcome.first_s)])
            print(rows[-1], flush=True)
        if replicas == 1:
            return Measured(rows, found, started.start_s)
        few = min(FEW, max(options.talks))
        spoken = [gateway_row(started, few)]
        seen, update_s = asyncio.run(updated(started, few, think_s=options.think_s))
        rows.append([f"{title}, while replaced", *row(few, seen)])
        print(spoken, rows[-1], update_s, flush=True)
    return Measured(rows, found, started.start_s, spoken, update_s)


def row(many: int, seen: AnswerTimes, simulated_s: Sequence[float] = ()) -> list[object]:
    """Returns what was seen of so many talks, and what was foretold."""
    return [
        many,
        p50_p95(seen.first_token),
        p50_p95([1_000 * one for one in simulated_s]),
        p50_p95(seen.first_audio),
        p50_p95(seen.whole),
        len(seen.whole),
        seen.lost,
    ]


def overhead(one: AnswerTimes, other: AnswerTimes) -> str:
    """Returns what the cluster adds to one process where nobody waits for anybody."""
    pairs = {
        "first token": (one.first_token, other.first_token),
        "first audio": (one.first_audio, other.first_audio),
        "whole answer": (one.whole, other.whole),
    }
    added = {
        name: percentile(there, 0.5) - percentile(here, 0.5)
        for name, (here, there) in pairs.items()
    }
    return ", ".join(f"{name} {ms:+.1f} ms" for name, ms in added.items())


def in_time(found: dict[int, AnswerTimes], budget_ms: float) -> int:
    """Returns the most talks whose 95th percentile of first sounds lay within the budget."""
    fits = [n for n, seen in found.items() if percentile(seen.first_audio, 0.95) <= budget_ms]
    return max(fits, default=0)


def main() -> None:
    """Measures and prints the table; `--write` puts it into RESULTS.md."""
    # A supervisor ends it so: what was started must end with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="")
    parser.add_argument("--talks", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, default=40.0, help="for each row")
    parser.add_argument("--think-s", type=float, default=1.0)
    parser.add_argument("--budget-ms", type=float, default=400.0)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or str(write_model(Path(folder)))
        service = service_of(model)
        print(service, flush=True)
        alone = measure("one process", one_process(model), service, 1, options)
        title = "1 replica, 1 gateway"
        start = cluster(model, replicas=1, gateways=1)
        small = measure(title, start, service, 1, options)
        start = cluster(model, replicas=2, gateways=2)
        large = measure("2 replicas, 2 gateways", start, service, 2, options)
    few = options.talks[0]
    body = "\n\n".join(
        [
            f"Model: {options.model or '24 M random parameters'}; alone in a process its first "
            f"token takes {1_000 * service.prefill_s:.1f} ms, each further one "
            f"{1_000 * service.step_s:.1f} ms, an answer has {service.steps}; up to "
            f"{service.batch} answers share a step, and each makes it {service.beside:.0%} longer. "
            f"Each talk asks "
            f"{options.think_s:g} s after an answer on average; {options.seconds:g} s a row. "
            "Clients, gateways and replicas share the processors.",
            table(COLUMNS, [*alone.rows, *small.rows, *large.rows]),
            f"Overhead of the cluster with {few} talk at once (medians): "
            f"{overhead(alone.found[few], small.found[few])}. Talks at once whose first sounds "
            f"come within {options.budget_ms:g} ms (95th percentile), of the numbers tried: "
            f"{in_time(alone.found, options.budget_ms)} in one process, "
            f"{in_time(small.found, options.budget_ms)} with one replica behind a gateway. The "
            f"cluster answered {small.start_s:.0f} s after its command was given.",
            "`simulated`: queues alone, by `benchmarks/cluster/queueing.py` from these service "
            "times; the way to the replica is taken from the first row of each part, all else is "
            "foretold.",
            f"`while replaced`: each replica by one of a new version, which took "
            f"{large.update_s:.0f} s beside the talks.",
            "People who speak, at two gateways: what each takes of the gateway's core, ear and "
            "turn-taking included, and the model not.",
            gateway_table(large.spoken),
        ]
    )
    print(body)
    if options.write:
        write_section("Cluster", "python -m benchmarks.cluster", body)


if __name__ == "__main__":
    main()
