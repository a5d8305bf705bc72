"""The published schema of the log: in step with the events, and true of what is written."""

import json
from pathlib import Path
from typing import Any

import pytest

from assistant import events
from assistant.event_lines import to_record
from assistant.records.fields import misfit
from assistant.records.recording import LOG_NAME
from assistant.records.schema import log_schema
from tests.assistant.records.made import make_record
from tests.assistant.records.test_recording import HAPPENED

PUBLISHED = Path(__file__).parents[3] / "docs" / "event-log.schema.json"
KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": int | float,
    "boolean": bool,
    "null": type(None),
}


def faults(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> list[str]:
    """Returns what of `value` the schema forbids: all keywords that our schema uses."""
    if "$ref" in schema:
        return faults(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    for several in ("oneOf", "anyOf"):
        if several in schema:
            fitting = sum(not faults(value, one, root) for one in schema[several])
            is_right = fitting == 1 if several == "oneOf" else fitting >= 1
            return [] if is_right else [f"{fitting} of {several} fit {value!r}"]
    if "const" in schema and value != schema["const"]:
        return [f"{value!r} is not {schema['const']!r}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{value!r} is none of {schema['enum']}"]
    kind = schema.get("type")
    if kind and not _is_of(value, kind):
        return [f"{value!r} is no {kind}"]
    if kind == "array":
        return [fault for item in value for fault in faults(item, schema["items"], root)]
    if kind == "object":
        return _faults_of_object(value, schema, root)
    return []


def _is_of(value: Any, kind: str) -> bool:
    # A bool is a number in Python alone.
    is_odd_bool = isinstance(value, bool) and kind in ("integer", "number")
    return isinstance(value, KINDS[kind]) and not is_odd_bool


def _faults_of_object(
    value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any]
) -> list[str]:
    properties = schema.get("properties", {})
    found = [f"{name} is missing" for name in schema.get("required", []) if name not in value]
    for name, item in value.items():
        other = schema.get("additionalProperties", {})
        if name not in properties and other is False:
            found.append(f"{name} is not known")
        else:
            found += faults(item, properties.get(name, other), root)
    return found


def test_the_published_schema_is_that_of_the_events() -> None:
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    remedy = "run `app.py records schema > docs/event-log.schema.json`"
    assert published == log_schema(), remedy


def test_every_line_of_a_log_keeps_to_it(tmp_path: Path) -> None:
    schema = log_schema()
    log = make_record(tmp_path / "talk") / LOG_NAME
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    lines += [{**to_record(event), "wall_utc": "2026-01-01"} for event in HAPPENED]
    for line in lines:
        assert faults(line, schema, schema) == []


@pytest.mark.parametrize(
    "change",
    [
        {"event": "Nonsense"},
        {"at_s": "1.0"},
        {"emotion": "bored"},
        {"extra": 1},
    ],
)
def test_it_forbids_what_is_no_line(change: dict[str, object]) -> None:
    schema = log_schema()
    line = {"event": "EmotionCorrected", "at_s": 1.0, "turn": 0, "emotion": "sad", "by": "person"}
    line["wall_utc"] = "2026-01-01"
    assert faults(line, schema, schema) == []
    assert faults(line | change, schema, schema)


def test_what_people_read_of_a_field_is_in_it() -> None:
    field = log_schema()["$defs"]["UtteranceEnded"]["properties"]["speech_end_s"]
    assert field["description"].startswith("The last sample of speech")
    assert "audio clock" in log_schema()["$defs"]["Muted"]["properties"]["at_s"]["description"]


@pytest.mark.parametrize("event", HAPPENED, ids=lambda event: type(event).__name__)
def test_real_events_hold_their_types(event: events.Event) -> None:
    assert misfit(event) is None


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (events.Muted("soon", True), "at_s"),  # type: ignore[arg-type]
        (events.Muted(float("nan"), True), "at_s"),
        (events.Muted(1.0, 1), "muted"),  # type: ignore[arg-type]
        (events.TurnTimed(1.0, 0, {"first_audio": "x"}), "marks_ms.first_audio"),  # type: ignore[dict-item]
        (events.TurnTimed(1.0, True, {}), "turn"),
    ],
)
def test_a_field_of_another_type_is_named(event: events.Event, path: str) -> None:
    assert misfit(event) == path
