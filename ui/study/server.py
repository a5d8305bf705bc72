"""`app.py study run`: the participant's pages, the experimenter's page and the conversations."""

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from functools import partial
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp

from assistant.errors import AssistantError, DeviceError, SettingsError
from assistant.study.keeping.lock import check_settings, note_run
from assistant.study.keeping.retention import enforce_retention
from assistant.study.keeping.store import StudyFolder
from assistant.study.run.engines import StudyEngines
from assistant.study.run.runner import Runner
from assistant.study.settings import StudyEngineSettings, StudyServerSettings, running
from assistant.text_file import read_text
from ui.page_colours import colours_router
from ui.parts import shown
from ui.realtime.hosting.security import LOOPBACK, Guard
from ui.study.experimenter import experimenter_api
from ui.study.participant import participant_router
from ui.study.talks import StudyTalks
from ui.web.command import SWITCH_S
from ui.web.limits import BodyLimit, allow_open_files
from ui.web.server import server_config

STATIC = Path(__file__).with_name("static")
PAGE_STATIC = Path(__file__).parents[1] / "static"
PASSWORD_VARIABLE = "ATTUNE_AUTH"
SHORTEST_PASSWORD = 8
EXPERIMENTER = "experimenter"
LOOK_S = 3_600.0
"""How often a running server looks whether the data may still be kept."""

logger = logging.getLogger(__name__)


class StudySite:
    """The application with all its routes."""

    def __init__(
        self, runner: Runner, talks: StudyTalks, *, hosts: frozenset[str], password: str
    ) -> None:
        """Prepares the routes.

        Args:
            runner: Takes participants through.
            talks: Holds the conversations.
            hosts: Names by which the server may be called.
            password: `USER:PASSWORD` of the experimenter's page.
        """
        self._runner, self._talks = runner, talks
        api = FastAPI(lifespan=self._life, docs_url=None, redoc_url=None, openapi_url=None)
        api.include_router(participant_router(runner, talks))
        api.include_router(colours_router())
        api.mount("/attune/static", StaticFiles(directory=PAGE_STATIC), name="attune")
        api.mount("/study/static", StaticFiles(directory=STATIC), name="study")
        inner = experimenter_api(runner, talks)
        api.mount("/experimenter", Guard(inner, hosts=hosts, password=password))
        api.get("/")(_page)
        self.app: ASGIApp = Guard(BodyLimit(api), hosts=hosts, password=None)

    @contextlib.asynccontextmanager
    async def _life(self, _api: FastAPI) -> AsyncGenerator[None]:
        looking = asyncio.ensure_future(self._look())
        try:
            yield
        finally:
            looking.cancel()
            await self._talks.close()

    async def _look(self) -> None:
        """Deletes the data when it may not be kept any longer, though nobody calls a command."""
        while True:
            try:
                enforce = partial(enforce_retention, self._runner.folder, self._runner.study)
                if told := (await asyncio.to_thread(enforce)).told:
                    logger.warning("%s", told)
            except AssistantError as error:  # a full disk, say: the next look may do it
                logger.error("%s", error)
            await asyncio.sleep(LOOK_S)


async def _page() -> FileResponse:
    # Never from the cache of the browser: a page of another study, or of an older version.
    return FileResponse(STATIC / "study.html", headers={"cache-control": "no-store"})


def serve(settings: StudyServerSettings) -> int:
    """Serves until interrupted; returns the exit status.

    Raises:
        SettingsError: The study cannot be used, or the password.
        EngineUnavailable: An engine of a condition cannot be loaded.
        DeviceError: The port is taken.
    """
    runner = Runner(StudyFolder(settings.folder))
    asked_for = settings.part(StudyEngineSettings)
    kind, shared = "scripted" if settings.scripted else "real", running(asked_for, settings.talk)
    # Before minutes of loading.
    check_settings(runner.folder, kind, shared)
    password, is_made_up = _password(settings.auth)
    listening = _listen(settings.host, settings.port)
    allow_open_files()
    with contextlib.closing(listening), contextlib.ExitStack() as stack:
        stack.enter_context(runner.folder.served())
        print("loading …", file=sys.stderr, flush=True)
        engines = StudyEngines(settings.folder, asked_for, scripted=settings.scripted, watch=shown)
        stack.callback(engines.close)
        talks = StudyTalks(runner, engines, settings.talk, most=settings.talks)
        stack.callback(talks.end_threads)
        note_run(runner.folder, runner.study, engines=kind, settings=shared)
        hosts = LOOPBACK | {settings.host.lower(), *(name.lower() for name in settings.hosts)}
        site = StudySite(runner, talks, hosts=hosts, password=password)
        port, told = listening.getsockname()[1], password if is_made_up else ""
        asyncio.run(_serve(site, talks, listening, lambda: _say_where(settings, port, told)))
    return 0


async def _serve(
    site: StudySite, talks: StudyTalks, listening: socket.socket, say_where: Callable[[], None]
) -> None:
    await talks.rehearse()
    say_where()
    sys.setswitchinterval(SWITCH_S)
    # Collecting garbage must not look through the engines again and again.
    gc.collect()
    gc.freeze()
    host, port = listening.getsockname()[:2]
    config = server_config(site.app, host, port)
    await uvicorn.Server(config).serve(sockets=[listening])


def _say_where(settings: StudyServerSettings, port: int, password: str) -> None:
    name = "localhost" if settings.host in LOOPBACK else settings.host
    print(f"the study is open at http://{name}:{port}/?participant=ID  (stop it with Ctrl+C)")
    print(f"experimenter's page: http://{name}:{port}/experimenter/")
    if password:
        user, _, word = password.partition(":")
        print(f"  user {user}, password {word} (until the next start; choose one by --auth)")
    sys.stdout.flush()


def _password(auth: Path | None) -> tuple[str, bool]:
    """Returns USER:PASSWORD of the experimenter, and whether it was made up."""
    given: str | None = os.environ.get(PASSWORD_VARIABLE)
    if auth is not None:
        given = read_text(auth, called="--auth").strip()
        if not given:
            raise SettingsError(f"--auth {auth} is empty: write USER:PASSWORD in it")
    if not given:
        return f"{EXPERIMENTER}:{secrets.token_urlsafe(9)}", True
    if ":" not in given or len(given.partition(":")[2]) < SHORTEST_PASSWORD:
        raise SettingsError("the password must be USER:PASSWORD with at least 8 characters")
    return given, False


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise DeviceError(
            f"port {port} on {host} cannot be used ({error.strerror}): choose another by --port"
        ) from error
    return listening
