"""A cluster on this machine: two gateways, two replicas, talks, and what dies in the middle."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from assistant.engines.blsp_emo import BlspEmoModel
from assistant.engines.settings import GenerationSettings, ModelSettings
from assistant.records.index import Index, Query
from deploy.ray.__main__ import main
from tests.assistant.engines.tiny_checkpoint import LETTERS, write_tiny_checkpoint
from tests.assistant.records.postgres import Server, postgres_server
from tests.deploy.clusters import (
    LONGEST_TOKENS,
    QUESTIONS,
    ROOT,
    START_S,
    Cluster,
    answer,
    running,
)
from tests.deploy.counting import NAMES, People, crossed_wires, lost_recordings
from tests.ui.calling import line, read

WAIT_S = 300.0
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    return write_tiny_checkpoint(folder, context_tokens=4_096, says=LETTERS)


@pytest.fixture(scope="module")
def database() -> Generator[Server | None]:
    """Yields a PostgreSQL of the tests' own; None where there is none on this machine."""
    try:
        with postgres_server() as server:
            yield server
    except pytest.skip.Exception:
        yield None


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("records")


@pytest.fixture(scope="module")
def cluster(
    checkpoint: Path,
    database: Server | None,
    records: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Cluster]:
    pytest.importorskip("ray")
    recorded = ["--records", str(records)]
    recorded += ["--index", database.url] if database is not None else []
    # Slow machines must not close the door: here replicas are judged, not admission.
    recorded += ["--admission.most-load", "100", "--admission.budget-ms", "60000"]
    folder = tmp_path_factory.mktemp("cluster")
    options = ("--models", "2", "--most-models", "3", "--talks-each", "2")
    with running(checkpoint, folder, options=options, of_gateways=recorded) as started:
        for host in started.hosts:
            started.wait_for(host)
        yield started


@pytest.fixture(scope="module")
def alone(checkpoint: Path) -> BlspEmoModel:
    """Returns the same model, resident: it holds one talk, and nothing of it dies."""
    generation = GenerationSettings(longest_tokens=LONGEST_TOKENS)
    run = ModelSettings(device="cpu", dtype="float32", threads=1)
    return BlspEmoModel(str(checkpoint), run, generation)


@contextmanager
def people(
    cluster: Cluster, alone: BlspEmoModel, many: int = 6, *, think_s: float = 0.5
) -> Generator[People]:
    """Lets people talk until the end; then each question was answered, as in a talk alone."""
    there = People(cluster.hosts, many, think_s=think_s)
    with there.talking():
        until(lambda: there.least >= 2, "everybody is answered")
        yield there
        so_far = there.least
        until(lambda: there.least >= so_far + 2, "everybody is still answered")
    assert len({talk[0].answer for talk in there.talks}) >= many, "answers are told apart"
    assert crossed_wires(there, alone) == []


def until(holds: Callable[[], bool], what: str) -> None:
    ends_s = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < ends_s, what
        time.sleep(0.5)


def test_talks_of_both_gateways_get_their_own_answers(
    cluster: Cluster, alone: BlspEmoModel
) -> None:
    with people(cluster, alone, many=8) as there:
        pass
    assert there.hung_up_on == []


def test_visitors_are_not_told_where_the_cluster_is(cluster: Cluster) -> None:
    with line(cluster.hosts[0]) as there:
        told = json.dumps(there.until("session.created"))
    assert "cluster:attune" in told
    assert cluster.head not in told


