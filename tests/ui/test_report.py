import json
from pathlib import Path

import pytest

from assistant.checks.machine import Check, State
from assistant.records.transcript import ConversationRecord, EmotionRecord, StyleRecord, TurnRecord
from assistant.settings import DoctorSettings
from models.emotions import Emotion
from tests.fakes import certain
from ui import report

HEAD = ConversationRecord(
    started="2026-01-02T03:04:05+00:00",
    sources=["question.wav"],
    model="mini",
    voice="flite",
    policy="empathetic",
)


def turn(**changes: object) -> TurnRecord:
    fields = {
        "conversation": 0,
        "turn": 0,
        "source": "question.wav",
        "start_s": 1.25,
        "end_s": 3.5,
        "words": "I lost my [bold] keys.",
        "words_source": "decoder",
        "words_confidence": 0.93,
        "emotion": EmotionRecord.of(certain(Emotion.SAD, 0.81)),
        "reply": "Oh no. " + "That is a long answer that goes on. " * 5,
        "style": StyleRecord(
            emotion="sad", intensity=0.7, rate=0.9, pitch=-1, pitch_range=1, energy=-2, pause=1.3
        ),
        "answer_start_s": 0.0,
        "answer_end_s": 2.0,
        "latency_ms": {"heard": 20.5, "first_audio": 151.4},
        **changes,
    }
    return TurnRecord.model_validate(fields)


def shown(record: TurnRecord, *, json_lines: bool = False) -> None:
    with report.ConsoleReport(json_lines=json_lines) as console:
        console.opened(HEAD)
        console.progress(1.0, 2.0)
        console.answered(record)
        console.written([Path("answers/question.wav")])


def test_piped_output_is_plain_and_complete(capsys: pytest.CaptureFixture[str]) -> None:
    shown(turn())
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err
    assert captured.err == ""
    for text in ["question.wav", "1.25-3.50 s", "sad 81 %", "I lost my [bold] keys.", "93 % sure"]:
        assert text in captured.out
    assert turn().reply.strip() in captured.out, "no line is broken when piped"
    assert "first audio 151" in captured.out
    assert "answers/question.wav" in captured.out


@pytest.mark.parametrize(("total_s", "said"), [(None, "3 s"), (8.0, "3 of 8 s"), (0.0, "3 of 0 s")])
def test_the_bar_of_a_terminal_also_shows_recordings_that_say_no_length(
    total_s: float | None,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with report.ConsoleReport(json_lines=False) as console:
        console.opened(HEAD)
        console.progress(3.0, total_s)
        console.answered(turn())
    assert said in capsys.readouterr().err


def test_json_lines_are_the_transcript(capsys: pytest.CaptureFixture[str]) -> None:
    shown(turn(), json_lines=True)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["conversation", "turn"]
    assert TurnRecord.model_validate_json(lines[1]) == turn()


def test_what_a_model_says_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    shown(turn(reply="safe\x1b[2Jtext\r\x07 [red]x[/red]", words="a\x9bb"))
    out = capsys.readouterr().out
    assert not {"\x1b", "\r", "\x07", "\x9b"} & set(out)
    assert "[red]x[/red]" in out


def test_a_problem_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with report.ConsoleReport(json_lines=True) as console:
        console.problem("a.wav is silent: record it again")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "attune: a.wav is silent: record it again\n"


@pytest.mark.parametrize(
    ("state", "status"), [(State.WORKS, 0), (State.OPTIONAL, 0), (State.MISSING, 1)]
)
def test_doctor_fails_only_if_something_needed_is_missing(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    state: State,
    status: int,
) -> None:
    checks = [Check("ear", State.WORKS, "two"), Check("voice", state, "found", "apt install [x]")]
    monkeypatch.setattr("assistant.checks.machine.examine", lambda _llm: checks)
    assert report.doctor(DoctorSettings()) == status
    table = capsys.readouterr().out
    assert "apt install [x]" in table
    assert report.doctor(DoctorSettings(json_lines=True)) == status
    assert json.loads(capsys.readouterr().out)["voice"]["state"] == state.value
