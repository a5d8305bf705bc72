"""The realtime socket: `/v1/realtime`, one conversation for each connection.

It speaks the OpenAI Realtime protocol; `docs/realtime.md` lists the events. Two query parameters
are Attune's own: `keep=1` keeps the conversation for a while when the connection is lost (and
`session=ID` goes on with it), `wait=1` waits in line where all places are taken.
"""

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from assistant import events
from ui.realtime.hosting.admission import AdmissionSettings, Gate, NoRoom, Visit
from ui.realtime.hosting.engines import Resident
from ui.realtime.hosting.metrics import Metrics
from ui.realtime.hosting.secrets import ClientSecrets
from ui.realtime.hosting.security import credentials
from ui.realtime.incoming import Incoming
from ui.realtime.outbox import ClientStalled
from ui.realtime.protocol.messages import error_event
from ui.realtime.session import Session

logger = logging.getLogger(__name__)

NORMAL, STALLED, BROKEN, TRY_LATER = 1000, 1008, 1011, 1013
"""Close codes of the WebSocket protocol."""
ELSEWHERE = "the conversation goes on in a newer connection"
TICK_S = 1.0
CLEAR_AWAY_TICKS = 2
WAITED_FOR_S = 10.0
"""How long a lost client's place is kept for it while others wait in line."""
THIS_COMPUTER = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(eq=False, slots=True)
class _Place:
    """One conversation that is held, with or without a client."""

    session: Session
    visit: Visit
    task: asyncio.Task[None]
    left_s: float | None = None
    """When its client left; None while one is there."""
    newest: int = 0
    """Number of the connection that asked for it last: that one gets it."""
    replaced: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when another connection asks for it."""
    free: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while no client is there."""


class Superseded(Exception):
    """A newer connection asked for the same conversation."""


