"""A network that stalls between gateway and replicas: the cluster has one of its own for that."""

import time
import urllib.request
from collections.abc import Generator

import pytest

from tests.assistant.engines.tiny_checkpoint import write_tiny_checkpoint
from tests.deploy.clusters import QUESTIONS, Cluster, answer, running
from tests.deploy.networks import Network, is_possible
from tests.ui.calling import line

STALL_S = 5.0
ROUNDS = 3
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]


@pytest.fixture(scope="module")
def network() -> Generator[Network]:
    pytest.importorskip("ray")
    if not is_possible():
        pytest.skip("networks can be made by root on Linux only, with iproute2")
    with Network() as made:
        yield made


@pytest.fixture(scope="module")
def cluster(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Generator[Cluster]:
    checkpoint = write_tiny_checkpoint(tmp_path_factory.mktemp("tiny"))
    folder = tmp_path_factory.mktemp("cluster")
    with running(checkpoint, folder, within=network.enter) as started:
        for host in started.hosts:
            network.call(started.wait_for, host)
        yield started


def reaches(host: str) -> bool:
    try:
        urllib.request.urlopen(f"http://{host}/health", timeout=2)
    except OSError:
        return False
    return True


def test_talks_go_on_after_a_network_that_stalled(cluster: Cluster, network: Network) -> None:
    before = cluster.replicas()

    def talk(number: int) -> int:
        with line(cluster.hosts[number % 2]) as there:
            return sum(bool(answer(there, question)) for question in QUESTIONS * ROUNDS)

    begun = [network.submit(talk, number) for number in range(4)]
    time.sleep(0.3)
    assert not any(task.done() for task in begun), "talks are under way"
    network.lose(everything=True)
    try:
        assert not network.call(reaches, cluster.hosts[0]), "nothing comes through"
        time.sleep(STALL_S - 2.0)
    finally:
        network.lose(everything=False)
    assert [task.result() for task in begun] == [ROUNDS * len(QUESTIONS)] * 4
    assert cluster.replicas() == before, "they were waited for, and not replaced"
