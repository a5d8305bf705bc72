import io
import sys
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import InputError, SettingsError
from assistant.files.inputs import ReplyInputs, given_inputs
from assistant.files.own_output import refuse_foreign
from assistant.records.transcript import ConversationRecord, TranscriptFiles


def send(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_a_recording_may_come_by_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    send(monkeypatch, b"RIFF and more")
    with given_inputs(ReplyInputs(recordings=(Path("a.wav"), Path("-")))) as asked:
        first, second = asked.recordings
        assert first == Path("a.wav")
        assert second.read_bytes() == b"RIFF and more"
        assert second.stem == "stdin", "the answer is named by it"
    assert not second.exists()


def test_a_question_may_come_by_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    send(monkeypatch, "I am tired, café\n".encode())
    with given_inputs(ReplyInputs(text="-")) as asked:
        assert asked.text == "I am tired, café"


@pytest.mark.parametrize("asked", [{"text": "-"}, {"recordings": (Path("-"),)}])
def test_nothing_that_comes_is_said(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    send(monkeypatch, b"")
    with (
        pytest.raises(InputError, match="nothing came"),
        given_inputs(ReplyInputs(**asked)),
    ):
        pass


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    send(monkeypatch, b"x")
    twice = ReplyInputs(text="-", recordings=(Path("-"),))
    with pytest.raises(SettingsError, match="once only"), given_inputs(twice):
        pass


def test_a_folder_stands_for_its_sound_files(tmp_path: Path) -> None:
    for name in ("b.WAV", "a.flac", "notes.txt"):
        (tmp_path / name).touch()
    with given_inputs(ReplyInputs(recordings=(tmp_path,))) as asked:
        assert [path.name for path in asked.recordings] == ["a.flac", "b.WAV"]
    empty = tmp_path / "empty"
    empty.mkdir()
    with (
        pytest.raises(InputError, match="no sound file in the folder"),
        given_inputs(ReplyInputs(recordings=(empty,))),
    ):
        pass


def test_what_another_program_wrote_is_not_written_over(tmp_path: Path) -> None:
    answer = tmp_path / "holiday.wav"
    refuse_foreign(answer)
    answer.write_bytes(b"precious")
    with pytest.raises(SettingsError, match=r"holiday\.wav is there already.*--force"):
        refuse_foreign(answer)
    answer.with_suffix(".jsonl").write_text('{"somebody": "else"}\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="--force"):
        refuse_foreign(answer)


def test_what_reply_wrote_is_written_over(tmp_path: Path) -> None:
    answer = tmp_path / "question.wav"
    answer.write_bytes(b"an answer")
    with TranscriptFiles(answer) as files:
        head = ConversationRecord(
            started="now", sources=[], model="m", voice="v", policy="p", settings={}
        )
        files.open_conversation(head)
    refuse_foreign(answer)


def test_a_closed_standard_input_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with (
        pytest.raises(SettingsError, match="nothing is sent here"),
        given_inputs(ReplyInputs((Path("-"),))),
    ):
        pass