class Conversations:
    """All conversations of a process."""

    def __init__(self, resident: Resident, settings: AdmissionSettings) -> None:
        """Starts empty."""
        self.resident = resident
        self.metrics = Metrics()
        # Engines elsewhere say how busy they are by how late they answer, and by nothing else.
        workers = (resident.model_worker, resident.voice_worker)
        watched = () if resident.works_elsewhere else workers
        self.gate = Gate(settings, time.monotonic, lambda: tuple(w.busy_s for w in watched))
        self._places: dict[str, _Place] = {}
        self.on_recorded: Callable[[list[str]], None] = lambda _ids: None
        """Told the ids of the records of a conversation that is over, which are closed by then."""
        self._garbage_ticks = 0

    def open(self, visit: Visit, model: str) -> _Place:
        """Begins a conversation for a visitor that was let in."""
        self._make_room()
        session = Session(self.resident, model=model, observer=partial(self._observe, visit))
        task = asyncio.get_running_loop().create_task(session.run())
        place = _Place(session, visit, task)
        self._places[session.id] = place
        task.add_done_callback(lambda _task: self._over(place))
        return place

    def _make_room(self) -> None:
        """Ends the conversation whose client is gone for longest, where there are too many."""
        gone = [place for place in self._places.values() if place.left_s is not None]
        if gone and len(self._places) >= self.gate.settings.most:
            min(gone, key=lambda place: place.left_s or 0.0).session.end()

    async def find(self, session_id: str) -> _Place | None:
        """Returns a conversation whose client comes back, also before it was missed.

        Raises:
            Superseded: Another connection asked for it meanwhile: the newest one gets it.
        """
        place = self._places.get(session_id)
        if place is None:
            return None
        place.newest += 1
        number = place.newest
        while place.left_s is None:
            place.replaced.set()
            await place.free.wait()
            if place.newest != number:
                raise Superseded
        if session_id not in self._places:
            return None
        place.left_s = None
        place.free.clear()
        place.replaced.clear()
        self.gate.came_back(place.visit)
        return place

    def left(self, place: _Place) -> None:
        """The client of a conversation is gone."""
        if place.left_s is None:
            place.left_s = asyncio.get_running_loop().time()
            place.free.set()
            self.gate.went_away(place.visit)

    async def watch(self) -> None:
        """Ends conversations that are idle or whose clients did not come back, for ever."""
        while True:
            await asyncio.sleep(TICK_S)
            self.gate.burden.look()
            if (census := self.resident.census) is not None:
                await census.compare(self.gate.count())
                self.gate.compare(census.elsewhere)
            self._end_idle(asyncio.get_running_loop().time())
            self._clear_away()

    def _clear_away(self) -> None:
        """Collects what conversations left behind, a moment after the last one ended.

        A conversation is few objects and many megabytes: left to itself, the collector would wait
        for a hundred of them. Where the engines are frozen this takes milliseconds, otherwise too
        long.
        """
        if self._garbage_ticks and gc.get_freeze_count():
            self._garbage_ticks -= 1
            if not self._garbage_ticks:
                gc.collect()

    def _end_idle(self, now_s: float) -> None:
        settings = self.gate.settings
        keep_s = settings.resume_s
        if self.gate.waiting:
            keep_s = min(keep_s, WAITED_FOR_S)
        for place in list(self._places.values()):
            if place.left_s is not None and now_s - place.left_s > keep_s:
                place.session.end()
            elif now_s - place.session.last_active_s > settings.idle_s:
                message = "nothing has happened for a while: the conversation has ended"
                place.session.tell_error(message, code="session_idle")
                place.session.end()

    async def drain(
        self,
        limit_s: float,
        *,
        talks_s: float = 0.0,
        is_hurried: Callable[[], bool] = lambda: False,
    ) -> None:
        """Lets nobody in, waits until no answer is under way, and ends all.

        Args:
            limit_s: How long answers may go on.
            talks_s: How long whole talks may go on before.
            is_hurried: Whether talks shall end now; answers may still go on.
        """
        self.gate.is_closing = True
        loop = asyncio.get_running_loop()
        until_s = loop.time() + talks_s
        while self._places and loop.time() < until_s and not is_hurried():
            await asyncio.sleep(0.1)
        until_s = loop.time() + limit_s
        while any(p.session.is_busy for p in self._places.values()) and loop.time() < until_s:
            await asyncio.sleep(0.1)
        tasks = [place.task for place in self._places.values()]
        for place in list(self._places.values()):
            place.session.tell_error("the server is closing", code="server_closing")
            place.session.end()
        if tasks:
            await asyncio.wait(tasks, timeout=5.0)

    def _observe(self, visit: Visit, event: events.Event) -> None:
        self.metrics.observe(event)
        if isinstance(event, events.TurnTimed):
            marks_ms = event.marks_ms
            if "played" in marks_ms and "endpoint" in marks_ms:
                self.gate.answered(visit, marks_ms["played"] - marks_ms["endpoint"])

    def _over(self, place: _Place) -> None:
        self._places.pop(place.session.id, None)
        self.on_recorded(place.session.recorded)
        place.left_s = place.left_s or 0.0
        place.free.set()
        self._garbage_ticks = self._garbage_ticks or CLEAR_AWAY_TICKS
        self.gate.leave(place.visit)
        if not place.task.cancelled() and (error := place.task.exception()) is not None:
            self.metrics.failed_conversations += 1
            logger.error("a conversation broke", exc_info=error)


def realtime_router(conversations: Conversations, secrets: ClientSecrets) -> APIRouter:
    """Returns the route of the socket; a key among `secrets` brings settings along."""
    router = APIRouter()

    @router.websocket("/v1/realtime")
    async def realtime(  # pyright: ignore[reportUnusedFunction]
        socket: WebSocket,
        model: str = "",
        intent: str = "",
        session: str = "",
        keep: bool = False,
        wait: bool = False,
    ) -> None:
        offered = socket.scope.get("subprotocols", [])
        await socket.accept(subprotocol="realtime" if "realtime" in offered else None)
        conversations.metrics.connections += 1
        incoming = Incoming(socket)
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            try:
                place = (
                    await incoming.while_waiting(conversations.find(session)) if session else None
                )
            except Superseded:
                await _close(socket, NORMAL, ELSEWHERE)
                return
            if place is None:
                visit = await _let_in(conversations, socket, incoming, wait)
                if visit is None:
                    return
                if incoming.has_left:
                    conversations.gate.leave(visit)
                    return
                place = conversations.open(visit, model)
                secret = secrets.find(credentials(socket.headers))
                own = {**secret.session} if secret else {}
                if own and model:
                    own["model"] = model
                if intent == "transcription":
                    own["type"] = intent
                if own:
                    place.session.begin_with(own)
            elif incoming.has_left:
                conversations.left(place)
                return
            await _serve(conversations, socket, incoming, place, keep=keep)

    return router


