"""Goes on with an earlier talk: one that was recorded here, or one that the client still has."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any, cast

from assistant.conversation.earlier import MOST_TURNS, Earlier
from assistant.conversation.live.loop import TalkLoop
from assistant.engines.protocols import Transcript
from assistant.errors import AssistantError
from assistant.history import Turn
from assistant.records.continuing import earlier_talk
from ui.realtime.choices import ChosenDialogue
from ui.realtime.items import message
from ui.realtime.orders.orders import Orders
from ui.realtime.protocol.messages import Json, ProtocolError, text_of
from ui.realtime.settings.possible import session_in_use
from ui.realtime.translation import Translator
from ui.view_json import turn_json

MOST_GIVEN = 200
"""Turns that a client may give; the newest of them count."""


class ContinueRequests:
    """Obeys `attune.talk.continue`."""

    def __init__(
        self,
        records: Path | None,
        loop: TalkLoop,
        translator: Translator,
        dialogue: ChosenDialogue,
        orders: Orders,
    ) -> None:
        """Finds recorded talks in `records`, or, with None, goes on with what clients give only."""
        self._records = records
        self._loop = loop
        self._translator = translator
        self._dialogue = dialogue
        self._orders = orders

    async def obey(self, event: Json) -> None:
        """Takes the earlier talk in as items of the conversation, and tells which turns these are.

        Raises:
            ProtocolError: There is no such talk, or this one has begun already.
        """
        self._refuse_begun()
        earlier = await self._read(event)
        self._refuse_begun()  # somebody may have spoken while it was read
        for said, answer in earlier.past:
            self._add("user", "input_text", said)
            self._add("assistant", "output_text", answer)
        self._orders.begin_anew()
        self._loop.go_on_from(earlier, self._dialogue.prepare)
        self._translator.send(
            {
                "type": "attune.talk.continued",
                "record": earlier.record or None,
                "started_utc": earlier.started_utc or None,
                "turns": [turn_json(turn) for turn in earlier.turns],
            }
        )

    def _refuse_begun(self) -> None:
        if self._dialogue.is_open or self._translator.is_responding:
            raise session_in_use("the talk that this one goes on from", "record")

    def _add(self, role: str, kind: str, text: str) -> None:
        self._translator.items.add(item := message(role, [_part(kind, text)], status="completed"))
        self._translator.items.done(item)

    async def _read(self, event: Json) -> Earlier:
        if event.get("turns") is not None:
            return Earlier("", "", _given(event["turns"]))
        name = event.get("record")
        if not isinstance(name, str) or not name or self._records is None:
            raise ProtocolError(
                "name a recorded talk by record, where this server shows them, or give turns",
                code="unsupported",
                param="record",
            )
        try:
            # Logs are read beside the loop: an hour of talk is megabytes of them.
            return await asyncio.to_thread(partial(earlier_talk, self._records, name))
        except AssistantError as error:
            raise ProtocolError(str(error), code="item_not_found", param="record") from error


def _part(kind: str, text: str) -> Json:
    return {"type": kind, "text": text}


def _given(turns: Any) -> tuple[Turn, ...]:
    """Returns the turns that a client gives: what was said, and what was heard in answer."""
    entries = cast(list[Any], turns) if isinstance(turns, list) else []
    if not 1 <= len(entries) <= MOST_GIVEN:
        raise ProtocolError(f"turns is a list of 1 to {MOST_GIVEN} turns", param="turns")
    given = [_turn(entry, index) for index, entry in enumerate(entries[-MOST_TURNS:])]
    return tuple(given)


def _turn(entry: object, index: int) -> Turn:
    fields = cast(Json, entry) if isinstance(entry, dict) else {}
    said = text_of(fields.get("words"), param=f"turns.{index}.words")
    heard = fields.get("heard") or ""
    answer = text_of(heard, param=f"turns.{index}.heard") if heard else ""
    return Turn(index, 0.0, 0.0, transcript=Transcript(said, source="typed"), heard=answer)
