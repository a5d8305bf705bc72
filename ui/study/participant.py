"""The participant's side over HTTP: which page comes, what is answered, and the conversation.

Each answer is a request of its own and is on the disk before its reply leaves, so a browser that
got no reply sends it again, and nothing is there twice.
"""

import asyncio
import base64
import binascii
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np
from fastapi import APIRouter, WebSocket
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.errors import AssistantError, InputError, OutputError
from assistant.study.keeping.withdrawal import withdraw
from assistant.study.run.pages import WITHDRAWN, PageContent
from assistant.study.run.refusals import FinishedPage, OtherTab
from assistant.study.run.runner import Runner
from ui.study.talk import ELSEWHERE, OVER
from ui.study.talks import StudyTalks

T = TypeVar("T")
LONGEST_CLIP_S = 6.0
STATUSES: dict[type[AssistantError], tuple[int, str]] = {
    OtherTab: (409, "other_tab"),
    FinishedPage: (409, "finished"),
    OutputError: (507, "not_saved"),
    InputError: (422, "refused"),
}
"""What each refusal is in HTTP, and the name by which the page knows it."""


class Request(BaseModel):
    """Who asks, from which window."""

    model_config = ConfigDict(extra="ignore")

    participant: str = Field(default="", max_length=400)
    tab: str = Field(min_length=1, max_length=64)
    driven: bool = False
    link: dict[str, str] = Field(default_factory=dict[str, str])
    step: str = Field(default="", max_length=80)
    item: str = Field(default="", max_length=80)
    value: Any = None
    seconds: float | None = None
    typing: Any = None
    turn: int = 0
    values: dict[str, Any] = Field(default_factory=dict[str, Any])
    clip: str = ""


class Participants:
    """Obeys the requests of participants, for each of them one at a time."""

    def __init__(self, runner: Runner, talks: StudyTalks) -> None:
        """Takes them through `runner`'s study."""
        self._runner, self._talks = runner, talks
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def _alone(self, request: Request, work: Callable[[], T]) -> T:
        """Runs `work` on a thread, after what the same participant asked for before.

        Logs are synced to the disk, which takes milliseconds: not on the loop that carries sound.
        """
        async with self._turns[request.participant]:
            return await asyncio.to_thread(work)

    async def join(self, request: Request) -> PageContent:
        """Opens the study."""
        one, join = request, self._runner.join
        work = partial(join, one.participant, one.link, one.tab, driven=one.driven)
        return await self._alone(request, work)

    async def page(self, request: Request) -> PageContent:
        """Returns the page that the participant is at."""
        return await self._alone(
            request, partial(self._runner.page, request.participant, request.tab)
        )

    async def answer(self, request: Request) -> PageContent:
        """Keeps an answer."""
        one, answer = request, self._runner.answer
        who = (one.participant, one.tab, one.step)
        given = (one.item, one.value, one.seconds, one.typing)
        await self._alone(one, partial(answer, *who, *given))
        return {"saved": True}

    async def done(self, request: Request) -> PageContent:
        """Finishes a page."""
        one = request
        talk = self._talks.open.get(one.participant)
        if talk is not None and talk.plan.step.name == one.step and talk.reason:
            await talk.wait()
        work = partial(self._runner.done, one.participant, one.tab, one.step, one.values)
        return await self._alone(request, work)

    async def back(self, request: Request) -> PageContent:
        """Opens the page before, where the study allows it."""
        return await self._alone(
            request, partial(self._runner.back, request.participant, request.tab)
        )

    async def probe(self, request: Request) -> PageContent:
        """Keeps the answer to the question after an answer of the assistant."""
        one = request
        work = partial(
            self._runner.talks.probe, one.participant, one.tab, one.turn, one.value, one.seconds
        )
        await self._alone(request, work)
        return {"saved": True}

    async def attention(self, request: Request) -> PageContent:
        """Looks for the word in a clip, which is not kept."""
        one = request
        # Who is not at the check must not keep the model busy.
        self._runner.at(one.participant, one.tab, "sound")
        heard = await self._talks.heard(_clip(one.clip))
        work = partial(self._runner.attention, one.participant, one.tab, heard)
        passed = await self._alone(request, work)
        page = await self.page(request)
        return {"passed": passed, "page": page}

    async def leave(self, request: Request) -> PageContent:
        """Ends the study for somebody; what was said so far is kept."""
        self._runner.tabs.check(request.participant, request.tab)
        await self._talks.end_of(request.participant, "participant")
        return await self._alone(
            request, partial(self._runner.leave, request.participant, request.tab)
        )

    async def withdraw(self, request: Request) -> PageContent:
        """Ends the study for somebody and deletes all data; returns the receipt."""
        one = request
        page = await self.page(request)
        await self._talks.end_of(one.participant, "participant")
        work = partial(withdraw, self._runner.folder, one.participant, reason="by participant")
        receipt = await self._alone(request, work)
        text = f"Your data has been deleted. Receipt: {receipt['receipt']}"
        return {**page, "step": "", "kind": WITHDRAWN, "text": text}


def participant_router(runner: Runner, talks: StudyTalks) -> APIRouter:
    """Returns the routes of participants."""
    router = APIRouter()
    people = Participants(runner, talks)
    for act in (
        people.join,
        people.page,
        people.answer,
        people.done,
        people.back,
        people.probe,
        people.attention,
        people.leave,
        people.withdraw,
    ):
        router.post(f"/study/api/{act.__name__}", response_model=None)(_answering(act))

    @router.websocket("/study/talk")
    async def talk(  # pyright: ignore[reportUnusedFunction]
        socket: WebSocket, participant: str = "", tab: str = ""
    ) -> None:
        await socket.accept()
        try:
            found = await talks.find(participant, tab)
        except AssistantError as error:
            status = _status(error)[1]
            await socket.send_json({"type": "study.refused", "code": status, "text": str(error)})
            await socket.close(ELSEWHERE if status == "other_tab" else OVER)
            return
        await found.serve(socket)

    return router


def _answering(act: Callable[[Request], Any]) -> Callable[[Request], Any]:
    async def route(request: Request) -> JSONResponse:
        try:
            return JSONResponse(await act(request))
        except AssistantError as error:
            status, code = _status(error)
            return JSONResponse({"code": code, "message": str(error)}, status)

    return route


def _status(error: AssistantError) -> tuple[int, str]:
    return next(
        (status for kind, status in STATUSES.items() if isinstance(error, kind)), (500, "failed")
    )


def _clip(encoded: str) -> Waveform:
    """Returns 16 kHz sound from base64 of 16-bit PCM."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise InputError("nothing was heard: say the word again") from None
    most = round(LONGEST_CLIP_S * SPEECH_RATE_HZ)
    samples = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2")[:most]
    if len(samples) < SPEECH_RATE_HZ // 5:
        raise InputError("nothing was heard: say the word again")
    return samples.astype(np.float32) / 32_768.0