async def _let_in(
    conversations: Conversations, socket: WebSocket, incoming: Incoming, wait: bool
) -> Visit | None:
    """Takes a visitor in, or tells it why not."""

    async def tell(place: int) -> None:
        await socket.send_json({"type": "attune.waiting", "place": place})

    address = _address(socket)
    try:
        try:
            return conversations.gate.try_enter(address)
        except NoRoom:
            if not wait:
                raise
            return await incoming.while_waiting(conversations.gate.wait(address, tell))
    except NoRoom as refused:
        conversations.metrics.refused += 1
        await socket.send_json(error_event(str(refused), code="no_capacity", kind="server_error"))
        await socket.close(TRY_LATER, "no capacity")
        return None


async def _serve(
    conversations: Conversations,
    socket: WebSocket,
    incoming: Incoming,
    place: _Place,
    *,
    keep: bool,
) -> None:
    """Connects a client with its conversation until one of them is over."""
    session = place.session
    session.attach()
    pumping = asyncio.ensure_future(_pump(session, socket))
    receiving = asyncio.ensure_future(_receive(session, incoming))
    replaced = asyncio.ensure_future(place.replaced.wait())
    try:
        await asyncio.wait(
            {pumping, receiving, replaced, place.task}, return_when=asyncio.FIRST_COMPLETED
        )
        if (error := _failure(pumping) or _failure(receiving)) is not None:
            logger.error("a message could not be handled", exc_info=error)
            await _close(socket, BROKEN, "internal error")
        elif pumping.done() and not _is_hung_up(pumping):
            conversations.metrics.stalled += 1
            await _close(socket, STALLED, "the client does not read")
        elif place.task.done() and not (receiving.done() or pumping.done()):
            await _cancelled(pumping)
            await _flush(session, socket)
            await _close(socket, NORMAL, "the conversation has ended")
    finally:
        is_lost = _is_hung_up(pumping) or (
            receiving.done() and not receiving.exception() and receiving.result() != NORMAL
        )
        await _cancelled(pumping, receiving, replaced)
        session.detach()
        conversations.left(place)
        if place.replaced.is_set():
            # The newer connection goes on meanwhile: this one may be dead and slow to close.
            await _close(socket, NORMAL, ELSEWHERE)
        elif not (keep and is_lost):
            session.end()


def _is_hung_up(task: asyncio.Future[Any]) -> bool:
    """Whether `task` ended because the client is gone."""
    return isinstance(_end_of(task), WebSocketDisconnect)


def _failure(task: asyncio.Future[Any]) -> BaseException | None:
    """Returns what broke `task`, other than that the client is gone."""
    return None if _is_hung_up(task) else _end_of(task)


def _end_of(task: asyncio.Future[Any]) -> BaseException | None:
    """Returns the error that ended `task`; None where it goes on, is over, or was cancelled."""
    return task.exception() if task.done() and not task.cancelled() else None


async def _pump(session: Session, socket: WebSocket) -> None:
    with contextlib.suppress(ClientStalled):
        await session.outbox.pump(socket.send_text)


async def _receive(session: Session, incoming: Incoming) -> int:
    """Hands the client's messages on; returns the code with which it closed."""
    while not isinstance(message := await incoming.next(), int):
        await session.receive(message)
    return message


async def _flush(session: Session, socket: WebSocket) -> None:
    """Sends what still waits, for example why the conversation is over."""
    with contextlib.suppress(TimeoutError, ClientStalled):
        async with asyncio.timeout(1.0):
            await session.outbox.pump(socket.send_text)


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    """Says why the socket is closed; a client that does not read cannot hold that up."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1.0):
            await socket.close(code, reason)


async def _cancelled(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _address(socket: WebSocket) -> str:
    """Returns the address that a visitor is counted by; empty for this computer."""
    host = socket.client.host if socket.client is not None else ""
    return "" if host in THIS_COMPUTER else host
