"""What the protocol asks of a server beside its socket: the models, and keys for a while."""

import math
import time
from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from ui.realtime.hosting.engines import Resident
from ui.realtime.hosting.secrets import LONGEST_S, SHORTEST_S, USUAL_S, ClientSecrets
from ui.realtime.protocol.changes import changed
from ui.realtime.protocol.config import SessionConfig, beta_name
from ui.realtime.protocol.messages import (
    Json,
    ProtocolError,
    error_event,
    new_id,
    read_json,
)
from ui.realtime.settings.possible import shown, with_known_names


class ModelRoutes:
    """`/v1/models` and `/v1/realtime/client_secrets`."""

    def __init__(self, resident: Resident, secrets: ClientSecrets) -> None:
        """Tells of the engines in `resident` and hands out `secrets`."""
        self._resident = resident
        self._secrets = secrets
        self._created = int(time.time())
        self.router = APIRouter()
        self.router.get("/v1/models")(self._models)
        self.router.get("/v1/models/{name:path}")(self._model)
        self.router.post("/v1/realtime/client_secrets")(self._client_secret)
        self.router.post("/v1/realtime/transcription_sessions")(self._transcription_session)

    async def _models(self) -> JSONResponse:
        models = [self._shown(name) for name in self._resident.models]
        return JSONResponse({"object": "list", "data": models})

    async def _model(self, name: str) -> JSONResponse:
        if name not in self._resident.models:
            there = ", ".join(self._resident.models)
            return _refusal(
                ProtocolError(
                    f"there is no model {name[:80]!r}: the models are {there}",
                    code="model_not_found",
                    param="model",
                ),
                status=404,
            )
        return JSONResponse(self._shown(name))

    def _shown(self, name: str) -> Json:
        return {"id": name, "object": "model", "created": self._created, "owned_by": "attune"}

    async def _client_secret(self, request: Request) -> JSONResponse:
        try:
            given = await _body(request)
            holds_s = _holds_s(given.get("expires_after"))
            asked, effective, ignored = self._session(given.get("session"))
        except ProtocolError as error:
            return _refusal(error)
        secret = self._secrets.create(asked, holds_s)
        session = {**shown(effective, ignored), "id": new_id("sess")}
        expires_at = math.floor(secret.expires_at)
        return JSONResponse({"value": secret.value, "expires_at": expires_at, "session": session})

    async def _transcription_session(self, request: Request) -> JSONResponse:
        """Makes a key as the beta had it: the session's fields stand beside `client_secret`."""
        try:
            given = await _body(request)
            wanted = given.pop("client_secret", None)
            fields = cast(Json, wanted) if isinstance(wanted, dict) else {}
            holds_s = _holds_s(fields.get("expires_after"))
            asked, effective, _ = self._session({**given, "type": "transcription"})
        except ProtocolError as error:
            return _refusal(error)
        secret = self._secrets.create(asked, holds_s)
        key = {"value": secret.value, "expires_at": math.floor(secret.expires_at)}
        sound = effective.model_dump()["audio"]["input"]
        session = {
            "id": new_id("sess"),
            "object": "realtime.transcription_session",
            "modalities": ["text"],
            "input_audio_format": beta_name(effective.audio.input.format),
            "input_audio_transcription": sound["transcription"],
            "turn_detection": sound["turn_detection"],
        }
        return JSONResponse({**session, "client_secret": key})

    def _session(self, given: object) -> tuple[SessionConfig, SessionConfig, list[str]]:
        """Returns the settings as they are asked for and as they will be, and what is ignored."""
        changes = changed(SessionConfig(), {} if given is None else given)
        asked = changes.config
        with_known_names(changes, SessionConfig(), self._resident, [])
        if asked.attune.keep_words or asked.attune.keep_audio:
            changes.refuse(
                "who speaks agrees to be recorded, not who makes the key: leave it out",
                param="session.attune",
            )
        if changes.refused:
            raise changes.refused[0]
        return asked, changes.config, changes.ignored


async def _body(request: Request) -> Json:
    """Returns the object that a request holds; an empty body is an empty object."""
    body = await request.body()
    given: object = read_json(body, "the body") if body else {}
    if not isinstance(given, dict):
        raise ProtocolError("the body is an object: expires_after, session")
    return cast(Json, given)


def _holds_s(given: object) -> int:
    """Returns how long a key is to hold."""
    if given is None:
        return USUAL_S
    fields = cast(Json, given) if isinstance(given, dict) else {}
    seconds = fields.get("seconds", USUAL_S)
    is_count = isinstance(seconds, int) and not isinstance(seconds, bool)
    if not isinstance(given, dict) or fields.get("anchor", "created_at") != "created_at":
        raise ProtocolError(
            'expires_after is {"anchor": "created_at", "seconds": …}', param="expires_after"
        )
    if not is_count or not SHORTEST_S <= seconds <= LONGEST_S:
        raise ProtocolError(
            f"a key holds {SHORTEST_S} to {LONGEST_S} seconds", param="expires_after.seconds"
        )
    return seconds


def _refusal(error: ProtocolError, status: int = 400) -> JSONResponse:
    event = error_event(str(error), code=error.code, param=error.param)
    return JSONResponse({"error": event["error"]}, status)