def test_what_dies_in_the_middle_of_talks_loses_nothing(
    cluster: Cluster, alone: BlspEmoModel, records: Path
) -> None:
    """A replica is killed, then a gateway, while eight people talk and are recorded."""
    first, _ = cluster.hosts
    with people(cluster, alone, many=8) as there:
        os.kill(min(cluster.replicas()), signal.SIGKILL)
        so_far = there.least
        until(lambda: there.least >= so_far + 2, "everybody is answered by the other replica")
        assert there.hung_up_on == [], "a replica costs no connection"
        os.kill(cluster.gateway(first), signal.SIGKILL)
        killed_s = time.monotonic()
    assert there.hung_up_on == list(NAMES[:8:2]), "those of the gateway, each of them, and once"
    assert lost_recordings(there, records, killed_s) == []
    cluster.wait_for(first)
    with line(first) as restarted:
        assert answer(restarted, QUESTIONS[0]), "the gateway was started again"


def test_a_replica_that_answers_late_is_waited_for(cluster: Cluster, alone: BlspEmoModel) -> None:
    until(lambda: len(cluster.replicas()) >= 2, "a replica is there in place of the killed one")
    before = cluster.replicas()
    with people(cluster, alone) as there:
        os.kill(min(before), signal.SIGSTOP)
        time.sleep(5.0)
        os.kill(min(before), signal.SIGCONT)
    assert there.hung_up_on == []
    assert cluster.replicas() >= before, "it was not replaced"


def test_a_replica_that_hangs_costs_no_answer(cluster: Cluster, alone: BlspEmoModel) -> None:
    """It goes on when others have answered what it was asked: nobody listens to it any more."""
    hung = min(cluster.replicas())
    with people(cluster, alone) as there:
        so_far = there.least
        os.kill(hung, signal.SIGSTOP)
        try:
            until(lambda: there.least >= so_far + 2, "everybody is answered by the other replica")
        finally:
            os.kill(hung, signal.SIGCONT)
    assert there.hung_up_on == []


def test_all_parts_are_counted_on_one_page(cluster: Cluster) -> None:
    until(lambda: len(cluster.replicas()) >= 2, "the replicas are there")

    def told() -> dict[str, float]:
        lines = [one for one in read(cluster.hosts[0], "/metrics").splitlines() if one[0] != "#"]
        return {one.rpartition(" ")[0]: float(one.rpartition(" ")[2]) for one in lines}

    speech, voice = (
        f'attune_replicas_answering{{engine="{n}"}}' for n in ("speech model", "voice")
    )
    until(lambda: told().get(speech, 0) >= 2 and told().get(voice, 0) == 1, str(told()))
    with line(cluster.hosts[1]) as elsewhere:
        assert answer(elsewhere, QUESTIONS[0])
        until(lambda: told()["attune_conversations_elsewhere"] >= 1, "the other gateway's are told")
    asked = [n for key, n in told().items() if key.startswith("attune_replica_requests_total")]
    assert len(asked) >= 3 and sum(asked) > 0


def test_a_session_of_another_gateway_is_not_this_one_s(cluster: Cluster) -> None:
    first, second = cluster.hosts
    with line(first, "?keep=1") as there:
        session = there.until("session.created")["session"]["id"]
        assert answer(there, QUESTIONS[0])
        with line(second, f"?keep=1&session={session}") as other:
            begun = other.until("session.created")["session"]["id"]
            assert begun != session, "begun anew: what was said is not mixed with another's"
            assert answer(other, QUESTIONS[1])
        assert answer(there, QUESTIONS[1]), "and the first goes on where it is"


def recorded_talk(host: str) -> None:
    with line(host) as there:
        there.until("session.created")
        there.send("session.update", session={"attune": {"keep_words": True}})
        there.until("session.updated")
        assert answer(there, QUESTIONS[0])


