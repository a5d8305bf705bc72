"""Functions that a client offers to the model: how they are offered, called and answered."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from assistant.engines.tool_calls import COMMON_MARKS, written_call, written_result
from ui.realtime.choices import DialogueStart
from ui.realtime.protocol.changes import MOST_NAMED, Changes
from ui.realtime.protocol.config import SessionConfig
from ui.realtime.protocol.messages import Json, ProtocolError, new_id, text_of

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
FUNCTION_ITEMS = ("function_call", "function_call_output")
LONGEST_OF_A_FUNCTION = 32_000
"""Characters of what a function is given and gives: programs write more than people type."""
CALLS_NOTHING = "as this model calls no functions"
FORM = (
    "a list of functions, each with type 'function', a name of at most 64 letters, digits, _ or -, "
    "and perhaps description and parameters (a JSON schema)"
)


def refuse_tools(changes: Changes, *, can_call: bool, path: str = "session") -> None:
    """Refuses functions that the model cannot call, or that are none, and how to choose."""
    config = changes.config
    tools, choice = config.tools, config.tool_choice
    if tools and not can_call:
        _refuse(changes, f"{path}.tools", f"hold functions: use [], {CALLS_NOTHING}")
        tools = []
    elif wrong := [place for place, tool in enumerate(tools) if not _is_function(tool)]:
        places = ", ".join(map(str, wrong[:MOST_NAMED]))
        _refuse(changes, f"{path}.tools", f"hold what stands at {places}: use {FORM}")
        tools = [tool for tool in tools if _is_function(tool)]
        changes.applied += bool(tools)
    if choice not in ("auto", "none"):
        names = [tool["name"] for tool in tools]
        if not can_call:
            why = f"ask for a call: use 'auto' or 'none', {CALLS_NOTHING}"
        elif choice != "required" and _chosen(choice) not in names:
            known = ", ".join(names) or "none"
            why = f"name a function that is not offered (there are: {known}): use one, or 'auto'"
        else:
            why = ""
        if why:
            _refuse(changes, f"{path}.tool_choice", why)
            choice = "auto"
    changes.config = config.model_copy(update={"tools": tools, "tool_choice": choice})


def _refuse(changes: Changes, path: str, why: str) -> None:
    changes.refuse(f"{path} cannot {why}", param=path)
    changes.applied -= 1


def _is_function(tool: object) -> bool:
    if not isinstance(tool, dict):
        return False
    fields = cast(Json, tool)
    name, described = fields.get("name"), fields.get("description")
    return (
        fields.get("type", "function") == "function"
        and isinstance(name, str)
        and NAME.fullmatch(name) is not None
        and isinstance(described, str | None)
        and isinstance(fields.get("parameters"), dict | None)
    )


def _chosen(choice: object) -> object:
    """Returns the name in a choice of one function."""
    fields = cast(Json, choice) if isinstance(choice, dict) else {}
    return fields.get("name") if fields.get("type") == "function" else None


def with_tools(course: DialogueStart, config: SessionConfig) -> DialogueStart:
    """Returns `course` with the functions that `config` offers.

    That one must be called, the model is told: nothing forces it.
    """
    if not config.tools or config.tool_choice == "none":
        return course
    chosen = _chosen(config.tool_choice)
    tools = tuple(
        {"type": "function", "function": _described(tool)}
        for tool in config.tools
        if chosen in (None, tool["name"])
    )
    if config.tool_choice == "auto":
        return replace(course, tools=tools)
    must = "Answer by a call of one of the functions."
    instructions = f"{course.instructions}\n\n{must}" if course.instructions else must
    return replace(course, instructions=instructions, tools=tools)


def _described(tool: Json) -> Json:
    parameters: Json = tool.get("parameters") or {"type": "object", "properties": {}}
    described = {"description": tool["description"]} if tool.get("description") else {}
    return {"name": tool["name"], **described, "parameters": parameters}


def offers_alike(one: SessionConfig, other: SessionConfig) -> bool:
    """Whether the model is offered the same by both."""
    return (one.tools, one.tool_choice) == (other.tools, other.tool_choice)


def called(name: str, arguments: str) -> Json:
    """Returns the item of a call that the model made."""
    item = {"id": new_id("item"), "object": "realtime.item", "type": "function_call"}
    call = {"call_id": new_id("call"), "name": name, "arguments": arguments}
    return {**item, "status": "completed", **call}


def function_item(fields: Json, path: str) -> Json:
    """Returns a call, or what came of one, as a client writes it.

    Raises:
        ProtocolError: Something in it is missing or wrong.
    """
    item = {"id": new_id("item"), "object": "realtime.item", "type": fields["type"]}
    item["status"] = "completed"
    call_id = fields.get("call_id")
    if fields["type"] == "function_call_output":
        output = fields.get("output")
        if output != "":
            text_of(output, param=f"{path}.output", most=LONGEST_OF_A_FUNCTION)
        return {**item, "call_id": _short(call_id, f"{path}.call_id"), "output": output}
    name = _short(fields.get("name"), f"{path}.name")
    arguments = text_of(
        fields.get("arguments"), param=f"{path}.arguments", most=LONGEST_OF_A_FUNCTION
    )
    if not _is_object(arguments):
        raise ProtocolError(
            "the arguments of a call are an object in JSON", param=f"{path}.arguments"
        )
    call_id = new_id("call") if call_id is None else _short(call_id, f"{path}.call_id")
    return {**item, "call_id": call_id, "name": name, "arguments": arguments}


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _short(value: object, path: str) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ProtocolError(
            f"{path} must have 1 to 64 letters, digits, _ or -: use the one of the call",
            param=path,
        )
    return value


def are_one_reply(before: str, text: str) -> bool:
    """Whether two texts of the assistant in a row are words and a call, or two calls."""
    opening, closing = COMMON_MARKS
    return text.startswith(opening) or (bool(text) and before.endswith(closing))


def role_of(item: Mapping[str, Any]) -> str:
    """Returns whose item it is: the assistant calls, and what came of it is told to it."""
    role = {"function_call": "assistant", "function_call_output": "user"}.get(item["type"])
    return role or str(item["role"])


def function_text(item: Json) -> str | None:
    """Returns an item of a function as the model reads it; None for other items."""
    if item["type"] == "function_call":
        return written_call(item["name"], item["arguments"])
    if item["type"] == "function_call_output":
        return written_result(item["output"])
    return None
