"""The web server: the page, the realtime socket, health and metrics; run by `app.py web`."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp

from assistant.errors import SettingsError
from ui.page_colours import colours_router
from ui.realtime.hosting.admission import AdmissionSettings
from ui.realtime.hosting.engines import Resident
from ui.realtime.hosting.metrics import metric_text
from ui.realtime.hosting.secrets import ClientSecrets
from ui.realtime.hosting.security import LOOPBACK, READY, Guard
from ui.realtime.protocol.messages import LARGEST_EVENT_BYTES
from ui.realtime.routes import ModelRoutes
from ui.realtime.socket import Conversations, realtime_router
from ui.records.pages import RecordsPages
from ui.web.limits import BodyLimit, ImpatientSocket, impatient_http
from ui.web.memory import MemoryRoutes
from ui.web.page import STATIC, FreshFiles, Page
from ui.web.upkeep import Carrier, Retain, retaining


class WebServer(uvicorn.Server):
    """A server that lets answers finish before it closes."""

    def __init__(
        self, config: uvicorn.Config, site: "Site", *, drain_s: float, finish_s: float = 0.0
    ) -> None:
        """Serves `site`; at its end talks may go on for `finish_s`, then answers for `drain_s`."""
        super().__init__(config)
        self._site = site
        self._drain_s, self._finish_s = drain_s, finish_s

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Waits for talks and for answers under way, then closes; a second Ctrl+C ends talks."""
        await self._site.conversations.drain(
            self._drain_s, talks_s=self._finish_s, is_hurried=lambda: self.force_exit
        )
        await super().shutdown(sockets)  # pyright: ignore[reportArgumentType]


class Site:
    """The application with all its routes."""

    def __init__(
        self,
        resident: Resident,
        admission: AdmissionSettings | None = None,
        *,
        hosts: frozenset[str] = LOOPBACK,
        password: str | None = None,
        with_page: bool = True,
        records: RecordsPages | None = None,
        retain: Retain | None = None,
        carrier: Carrier | None = None,
        with_gradio: bool = False,
    ) -> None:
        """Prepares the routes.

        Args:
            resident: The engines.
            admission: How many conversations are held.
            hosts: Names by which the server may be called.
            password: `USER:PASSWORD`, or None on this computer only.
            with_page: Whether there is a page, or the socket alone.
            records: The pages of recorded talks; None for none.
            retain: Deletes the talks that may not be kept any longer; asked now and then.
            carrier: Brings the index of recorded talks up to date; None where who looks does.
            with_gradio: Whether there is a Gradio page for demos.
        """
        self.conversations = Conversations(resident, admission or AdmissionSettings())
        self._resident, self._retain, self._carrier = resident, retain, carrier
        self._api = FastAPI(lifespan=self._life, docs_url=None, redoc_url=None, openapi_url=None)
        self._api.get("/health")(self._health)
        self._api.get(READY)(self._ready)
        self._api.get("/metrics")(self._metrics)
        secrets = ClientSecrets()
        self._api.include_router(realtime_router(self.conversations, secrets))
        self._api.include_router(ModelRoutes(resident, secrets).router)
        self._api.mount("/attune/static", FreshFiles(directory=STATIC), name="attune")
        if records is not None:
            self._api.include_router(colours_router())
            self._api.include_router(records.router)
        if with_page:
            if resident.remembered is not None:
                self._api.include_router(MemoryRoutes(resident.remembered).router)
            self._api.include_router(Page(resident, with_records=records is not None).router)
        served: ASGIApp = self._api
        larger: dict[str, int] = {}
        if with_gradio:
            from ui.web.gradio_page import LARGEST_UPLOAD, UPLOAD, mount_gradio

            served = mount_gradio(self._api, resident, self.conversations.gate)
            larger[UPLOAD] = LARGEST_UPLOAD
        self.app: ASGIApp = Guard(
            BodyLimit(served, larger), hosts=hosts, password=password, secrets=secrets
        )

    @contextlib.asynccontextmanager
    async def _life(self, _api: FastAPI) -> AsyncGenerator[None]:
        tasks = [asyncio.ensure_future(self.conversations.watch())]
        if self._retain is not None:
            tasks.append(asyncio.ensure_future(retaining(self._retain)))
        if self._carrier is not None:
            self.conversations.on_recorded = self._carrier.note
            tasks.append(asyncio.ensure_future(self._carrier.keep_on()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await self.conversations.drain(0.0)
            if self._carrier is not None:
                await self._carrier.look()  # the last talks ended just now

    async def _health(self) -> JSONResponse:
        gate = self.conversations.gate
        if gate.is_closing:
            return JSONResponse({"status": "closing"}, status_code=503)
        return JSONResponse(
            {
                "status": "ok",
                "model": self._resident.default_model,
                "conversations": gate.active,
                "waiting": gate.waiting,
                "elsewhere": gate.elsewhere.active,
            }
        )

    async def _ready(self) -> PlainTextResponse:
        if self.conversations.gate.is_closing:
            return PlainTextResponse("closing\n", status_code=503)
        return PlainTextResponse("ready\n")

    async def _metrics(self) -> PlainTextResponse:
        gate = self.conversations.gate
        text = self.conversations.metrics.text(
            active=gate.active, waiting=gate.waiting, p95_ms=gate.burden.p95_ms()
        )
        if self._carrier is not None:
            text += metric_text("index_behind", "gauge", int(self._carrier.is_behind))
        if self._resident.census is not None:
            text += metric_text("conversations_elsewhere", "gauge", gate.elsewhere.active)
        if self._resident.replicas is not None:
            text += await self._resident.replicas.text()
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def server_config(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    """Returns how the server listens."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        http=impatient_http(),
        ws=ImpatientSocket,
        ws_max_size=LARGEST_EVENT_BYTES + 64 * 1024,
        ws_max_queue=8,
        ws_ping_interval=20.0,
        ws_ping_timeout=40.0,
        # Packing would cost every talk time and memory, for sound that hardly gets smaller.
        ws_per_message_deflate=False,
        limit_concurrency=4_096,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=5,
        server_header=False,
    )


def check_exposure(host: str, password: str | None) -> None:
    """Refuses to serve other computers without a password.

    Raises:
        SettingsError: `host` is not loopback and there is no password.
    """
    if host not in LOOPBACK and not password:
        raise SettingsError(
            f"--host {host} lets other computers in: set a password by --auth FILE or "
            "ATTUNE_AUTH=USER:PASSWORD"
        )
    if password and (":" not in password or len(password.partition(":")[2]) < 8):
        raise SettingsError("the password must be USER:PASSWORD with at least 8 characters")
