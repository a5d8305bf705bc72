"""A real server on a free port of this computer, with scripted engines, for socket tests."""

import asyncio
import base64
import contextlib
import threading
from collections.abc import Generator, Sequence

import numpy as np
import uvicorn

from assistant.audio.waveform import Waveform, to_int16
from assistant.engines.protocols import EmotionEstimate
from assistant.turns.settings import TalkSettings
from tests.fakes import LevelDetector, ScriptedModel, ToneVoice, speech_like
from ui.realtime.hosting.admission import AdmissionSettings
from ui.realtime.hosting.engines import Resident
from ui.records.pages import RecordsPages
from ui.web.server import Site, server_config

LONG = " ".join(f"word{index}" for index in range(80)) + "."
"""A reply of 4 s with the fake voice."""


def resident(
    *,
    replies: Sequence[str] = ("I am here for you.",),
    emotions: Sequence[EmotionEstimate] = (),
    talk: TalkSettings | None = None,
) -> Resident:
    return Resident(
        models={"mini": ScriptedModel(replies, emotions)},
        voices={"tone": ToneVoice(), "other": ToneVoice()},
        open_detector=LevelDetector,
        policies=("empathetic", "flat"),
        talk=talk or TalkSettings(),
    )


@contextlib.contextmanager
def serving(
    engines: Resident | None = None,
    *,
    admission: AdmissionSettings | None = None,
    password: str | None = None,
    with_page: bool = False,
    with_gradio: bool = False,
    records: RecordsPages | None = None,
    port: int = 0,
) -> Generator[tuple[str, Site]]:
    """Serves on a thread, at a free port unless one is named; yields `HOST:PORT`."""
    engines = engines or resident()
    running: list[tuple[uvicorn.Server, Site]] = []
    started = threading.Event()

    async def run() -> None:
        site = Site(
            engines,
            admission,
            password=password,
            with_page=with_page,
            with_gradio=with_gradio,
            records=records,
        )
        server = uvicorn.Server(server_config(site.app, "127.0.0.1", port))
        running.append((server, site))
        serve = asyncio.ensure_future(server.serve())
        while not server.started and not serve.done():
            await asyncio.sleep(0.01)
        started.set()
        await serve

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    started.wait(240.0)
    server, site = running[0]
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}", site
    finally:
        server.should_exit = True
        thread.join(20.0)
        engines.close()


def pcm(waveform: Waveform) -> str:
    """Returns samples as clients send them."""
    return base64.b64encode(to_int16(waveform).tobytes()).decode()


def spoken(length_s: float = 1.0, *, rate: int = 24_000, tail_s: float = 1.2) -> str:
    """Returns something said, and the silence after it."""
    sound = speech_like((0.1, 0.1 + length_s), length_s=0.1 + length_s + tail_s, rate=rate)
    return pcm(sound)


def samples(delta: str) -> Waveform:
    return np.frombuffer(base64.b64decode(delta), dtype="<i2").astype(np.float32) / 32768.0
