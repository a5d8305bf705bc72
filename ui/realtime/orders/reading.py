"""What a client writes of items and answers, read, or refused with what would do."""

from typing import Any, cast

from assistant.audio.waveform import Waveform
from assistant.conversation.live.loop import TalkLoop
from ui.realtime.choices import ChosenDialogue
from ui.realtime.orders.later import ResponseRequest
from ui.realtime.orders.question import (
    MOST_PARTS,
    FunctionOutput,
    QuestionPart,
    SpokenPart,
    read_parts,
)
from ui.realtime.protocol.changes import changed
from ui.realtime.protocol.known import usual_item
from ui.realtime.protocol.messages import Json, ProtocolError, text_of
from ui.realtime.tools import (
    FUNCTION_ITEMS,
    function_item,
    function_text,
    refuse_tools,
    role_of,
)
from ui.realtime.translation import Translator

NOT_OF_A_RESPONSE = frozenset({"model", "attune", "type"})
"""Fields of a session that an answer alone cannot have."""
MOST_INPUT = 256
"""Items that an answer may be made from."""
TEXT_OF = {"user": "input_text", "system": "input_text", "assistant": "output_text"}
"""What the text of a message is called, by its role."""


class OrderReader:
    """Reads it for one session, of which it changes nothing."""

    def __init__(self, loop: TalkLoop, translator: Translator, dialogue: ChosenDialogue) -> None:
        """Reads by the settings and items of `translator`, and what `dialogue` can do."""
        self._loop = loop
        self._translator = translator
        self._dialogue = dialogue

    async def message(self, item: object, path: str) -> tuple[str, list[QuestionPart]]:
        """Returns role and content of a message of either side, or of the system."""
        fields = cast(Json, item) if isinstance(item, dict) else {}
        if fields.get("type") in FUNCTION_ITEMS and self._dialogue.can_call:
            item = function_item(fields, path)
            return role_of(item), [read_by_model(item, function_text(item) or "")]
        role = fields.get("role")
        if fields.get("type") != "message" or not isinstance(role, str) or role not in TEXT_OF:
            is_call = fields.get("type") in FUNCTION_ITEMS
            raise ProtocolError(
                f"{path} must be a message of the user, the assistant or the system"
                + (": function calls are not known to this model" if is_call else ""),
                code="unsupported",
                param=path,
            )
        content = fields.get("content")
        if role == "user":
            parts = read_parts(content, self._translator.config.audio.input.format)
            return role, [p if isinstance(p, str) else await self._spoken(p) for p in parts]
        return role, [*_texts(content, f"{path}.content")]

    async def _spoken(self, sound: Waveform) -> SpokenPart:
        part = await self._loop.spoken_part(sound)
        if part is None:
            raise ProtocolError(
                "no speech was found in the audio: append speech first",
                code="input_audio_buffer_commit_empty",
            )
        return SpokenPart(part)

    async def order(self, event: Json) -> ResponseRequest:
        """Returns what is ordered, or says what of it cannot be."""
        given, event_id = event.get("response"), event.get("event_id")
        if not isinstance(given, dict | None):
            raise ProtocolError("response must be an object", param="response")
        options: Json = dict(cast(Json, given or {}))
        conversation = options.pop("conversation", None) or "auto"
        if conversation not in ("auto", "none"):
            raise ProtocolError(
                "response.conversation is auto or none", param="response.conversation"
            )
        metadata, messages = options.pop("metadata", None), options.pop("input", None)
        if not _is_metadata(metadata):
            raise ProtocolError(
                "response.metadata is an object of texts", param="response.metadata"
            )
        ignored = [f"response.{key}" for key in NOT_OF_A_RESPONSE & options.keys()]
        options = {key: value for key, value in options.items() if key not in NOT_OF_A_RESPONSE}
        if isinstance(audio := options.get("audio"), dict) and "input" in audio:
            ignored.append("response.audio.input")
            options["audio"] = {k: v for k, v in cast(Json, audio).items() if k != "input"}
        changes = changed(self._translator.config, options, "response")
        refuse_tools(changes, can_call=self._dialogue.can_call, path="response")
        # The line to the client is one: its format is the session's.
        if changes.config.audio.output.format != self._translator.config.audio.output.format:
            ignored.append("response.audio.output.format")
        if changes.refused:
            raise changes.refused[0]
        return ResponseRequest(
            changes.config,
            changes.config.instructions if options.get("instructions") else None,
            conversation == "none",
            None if messages is None else await self._messages(messages),
            metadata,
            [*ignored, *changes.ignored],
            event_id if isinstance(event_id, str) else None,
        )

    async def _messages(self, given: object) -> list[tuple[str, list[QuestionPart]]]:
        """Returns the `input` of a response."""
        entries = cast(list[Any], given) if isinstance(given, list) else None
        if entries is None or len(entries) > MOST_INPUT:
            raise ProtocolError(
                f"response.input is a list of at most {MOST_INPUT} items", param="response.input"
            )
        messages: list[tuple[str, list[QuestionPart]]] = []
        for index, entry in enumerate(cast(list[object], entries)):
            fields = cast(Json, entry) if isinstance(entry, dict) else {}
            if fields.get("type") == "item_reference":
                item = self._translator.items.get(fields.get("id"), f"response.input.{index}.id")
                text = self._translator.items.text(item)
                messages.append((role_of(item), [read_by_model(item, text)]))
            else:
                path = f"response.input.{index}"
                messages.append(await self.message(usual_item(fields), path))
        return messages


def _is_metadata(given: object) -> bool:
    values = cast(Json, given).values() if isinstance(given, dict) else ()
    return isinstance(given, dict | None) and all(isinstance(value, str) for value in values)


def read_by_model(item: Json, text: str) -> str:
    """Returns the text of an item as a part of a question, which nobody may have said."""
    return FunctionOutput(text) if item["type"] == "function_call_output" else text


def _texts(content: object, path: str) -> list[str]:
    """Returns the texts of a message that is not the user's; speech counts by its words."""
    parts = cast(list[Any], content) if isinstance(content, list) else []
    if not 1 <= len(parts) <= MOST_PARTS:
        raise ProtocolError(f"{path} must hold 1 to {MOST_PARTS} parts", param=path)
    texts: list[str] = []
    for part in parts:
        fields = cast(Json, part) if isinstance(part, dict) else {}
        texts.append(text_of(fields.get("text") or fields.get("transcript"), param=f"{path}.text"))
    return texts
