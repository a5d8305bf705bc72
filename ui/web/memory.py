"""What is remembered between talks, for the page: shown, changed and erased by its owner alone."""

from typing import Annotated, Literal

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from assistant.errors import AssistantError
from assistant.remembered import RememberedFile


class MemoryEdit(BaseModel):
    """What the person does to the list."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["on", "off", "add", "change", "remove", "erase"]
    number: int = 0
    """change, remove: the place in the list, from 1."""
    fact: str = ""
    """add, change: what is to stand there."""


class MemoryRoutes:
    """`/attune/memory`. Plain functions, run on threads beside the loop: they write a file."""

    def __init__(self, file: RememberedFile) -> None:
        """Shows and changes `file`."""
        self._file = file
        self.router = APIRouter()
        self.router.get("/attune/memory")(self._show)
        self.router.post("/attune/memory")(self._change)

    def _show(self) -> JSONResponse:
        return self._answered()

    def _change(self, change: Annotated[MemoryEdit, Body()]) -> JSONResponse:
        file = self._file
        actions = {
            "on": lambda: file.switch(on=True),
            "off": lambda: file.switch(on=False),
            "add": lambda: file.add(change.fact),
            "change": lambda: file.change(change.number, change.fact),
            "remove": lambda: file.remove(change.number),
            "erase": file.erase,
        }
        try:
            actions[change.action]()
        except AssistantError as error:
            return JSONResponse({"problem": str(error)}, 400)
        return self._answered()

    def _answered(self) -> JSONResponse:
        try:
            held = self._file.read()
        except AssistantError as error:
            return JSONResponse({"problem": str(error)}, 500)
        told = {"on": held.is_on, "facts": held.facts}
        return JSONResponse(told, headers={"Cache-Control": "no-store"})
