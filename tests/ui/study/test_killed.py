"""A 2 × 2 study of 24 participants on a server that is killed ten times while they take part."""

import csv
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import WebSocketException

import app
from assistant.study.keeping.store import StudyFolder
from assistant.study.run.runner import Runner
from assistant.study.simulated.person import CHECK_WORDS, Sayings
from assistant.study.tables.exporting import export
from assistant.study.tables.tracing import untraced
from tests.assistant.study.small_study import CONTENT, make_study
from tests.ui.study.serving_study import Refused, Visitor, clip, silence

PEOPLE, KILLS, AT_ONCE = 24, 10, 6
ROOT = Path(__file__).parents[3]
STUDY = CONTENT.replace("participants = 4", f"participants = {PEOPLE}").replace(
    'block = ["sus"]', 'before = ["demographics"]\nblock = ["sus"]\nafter = ["manipulation"]'
)
GONE = (
    urllib.error.URLError,
    ConnectionError,
    http.client.HTTPException,
    WebSocketException,
    TimeoutError,
    OSError,
)


class Server:
    """`app.py study run` in a process of its own, started again whenever it is killed."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.kills = 0
        self.start()

    def start(self) -> None:
        command = ["study", "run", str(self.folder), "--scripted", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [sys.executable, "app.py", *command],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.kills += 1
        self.start()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(30)


class Patient(Visitor):
    """A participant's browser that sends again until it hears that something is saved."""

    def __init__(self, host: str, name: str, said: Any, saved: list[Any]) -> None:
        super().__init__(host, name)
        self.said, self.saved = said, saved

    def ask(self, action: str, **fields: Any) -> dict[str, Any]:
        while True:
            try:
                return super().ask(action, **fields)
            except Refused:
                raise
            except GONE:
                time.sleep(0.2)

    def answer(self, page: dict[str, Any], item: dict[str, Any]) -> None:
        value = item["labels"][-1] if item["form"] == "choice" else int(item["maximum"]) - 1
        if item["form"] == "text":
            value = None
        self.ask("answer", step=page["step"], item=item["name"], value=value, seconds=1.0)
        if value is not None:
            self.saved.append((self.name, page["step"], item["name"], str(value)))

    def take_part(self) -> str:
        page = self.ask("join")
        while page["kind"] not in ("completed", "stopped"):
            values: dict[str, Any] = {}
            if page["kind"] == "consent":
                values = dict.fromkeys(("take_part", "audio", "words", "emotion"), True)
            elif page["kind"] == "sound":
                values = {"microphone_db": -20.0, "loudspeaker": True}
                self.ask("attention", clip=clip(self.said.spoken(CHECK_WORDS)))
            elif page["kind"] == "questions":
                for item in page["items"]:
                    self.answer(page, item)
            elif page["kind"] == "talk":
                self.hold()
            page = self.ask("done", step=page["step"], values=values)
        return page["kind"]

    def hold(self) -> None:
        """Talks until the server says that the conversation is over, whatever happens to it."""
        while True:
            try:
                with self.line() as line:
                    if self.talk_on(line):
                        return
            except GONE:
                time.sleep(0.2)

    def talk_on(self, line: Any) -> bool:
        speech = self.said.spoken("I went to the market this morning.")
        while True:
            told = json.loads(line.recv(timeout=30))
            if told["type"] in ("study.over", "study.refused"):
                return True
            if told["type"] == "study.ready":
                for start in range(0, len(speech), 512):
                    sound = clip(speech[start : start + 512])
                    line.send(json.dumps({"type": "input_audio_buffer.append", "audio": sound}))
                for _ in range(60):
                    silence(line, 0.05)
            if told["type"] == "study.probe":
                self.ask("probe", turn=told["turn"], value=5, seconds=1.0)


def killing(server: Server, saved: list[Any], over: threading.Event) -> None:
    """Kills the server ten times, each time after a further eleventh of all answers."""
    every = PEOPLE * (5 + 4 * 10 + 3) // (KILLS + 2)
    while server.kills < KILLS and not over.wait(0.05):
        if len(saved) >= every * (server.kills + 1):
            server.kill()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_study_loses_no_answer_although_its_server_is_killed_ten_times(tmp_path, capsys):
    folder = make_study(tmp_path / "study", STUDY)
    said, saved = Sayings(), []
    said.spoken(CHECK_WORDS)
    said.spoken("I went to the market this morning.")
    server, over = Server(folder.path), threading.Event()
    killer = threading.Thread(target=killing, args=(server, saved, over))
    killer.start()
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            host = f"127.0.0.1:{server.port}"
            people = [Patient(host, f"p{n:02}", said, saved) for n in range(PEOPLE)]
            ends = list(pool.map(Patient.take_part, people))
    finally:
        over.set()
        killer.join()
        server.end()
    assert ends == ["completed"] * PEOPLE
    assert server.kills == KILLS
    check_tables(folder, saved)
    # The key is opened now, and not before.
    sealed = rows(folder, "answers")
    assert {row["condition"] for row in sealed} == {"", "A", "B", "C", "D"}
    assert not folder.seals.exists()
    assert app.main(["study", "unseal", str(folder.path), "--by", "tester"]) == 0
    assert app.main(["study", "report", str(folder.path)]) == 0
    assert "Balance of the design" in (folder.path / "export-report" / "report.html").read_text()
    names = {row["condition"] for row in rows(folder, "answers")}
    assert names == {"", *Runner(folder).study.names()}
    assert untraced(folder.path, folder.path / "export") == []


def check_tables(folder: StudyFolder, saved: list[tuple[str, str, str, str]]) -> None:
    export(folder, folder.path / "export")
    kept = {
        (row["participant"], row["step"], row["item"], row["value"])
        for row in rows(folder, "answers")
    }
    assert set(saved) - kept == set()
    assert untraced(folder.path, folder.path / "export") == []
    people = rows(folder, "participants")
    assert set(Counter(row["cell"] for row in people).values()) == {PEOPLE // 4}
    for row in people:
        assert sorted(row["sequence"].split(">")) == ["A", "B", "C", "D"]
    answers = Counter(
        (row["participant"], row["step"], row["item"])
        for row in rows(folder, "answers")
        if row["instrument"] != "probe"
    )
    assert set(answers.values()) == {1}
    turns = rows(folder, "turns")
    talked = {(row["participant"], row["block"]) for row in turns}
    assert len(talked) == PEOPLE * 4


def rows(folder: StudyFolder, table: str) -> list[dict[str, str]]:
    with (folder.path / "export" / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
