"""The experimenter's page: who is where, which conversations go on, a line to be said, corrections.

It is behind a password, and names no condition: the experimenter is as blind as the participant.
"""

import asyncio
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, Field

from assistant.errors import InputError, OutputError
from assistant.history import Turn
from assistant.study.run.overview import progress, status
from assistant.study.run.runner import Runner
from models.emotions import EMOTION_LABELS, emotion_from_label
from ui.study.talk import StudyTalk
from ui.study.talks import StudyTalks

STATIC = Path(__file__).with_name("static")
Json = dict[str, Any]


class WizardLine(BaseModel):
    """What the assistant is to say."""

    participant: str = Field(max_length=80)
    text: str = Field(min_length=1, max_length=1_000)


class Correction(BaseModel):
    """How a turn was meant."""

    participant: str = Field(max_length=80)
    turn: int = Field(ge=0)
    emotion: str = Field(max_length=20)


class Exclusion(BaseModel):
    """Why a participant is to be left out of the analysis."""

    participant: str = Field(max_length=80)
    reason: str = Field(min_length=1, max_length=200)


def experimenter_api(runner: Runner, talks: StudyTalks) -> FastAPI:
    """Returns the application of the experimenter's page."""
    api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @api.get("/")
    async def page() -> FileResponse:  # pyright: ignore[reportUnusedFunction]
        return FileResponse(STATIC / "experimenter.html", headers={"cache-control": "no-store"})

    @api.get("/state")
    async def state() -> Json:  # pyright: ignore[reportUnusedFunction]
        lines, people = await asyncio.to_thread(_state, runner)
        known = {one["participant"] for one in people}  # of whoever was deleted nothing is shown
        every = (talks.over | talks.open).items()
        going = [_talk(name, talk) for name, talk in every if name in known]
        return {"status": lines, "people": people, "talks": going, "emotions": EMOTION_LABELS}

    @api.post("/say")
    async def say(line: WizardLine) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        talk = talks.open.get(line.participant)
        if talk is None:
            return _gone()
        await talk.say(line.text)
        return JSONResponse({"said": True})

    @api.post("/correct")
    async def correct(given: Correction) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        talk = talks.open.get(given.participant) or talks.over.get(given.participant)
        if talk is None or given.turn not in {turn.index for turn in talk.turns}:
            return _gone()
        try:
            emotion = emotion_from_label(given.emotion)
        except ValueError as error:
            return JSONResponse({"message": str(error)}, 422)
        try:
            await talk.correct(given.turn, emotion)
        except InputError:  # the data was deleted meanwhile
            return _gone()
        except OutputError as error:
            return JSONResponse({"message": str(error)}, 507)
        return JSONResponse({"corrected": True})

    @api.post("/exclude")
    async def exclude(given: Exclusion) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        await asyncio.to_thread(_exclude, runner, given)
        return JSONResponse({"excluded": True})

    return api


def _exclude(runner: Runner, given: Exclusion) -> None:
    runner.roster.note(given.participant, "excluded", reason=given.reason)


def _gone() -> JSONResponse:
    return JSONResponse({"message": "that conversation, or that turn, is over"}, 404)


def _state(runner: Runner) -> tuple[list[str], list[Json]]:
    return list(status(runner)), progress(runner)


def _talk(participant: str, talk: StudyTalk) -> Json:
    return {
        "participant": participant,
        "step": talk.plan.step.name,
        "attempt": talk.plan.attempt,
        "is_over": talk.is_over,
        "is_wizard": talk.plan.condition.wizard,
        "waits_for_line": talk.said_to_wizard,
        "help": talk.help,
        "turns": [_turn(turn) for turn in talk.turns],
    }


def _turn(turn: Turn) -> Json:
    # The style of the answer is left out: it would tell the condition.
    return {
        "turn": turn.index,
        "words": turn.transcript.text if turn.transcript else "",
        "emotion": turn.emotion.label if turn.emotion is not None else "",
        "corrected": turn.corrected is not None,
        "reply": turn.heard or turn.generated,
    }
