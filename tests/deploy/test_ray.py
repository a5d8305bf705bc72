"""A cluster on this machine: two gateways, two replicas, talks, and what dies in the middle."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from assistant.engines.blsp_emo import BlspEmoModel
from assistant.engines.protocols import Cancel, Persona
from assistant.engines.settings import GenerationSettings, ModelSettings
from deploy.ray.__main__ import main
from tests.assistant.engines.tiny_checkpoint import write_tiny_checkpoint
from tests.ui.calling import Line, line

ROOT = Path(__file__).parents[2]
START_S = 240.0
QUESTIONS = ("how are you", "and then what", "tell me more", "is that so")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def gateways(
    checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Generator[dict[str, int]]:
    """Starts the cluster by its command; yields the process of each gateway by its address."""
    pytest.importorskip("ray")
    first = _free_ports()
    log = tmp_path_factory.mktemp("cluster") / "log.txt"
    options = ["--model", str(checkpoint), "--run.threads", "1", "--cpus", "0.1"]
    options += ["--generation.longest-tokens", "24", "--voice", "espeak", "--port", str(first)]
    command = [sys.executable, "-m", "deploy.ray", *options, "--", "--turn-judge", "words"]
    with log.open("wb") as told:
        cluster = subprocess.Popen(command, cwd=ROOT, stdout=told, stderr=told)
    try:
        hosts = [f"127.0.0.1:{first + number}" for number in range(2)]
        _wait_for(hosts, cluster, log)
        yield dict(zip(hosts, _processes(first), strict=True))
    finally:
        cluster.send_signal(signal.SIGTERM)
        cluster.wait(60)


def _free_ports() -> int:
    """Returns the first of two ports that are free."""
    import socket

    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def _wait_for(hosts: list[str], cluster: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_S
    for host in hosts:
        while True:
            try:
                urllib.request.urlopen(f"http://{host}/health", timeout=5)
                break
            except OSError:
                assert cluster.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.5)


def _processes(first: int) -> list[int]:
    """Returns the numbers of the gateways' processes."""
    told = subprocess.run(["ps", "-ewwo", "pid,args"], capture_output=True, text=True, check=True)
    lines = told.stdout.splitlines()
    return [
        next(
            int(text.split()[0])
            for text in lines
            if re.search(rf"app\.py web .*--port {port}\b", text)
        )
        for port in (first, first + 1)
    ]


def answer(there: Line, question: str) -> str:
    there.say(question)
    there.until("response.created")
    told = there.until("response.done")
    assert told["response"]["status"] == "completed", told
    (item,) = told["response"]["output"]
    return next(part.get("transcript") or part.get("text") for part in item["content"])


@pytest.fixture(scope="module")
def expected(checkpoint: Path) -> list[str]:
    """Returns what a resident model answers, each question in a talk of its own."""
    generation = GenerationSettings(longest_tokens=24)
    run = ModelSettings(device="cpu", dtype="float32", threads=1)
    model = BlspEmoModel(str(checkpoint), run, generation)
    answers: list[str] = []
    for question in QUESTIONS:
        dialogue = model.open(Persona())
        dialogue.read(question)
        answers.append("".join(delta.text for delta in dialogue.reply(Cancel())))
    return answers


def first_answer(host: str, number: int) -> str:
    with line(host) as there:
        return answer(there, QUESTIONS[number % len(QUESTIONS)])


def test_talks_of_both_gateways_get_their_own_answers(
    gateways: dict[str, int], expected: list[str]
) -> None:
    hosts = list(gateways)
    with ThreadPoolExecutor(8) as talking:
        told = list(talking.map(lambda n: first_answer(hosts[n // 4], n), range(8)))
    assert [" ".join(text.split()) for text in told] == [
        " ".join(text.split()) for text in expected * 2
    ]


def test_a_replica_that_is_killed_costs_no_answer(gateways: dict[str, int]) -> None:
    hosts = list(gateways)

    def talk(number: int) -> int:
        with line(hosts[number % 2]) as there:
            return sum(bool(answer(there, question)) for question in QUESTIONS)

    with ThreadPoolExecutor(6) as talking:
        begun = [talking.submit(talk, number) for number in range(6)]
        time.sleep(0.5)
        os.kill(_replica(), signal.SIGKILL)
        answered = [task.result() for task in begun]
    assert answered == [len(QUESTIONS)] * 6


def _replica() -> int:
    found = subprocess.run(["ps", "-ewwo", "pid,args"], capture_output=True, text=True, check=True)
    return next(
        int(text.split()[0])
        for text in found.stdout.splitlines()
        if "ServeReplica:attune:SpeechModel" in text
    )


def test_who_loses_a_gateway_is_told_and_goes_on_at_another(gateways: dict[str, int]) -> None:
    first, second = gateways
    with line(first) as lost, line(second) as kept:
        assert answer(lost, QUESTIONS[0])
        assert answer(kept, QUESTIONS[0])
        os.kill(gateways[first], signal.SIGKILL)
        with pytest.raises(ConnectionClosed):
            lost.until("never")
        assert answer(kept, QUESTIONS[1]), "the other gateway's talks go on"
    with line(second) as again:
        assert answer(again, QUESTIONS[0])
    _wait_for([first], _Running(), Path(os.devnull))
    with line(first) as restarted:
        assert answer(restarted, QUESTIONS[0]), "the gateway was started again"


class _Running:
    """Stands for a process that runs."""

    def poll(self) -> None:
        return None


def test_a_gateway_knows_what_the_others_count(gateways: dict[str, int]) -> None:
    first, second = gateways
    with line(first), line(first):
        time.sleep(3.0)
        health = json.loads(urllib.request.urlopen(f"http://{second}/health").read())
        assert health["elsewhere"] >= 2


def test_mistakes_are_told_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--models", "0"]) == 2
    assert "--models must be at least 1" in capsys.readouterr().err
    assert main(["--modles", "2"]) == 2
    assert "did you mean --models" in capsys.readouterr().err
