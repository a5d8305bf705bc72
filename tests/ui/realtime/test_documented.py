"""The page about the socket names every event and field of the newest official client."""

import ast
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from ui.realtime.protocol.changes import changed
from ui.realtime.protocol.config import SessionConfig

realtime = pytest.importorskip("openai.types.realtime")
ROOT = Path(__file__).parents[3]
OWN_OF_A_RESPONSE = {"conversation", "input", "metadata"}


def members(union: Any) -> Iterator[type[BaseModel]]:
    """Yields the models of a union, however it is nested and annotated."""
    if isinstance(union, type):
        if issubclass(union, BaseModel):
            yield union
        return
    for part in typing.get_args(union):
        yield from members(part)


def kinds(union: Any) -> set[str]:
    """Returns the types of all events of a union."""
    names = [model.model_fields["type"].annotation for model in members(union)]
    return {str(typing.get_args(name)[0]) for name in names}


def rows() -> dict[str, str]:
    """Returns what the page says of each event."""
    text = (ROOT / "docs" / "realtime.md").read_text()
    found = re.findall(r"^\| `([a-z_.]+)` \| ((?:yes|partly|no)\b[^|]*) \|$", text, re.MULTILINE)
    return dict(found)


@pytest.mark.parametrize("union", ["RealtimeClientEvent", "RealtimeServerEvent"])
def test_every_event_stands_in_the_table(union: str) -> None:
    listed = kinds(getattr(realtime, union))
    assert len(listed) > 10
    assert not listed - rows().keys()
    assert not [kind for kind in listed if rows()[kind] == "no" or rows()[kind] == "partly"]


def test_the_table_names_no_other_events() -> None:
    listed = kinds(realtime.RealtimeClientEvent) | kinds(realtime.RealtimeServerEvent)
    assert rows().keys() == listed


def test_the_table_is_true_of_the_code() -> None:
    written: set[str] = set()
    for file in (ROOT / "ui" / "realtime").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                written.add(node.value)
    composed = {"response.output_text.delta", "response.output_audio_transcript.delta"}
    words = "conversation.item.input_audio_transcription"
    composed |= {f"{words}.{what}" for what in ("delta", "completed")}
    composed |= {f"output_audio_buffer.{what}" for what in ("started", "stopped", "cleared")}
    for kind, says in rows().items():
        assert (kind in written | composed) == (not says.startswith("no")), kind


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("RealtimeSessionCreateRequest", ""),
        ("RealtimeAudioConfigInput", "audio.input"),
        ("RealtimeAudioConfigOutput", "audio.output"),
        ("AudioTranscription", "audio.input.transcription"),
    ],
)
def test_every_setting_of_the_client_is_known(model: str, path: str) -> None:
    for name in getattr(realtime, model).model_fields:
        change: dict[str, Any] = {name: None}
        for folder in reversed(path.split(".") if path else []):
            change = {folder: change}
        changes = changed(SessionConfig(), change)
        assert not changes.ignored and not changes.refused, (path, name)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("RealtimeTranscriptionSessionCreateRequest", ""),
        ("RealtimeTranscriptionSessionAudio", "audio"),
        ("RealtimeTranscriptionSessionAudioInput", "audio.input"),
    ],
)
def test_every_setting_of_a_transcription_session_is_known(model: str, path: str) -> None:
    for name in getattr(realtime, model).model_fields:
        change: dict[str, Any] = {name: None}
        for folder in reversed(path.split(".") if path else []):
            change = {folder: change}
        changes = changed(SessionConfig(), {"type": "transcription", **change})
        assert not changes.ignored and not changes.refused, (path, name)


def test_every_option_of_an_answer_is_known() -> None:
    for name in realtime.RealtimeResponseCreateParams.model_fields.keys() - OWN_OF_A_RESPONSE:
        changes = changed(SessionConfig(), {name: None}, "response")
        assert not changes.ignored and not changes.refused, name
