"""How late first tokens come, by load and by how replicas are added; simulated.

    python -m benchmarks.cluster.simulation [--talks 4 16 64] [--write]
    python -m benchmarks.cluster.simulation --prefill-ms 30 --step-ms 6 --batch 32 --beside 0.02

Without service times they are measured here, with the model of `benchmarks.cluster`. Whether the
simulation says what happens, `python -m benchmarks.cluster` tells: it measures a real cluster and
simulates the same one beside it.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.cluster.queueing import Policy, Service, Simulation, Workload
from benchmarks.cluster.serving_time import service_of, write_model
from benchmarks.results import p50_p95, table, write_section

POLICIES = {
    "1 replica": Policy(1, 1),
    "4 replicas": Policy(4, 4),
    "16 replicas": Policy(16, 16),
    "1 to 16, 1 request each": Policy(1, 16, target=1.0),
    "1 to 16, 4 each": Policy(1, 16, target=4.0),
    "4 to 16, 2 each": Policy(4, 16, target=2.0),
}
COLUMNS = (
    "talks",
    "replicas",
    "first token, p50 / p95 ms",
    "of the first two minutes",
    "whole answer, p50 / p95 s",
    "replicas on average / at most",
)
LENGTH_S = 1_200.0
BEGIN_S = 120.0


def rows(service: Service, options: argparse.Namespace) -> list[list[object]]:
    """Returns one row for each load and policy."""
    found: list[list[object]] = []
    for talks in options.talks:
        load = Workload(talks, options.think_s, LENGTH_S, ramp_s=options.ramp_s)
        for name, policy in POLICIES.items():
            seen = Simulation(service, load, policy).run()
            short = Workload(talks, options.think_s, BEGIN_S, ramp_s=options.ramp_s)
            begin = Simulation(service, short, policy).run()
            found.append(
                [
                    talks,
                    name,
                    p50_p95([1_000 * one for one in seen.first_s]),
                    p50_p95([1_000 * one for one in begin.first_s]),
                    p50_p95(seen.whole_s, 1),
                    f"{seen.replica_s / LENGTH_S:.1f} / {seen.most_replicas}",
                ]
            )
    return found


def main() -> None:
    """Simulates and prints the table; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--talks", type=int, nargs="+", default=[4, 16, 64])
    parser.add_argument("--think-s", type=float, default=8.0, help="from answer to next question")
    parser.add_argument("--ramp-s", type=float, default=30.0, help="over which the talks begin")
    parser.add_argument("--prefill-ms", type=float, help="first token of an answer")
    parser.add_argument("--step-ms", type=float, help="each further token")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--batch", type=int, default=1, help="answers in one step")
    parser.add_argument("--beside", type=float, default=0.0, help="share that each adds to a step")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if (options.prefill_ms is None) != (options.step_ms is None):
        parser.error("--prefill-ms and --step-ms belong together")
    if options.prefill_ms is None:
        with tempfile.TemporaryDirectory() as folder:
            service, source = service_of(str(write_model(Path(folder)))), "measured in the same run"
    else:
        times_s = (options.prefill_ms / 1_000, options.step_ms / 1_000)
        service = Service(*times_s, options.tokens, batch=options.batch, beside=options.beside)
        source = "given on the command line"
    told = (
        f"Service times, {source}: first token {1_000 * service.prefill_s:.1f} ms, each further "
        f"one {1_000 * service.step_s:.1f} ms, {service.steps} tokens, up to {service.batch} "
        f"answers a step, each of which makes it {service.beside:.0%} longer. Talks "
        f"begin within {options.ramp_s:g} s and ask {options.think_s:g} s after each answer on "
        f"average, for {LENGTH_S / 60:.0f} minutes; a replica takes {Policy(1, 1).start_s:g} s to "
        "come."
    )
    body = f"{told}\n\n{table(COLUMNS, rows(service, options))}"
    print(body)
    if options.write:
        write_section("Cluster, simulated", "python -m benchmarks.cluster.simulation", body)


if __name__ == "__main__":
    main()
