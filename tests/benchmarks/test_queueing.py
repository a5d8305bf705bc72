"""The simulation of queues agrees with what is known of queues."""

import pytest

from benchmarks.cluster.queueing import Policy, Service, Simulation, Workload

ONE = Policy(1, 1)


def test_who_is_alone_waits_for_nobody() -> None:
    service = Service(0.2, 0.05, 11, way_s=0.1)
    seen = Simulation(service, Workload(1, 1.0, 200.0), ONE).run()
    assert len(seen.first_s) > 50
    assert seen.first_s == pytest.approx([0.3] * len(seen.first_s))
    assert seen.whole_s == pytest.approx([0.8] * len(seen.whole_s))


def test_a_closed_queue_answers_as_often_as_theory_says() -> None:
    """Talks that think Z and wait R ask N / (Z + R) times a second, at most as often as served."""
    service = Service(0.5, 0.0, 1)
    for talks in (1, 4, 40):
        seen = Simulation(service, Workload(talks, 2.0, 4_000.0), ONE).run()
        waited = sum(seen.whole_s) / len(seen.whole_s)
        a_second = len(seen.whole_s) / 4_000.0
        assert a_second == pytest.approx(talks / (2.0 + waited), rel=0.03), "Little's law"
        assert a_second <= 2.0 + 1e-3
    assert a_second == pytest.approx(2.0, rel=0.01), "never idle with forty"


def test_an_open_queue_waits_as_pollaczek_and_khinchin_say() -> None:
    """Many talks that ask seldom are a Poisson stream: M/D/1 waits rho S / (2 (1 - rho))."""
    seen = Simulation(Service(0.01, 0.0, 1), Workload(4_000, 100.0, 500.0, warm_up_s=20), ONE).run()
    rho = 40.0 * 0.01  # asked 40 times a second
    waits = sum(seen.first_s) / len(seen.first_s) - 0.01
    assert waits == pytest.approx(rho * 0.01 / (2 * (1 - rho)), rel=0.15)


def test_requests_take_turns_step_by_step() -> None:
    """Two that ask at once are done at once, and each began before the other was done."""
    seen = Simulation(Service(0.1, 0.1, 10), Workload(2, 0.0, 4.05), ONE).run()
    assert seen.first_s[:2] == pytest.approx([0.1, 0.2])
    assert seen.whole_s[:2] == pytest.approx([1.9, 2.0])


def test_a_batch_makes_the_tokens_of_all_in_one_step() -> None:
    alone = Service(0.1, 0.1, 11)
    many = Service(0.1, 0.1, 11, batch=8)
    busy = Workload(8, 0.0, 300.0)
    one_by_one = Simulation(alone, busy, ONE).run()
    batched = Simulation(many, busy, ONE).run()
    assert len(batched.whole_s) > 3 * len(one_by_one.whole_s)


def test_replicas_come_with_the_load_and_go_after_it() -> None:
    policy = Policy(1, 8, target=2.0, start_s=10.0, down_s=60.0)
    load = Workload(16, 0.1, 600.0)
    scaled = Simulation(Service(0.2, 0.05, 16), load, policy).run()
    fixed = Simulation(Service(0.2, 0.05, 16), load, Policy(1, 1)).run()
    assert scaled.most_replicas == 8
    assert 4 * 600 < scaled.replica_s <= 8 * 600
    late = lambda seen: sorted(seen.first_s)[int(0.5 * len(seen.first_s))]  # noqa: E731
    assert late(scaled) < late(fixed) / 3
    idle = Simulation(Service(0.2, 0.05, 16), Workload(2, 60.0, 900.0), Policy(1, 8)).run()
    assert idle.most_replicas == 1


def test_the_same_seed_is_the_same_run() -> None:
    load = Workload(6, 1.0, 60.0)
    runs = [
        Simulation(Service(0.1, 0.02, 9), load, Policy(2, 2), seed=s).run().first_s
        for s in (1, 1, 2)
    ]
    assert runs[0] == runs[1] != runs[2]