def test_a_database_that_goes_away_and_comes_back_loses_no_talk(
    cluster: Cluster, database: Server | None, records: Path
) -> None:
    if database is None:
        pytest.skip("PostgreSQL is not installed")
    is_over = threading.Event()

    def talk_on(number: int) -> int:
        held = 0
        while not is_over.is_set():
            recorded_talk(cluster.hosts[number % 2])
            held += 1
        return held

    def on_disk() -> set[str]:
        return {path.parent.name for path in records.glob("*/events.jsonl")}

    def indexed() -> set[str]:
        with Index(records, database.url) as index:
            return {one.record.id for one in index.search(Query()) if one.record.state != "open"}

    def is_behind(host: str) -> bool:
        return "attune_index_behind 1" in read(host, "/metrics")

    before = on_disk()
    with ThreadPoolExecutor(4) as talking:
        held = [talking.submit(talk_on, number) for number in range(4)]
        try:
            until(lambda: len(indexed() - before) >= 8, "both gateways tell the database")
            database.stop()
            try:
                until(lambda: all(map(is_behind, cluster.hosts)), "operators are told")
                so_far = len(on_disk())
                until(lambda: len(on_disk()) >= so_far + 4, "recorded all the same")
            finally:
                database.start()
        finally:
            is_over.set()
    assert len(on_disk() - before) == sum(task.result() for task in held)
    until(lambda: indexed() == on_disk(), "carried over")


def test_a_new_version_takes_over_while_talks_go_on(cluster: Cluster, alone: BlspEmoModel) -> None:
    until(lambda: len(cluster.replicas()) >= 2, "the replicas are there")
    before = cluster.replicas()
    newer = [sys.executable, "-m", "deploy.ray", *cluster.options, "--together", "3"]
    with people(cluster, alone, many=4) as there:
        given = ["--address", cluster.head, "--gateways", "0"]
        subprocess.run([*newer, *given], cwd=ROOT, check=True, timeout=START_S)
        until(lambda: not before & cluster.replicas(), "the replicas are new")
    assert there.hung_up_on == []


def test_more_replicas_come_while_talks_wait(cluster: Cluster, alone: BlspEmoModel) -> None:
    with people(cluster, alone, many=10, think_s=0.0):
        until(lambda: len(cluster.replicas()) == 3, f"replicas: {cluster.replicas()}")


def test_who_loses_a_gateway_is_told_and_goes_on_at_another(cluster: Cluster) -> None:
    first, second = cluster.hosts
    with line(first) as lost, line(second) as kept:
        assert answer(lost, QUESTIONS[0])
        assert answer(kept, QUESTIONS[0])
        os.kill(cluster.gateway(first), signal.SIGKILL)
        with pytest.raises(ConnectionClosed):
            lost.until("never")
        assert answer(kept, QUESTIONS[1]), "the other gateway's talks go on"
    with line(second) as again:
        assert answer(again, QUESTIONS[0])
    cluster.wait_for(first)


def counts_the_others(cluster: Cluster) -> None:
    first, second = cluster.hosts
    with line(first), line(first):
        until(
            lambda: json.loads(read(second, "/health"))["elsewhere"] >= 2,
            "the other's talks are counted",
        )
    until(lambda: json.loads(read(second, "/health"))["elsewhere"] == 0, "and that they ended")


def test_a_gateway_knows_what_the_others_count(cluster: Cluster) -> None:
    counts_the_others(cluster)


def test_a_census_that_hangs_holds_nobody_up(cluster: Cluster, alone: BlspEmoModel) -> None:
    (census,) = cluster.replicas("Census")
    os.kill(census, signal.SIGSTOP)
    try:
        with people(cluster, alone, many=4) as there:
            pass
        assert there.hung_up_on == []
        assert "attune_conversations_elsewhere" in read(cluster.hosts[0], "/metrics")
    finally:
        os.kill(census, signal.SIGCONT)
    counts_the_others(cluster)


def test_mistakes_are_told_in_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["--models", "0"]) == 2
    assert "--models must be at least 1" in capsys.readouterr().err
    assert main(["--modles", "2"]) == 2
    assert "did you mean --models" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "ray", None)
    for loaded in ("deploy.ray.deployment", "assistant.engines.cluster.ray_link"):
        monkeypatch.delitem(sys.modules, loaded, raising=False)
    assert main(["--gateways", "0"]) == 1
    assert ".[scale" in capsys.readouterr().err
