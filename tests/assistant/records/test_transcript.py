import errno
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from assistant.engines.protocols import EmotionEstimate, SpeakingStyle
from assistant.errors import OutputError
from assistant.output_file import OutputFile
from assistant.records.transcript import (
    ConversationRecord,
    EmotionRecord,
    StyleRecord,
    TranscriptFiles,
    TurnRecord,
    read_transcript,
    turn_markdown,
)
from models.emotions import Emotion
from tests.fakes import certain

HEAD = ConversationRecord(
    started="2026-01-02T03:04:05+00:00",
    sources=["question.wav"],
    model="mini",
    voice="flite",
    policy="empathetic",
    settings={"voice": "flite"},
)


def turn(words: str = "I lost my keys.", reply: str = "Oh no.") -> TurnRecord:
    return TurnRecord(
        conversation=0,
        turn=0,
        source="question.wav",
        start_s=1.25,
        end_s=3.5,
        words=words,
        words_source="decoder",
        words_confidence=0.93,
        emotion=EmotionRecord.of(certain(Emotion.SAD, 0.81)),
        reply=reply,
        style=StyleRecord.of(SpeakingStyle(Emotion.SAD, 0.7, 0.88, -1.5, 0.9, -2.0, 1.4)),
        answer_start_s=0.0,
        answer_end_s=2.0,
        latency_ms={"heard": 20.5, "spoken": 300.0},
    )


@given(words=st.text(), reply=st.text())
def test_json_lines_round_trip_any_text(words: str, reply: str) -> None:
    record = turn(words, reply)
    line = record.model_dump_json()
    assert "\n" not in line
    assert TurnRecord.model_validate_json(line) == record


def test_files_are_complete_after_every_turn(tmp_path: Path) -> None:
    with TranscriptFiles(tmp_path / "answer.wav") as files:
        files.open_conversation(HEAD)
        files.add(turn())
        assert read_transcript(tmp_path / "answer.jsonl") == [HEAD, turn()]
        files.add(turn(reply="Where did you see them last?"))
        records = read_transcript(tmp_path / "answer.jsonl")
    assert records == [HEAD, turn(), turn(reply="Where did you see them last?")]
    text = (tmp_path / "answer.md").read_text(encoding="utf-8")
    assert "I lost my keys." in text
    assert "sad 81 %" in text
    assert text.index("Oh no.") < text.index("Where did you see them last?")


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(HEAD.model_dump_json() + "\n" + '{"kind": "turn"', encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        read_transcript(path)


def test_an_unsure_estimate_is_shown_as_such() -> None:
    estimate = EmotionEstimate((0.3, 0.2, 0.2, 0.2, 0.1), abstained=True)
    record = turn().model_copy(update={"emotion": EmotionRecord.of(estimate)})
    assert "unsure (neutral 30 %)" in turn_markdown(record)


def test_words_that_were_not_understood_are_not_left_blank() -> None:
    assert "no words understood" in turn_markdown(turn(words=""))


def test_records_refuse_unknown_fields() -> None:
    with pytest.raises(ValidationError):
        TurnRecord.model_validate({**turn().model_dump(), "mood": "fine"})


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="could not be written"):
        TranscriptFiles(tmp_path / "file" / "answer.wav")


@pytest.mark.parametrize("limit_bytes", [0, 3, 40, 200])
def test_a_turn_that_does_not_fit_on_the_disk_is_not_there_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit_bytes: int
) -> None:
    def limited(self: OutputFile, data: bytes) -> None:
        write(self, data[:limit_bytes])
        raise OSError(errno.ENOSPC, "No space left on device")

    with TranscriptFiles(tmp_path / "answer.wav") as files:
        files.open_conversation(HEAD)
        files.add(turn())
        before = files.json_path.read_bytes()
        write = OutputFile._write
        monkeypatch.setattr(OutputFile, "_write", limited)
        with pytest.raises(OutputError, match=r"answer\.jsonl .* disk is full: free some space"):
            files.add(turn())
    assert files.json_path.read_bytes() == before
    assert [record.kind for record in read_transcript(files.json_path)] == ["conversation", "turn"]
