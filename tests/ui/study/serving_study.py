"""A study's server on a free port of this computer, with scripted engines, and one participant."""

import asyncio
import base64
import contextlib
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Generator
from typing import Any

import numpy as np
import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from assistant.audio.waveform import Waveform, to_int16
from assistant.study.keeping.store import StudyFolder
from assistant.study.run.engines import StudyEngines
from assistant.study.run.runner import Runner
from assistant.study.settings import StudyEngineSettings
from assistant.turns.settings import TalkSettings
from tests.fakes import LevelDetector, speech_like
from ui.realtime.hosting.security import LOOPBACK
from ui.study.server import StudySite
from ui.study.talks import StudyTalks
from ui.web.server import server_config

PASSWORD = "experimenter:correct horse"


@contextlib.contextmanager
def serving_study(folder: StudyFolder, *, most: int = 8) -> Generator[tuple[str, StudyTalks]]:
    """Serves a study on a thread; yields `HOST:PORT` and its conversations."""
    runner = Runner(folder)
    engines = StudyEngines(folder.path, StudyEngineSettings(), scripted=True)
    engines.detector = LevelDetector  # pyright: ignore[reportAttributeAccessIssue]
    talks = StudyTalks(runner, engines, TalkSettings(), most=most)
    running: list[uvicorn.Server] = []
    started = threading.Event()

    async def run() -> None:
        site = StudySite(runner, talks, hosts=LOOPBACK, password=PASSWORD)
        server = uvicorn.Server(server_config(site.app, "127.0.0.1", 0))
        running.append(server)
        serve = asyncio.ensure_future(server.serve())
        while not server.started and not serve.done():
            await asyncio.sleep(0.01)
        started.set()
        await serve

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    started.wait(60.0)
    port = running[0].servers[0].sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}", talks
    finally:
        running[0].should_exit = True
        thread.join(20.0)
        talks.end_threads()
        engines.close()


class Refused(Exception):
    """The server refused; its code and message."""

    def __init__(self, status: int, content: dict[str, Any]) -> None:
        super().__init__(f"{status} {content}")
        self.status, self.content = status, content


class Visitor:
    """A participant's browser, without a screen."""

    def __init__(self, host: str, name: str, tab: str = "tab-1") -> None:
        self.host, self.name, self.tab = host, name, tab

    def ask(self, action: str, **fields: Any) -> dict[str, Any]:
        body = {"participant": self.name, "tab": self.tab, **fields}
        request = urllib.request.Request(
            f"http://{self.host}/study/api/{action}",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise Refused(error.code, json.loads(error.read())) from None

    def done(self, page: dict[str, Any], **values: Any) -> dict[str, Any]:
        return self.ask("done", step=page["step"], values=values)

    def enter(self, **choices: bool) -> dict[str, Any]:
        """Goes up to the first conversation with these choices of consent; returns its page."""
        page = self.ask("join")
        page = self.done(page)
        agreed = {"take_part": True, "audio": True, "words": True, "emotion": True, **choices}
        page = self.done(page, **agreed)
        passed = self.ask("attention", clip=clip(speech_like((0.1, 0.6), length_s=1.0)))
        assert passed["passed"]
        return self.done(page, microphone_db=-20.0, loudspeaker=True)

    def talk(self, *, until: str = "study.over", turns: int = 1) -> list[dict[str, Any]]:
        """Speaks until the conversation is over; returns all that was told."""
        seen: list[dict[str, Any]] = []
        with self.line() as socket:
            while not seen or seen[-1]["type"] != until:
                seen.append(json.loads(socket.recv(timeout=60)))
                kind = seen[-1]["type"]
                if kind == "study.ready" or (kind == "study.probe" and until == "study.over"):
                    speak(socket)
        return seen

    def line(self) -> Any:
        query = f"?participant={self.name}&tab={self.tab}"
        return connect(f"ws://{self.host}/study/talk{query}", max_size=None)

    def fill_in(self, page: dict[str, Any]) -> dict[str, Any]:
        for item in page["items"]:
            values = {"choice": item["labels"] and item["labels"][0], "grid": "5,5", "text": "Yes."}
            value = values.get(item["form"], item["minimum"])
            self.ask("answer", step=page["step"], item=item["name"], value=value, seconds=1.5)
        return self.done(page)


def clip(sound: Waveform) -> str:
    return base64.b64encode(to_int16(sound).tobytes()).decode()


def speak(socket: Any, length_s: float = 0.8) -> None:
    """Sends something said, and the silence after it, unless the conversation ends meanwhile."""
    sound = speech_like((0.1, 0.1 + length_s), length_s=length_s + 1.6)
    with contextlib.suppress(ConnectionClosed):
        for start in range(0, len(sound), 512):
            event = {"type": "input_audio_buffer.append", "audio": clip(sound[start : start + 512])}
            socket.send(json.dumps(event))


def silence(socket: Any, length_s: float) -> None:
    event = {
        "type": "input_audio_buffer.append",
        "audio": clip(np.zeros(round(16_000 * length_s), dtype=np.float32)),
    }
    socket.send(json.dumps(event))
