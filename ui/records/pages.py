"""The pages of recorded talks: list, search, listen, export, delete; part of `app.py web`."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi import Query as Given
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response

from assistant.errors import AssistantError, InputError, OutputError
from assistant.records.continuing import earlier_talk
from assistant.records.exports.compared import compared
from assistant.records.exports.page import page
from assistant.records.exports.table import FORMATS, Format
from assistant.records.index import Index, Listed, Query
from assistant.records.reading import Record, read_named, resolve
from assistant.records.removal.deletion import delete_record, finish_deletions
from ui.records.command import moment
from ui.records.markup import ALL_TALKS, deleted_page, list_page, problem_page, tools
from ui.shown import one_line
from ui.view_json import turn_json

PAGE = 50
"""Talks on one page of the list."""
EmotionFilter = Literal["", "neutral", "happy", "angry", "sad", "surprise"]


class RecordsPages:
    """Routes below `/records`. Each opens what it needs and closes it: talks come and go.

    They are plain functions, which the server runs on threads beside its loop: reading files and
    asking a database would hold up the talks under way.
    """

    def __init__(self, root: Path, index: str | None) -> None:
        """Shows the records in `root`; `index` is the URL of their index, or None."""
        self._root = root
        self._index = index
        self.router = APIRouter(prefix="/records")
        self.router.get("")(self._list)
        self.router.get("/compare/two")(self._compare)
        self.router.get("/{name}")(self._show)
        self.router.get("/{name}/sound")(self._sound)
        self.router.get("/{name}/turns")(self._turns)
        self.router.get("/{name}/export/{form}")(self._export)
        self.router.post("/{name}/delete")(self._delete)

    def _list(
        self,
        text: str = "",
        emotion: EmotionFilter = "",
        since: str = "",
        until: str = "",
        skip: int = 0,
        form: Literal["page", "json"] = "page",
    ) -> Response:
        def answer() -> Response:
            query = Query(
                text=text[:1_000],
                emotion=emotion,
                since=moment("from", since),
                until=moment("to", until, is_end=True),
                most=PAGE,
                skip=max(0, min(skip, 2**31)),
            )
            finish_deletions(self._root)
            with Index(self._root, self._index) as index:
                index.sync()
                listed, total = index.search(query), index.count(query)
            if form == "json":
                return JSONResponse({"talks": [_listed(one) for one in listed], "total": total})
            asked = {"text": text, "emotion": emotion, "since": since, "until": until}
            return HTMLResponse(list_page(listed, total, asked, query.skip))

        return _answered(answer)

    def _show(self, name: str) -> Response:
        def answer() -> Response:
            record = self._read(name)
            sound = "sound" if record.audio is not None else None
            address = f"/records/{record.id}/{sound}" if sound else None
            return HTMLResponse(page(record, address, tools(record), forms="'self'"))

        return _answered(answer)

    def _compare(self, talk: Annotated[list[str], Given()] = []) -> Response:  # noqa: B006
        def answer() -> Response:
            names = list(dict.fromkeys(talk))
            if len(names) != 2:
                raise InputError("two talks are compared: go back and tick two of the list")
            one, other = map(self._read, names)
            return HTMLResponse(compared(one, other, '<nav class="tools">' + ALL_TALKS + "</nav>"))

        return _answered(answer)

    def _turns(self, name: str) -> Response:
        """Returns what the page of talks shows of one that is gone on with."""

        def answer() -> Response:
            earlier = earlier_talk(self._root, name)
            turns = {str(turn.index): turn_json(turn) for turn in earlier.turns}
            told = {"record": earlier.record, "started_utc": earlier.started_utc, "turns": turns}
            return JSONResponse(told)

        return _answered(answer)

    def _sound(self, name: str) -> Response:
        def answer() -> Response:
            record = self._read(name)
            if record.audio is None:
                raise InputError(f"{record.id} was recorded without sound")
            return FileResponse(record.audio, media_type="audio/wav", headers=_KEPT_NOWHERE)

        return _answered(answer)

    def _export(self, name: str, form: str) -> Response:
        def answer() -> Response:
            record = self._read(name)
            chosen = FORMATS.get(form)
            if chosen is None:
                raise InputError(f"there is no form {form!r}: take one of {', '.join(FORMATS)}")
            if isinstance(chosen, Format):
                data = chosen.export(record).encode("utf-8", errors="replace")
                return _download(data, f"{record.id}.{chosen.suffix}", chosen.type)
            packed = _zipped(chosen.export([record]))
            return _download(packed, f"{record.id}-{form}.zip", "application/zip")

        return _answered(answer)

    def _delete(self, name: str) -> Response:
        def answer() -> Response:
            receipt, _ = delete_record(self._root, resolve(self._root, name), self._forget)
            return HTMLResponse(deleted_page(receipt))

        return _answered(answer)

    def _read(self, name: str) -> Record:
        return read_named(self._root, name)

    def _forget(self, record: str) -> None:
        with Index(self._root, self._index) as index:
            index.forget([record])


def _listed(listed: Listed) -> dict[str, object]:
    words = "" if listed.match is None else one_line(listed.match.words)
    record = listed.record
    told = {"record": record.id, "started_utc": record.started_utc, "turns": record.turns}
    return {**told, "words": words[:160] if record.state in ("whole", "mended") else ""}


_KEPT_NOWHERE = {"Cache-Control": "no-store"}
"""What was said lies in the folder of records, and not in a browser's cache too."""


def _answered(answer: Callable[[], Response]) -> Response:
    """Returns an answer, or a page that says in a sentence why there is none."""
    try:
        response = answer()
    except OutputError as error:
        response = HTMLResponse(problem_page(str(error)), 503)
    except InputError as error:
        response = HTMLResponse(problem_page(str(error)), 404)
    except AssistantError as error:
        response = HTMLResponse(problem_page(str(error)), 400)
    response.headers.update(_KEPT_NOWHERE)
    return response


def _download(data: bytes, name: str, kind: str) -> Response:
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
    plain = safe.encode("ascii", errors="replace").decode().replace("?", "_")
    header = {"Content-Disposition": f'attachment; filename="{plain}"'}
    return Response(data, media_type=kind, headers=header)


def _zipped(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text.encode("utf-8", errors="replace"))
    return packed.getvalue()
