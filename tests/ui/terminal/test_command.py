"""`talk` with a recording: the same conversation without hardware, and clear words if it fails."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from assistant.audio.devices import DeviceSettings
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.conversation.engines import Engines
from assistant.empathy import load_policy
from assistant.errors import InputError, SettingsError
from assistant.records.mending import open_record
from assistant.records.reading import find_records, read_record
from assistant.records.turns import recorded_turns
from assistant.safety import HelpFinder
from assistant.settings import TalkCommandSettings
from assistant.turns.patience import PatienceSettings
from models.emotions import Emotion
from tests.assistant.records.made import Said, make_record
from tests.fakes import LevelDetector, ScriptedModel, ToneVoice, certain, speech_like
from ui.terminal.command import talk

REPLY = "I am here for you, tell me more."


@pytest.fixture(autouse=True)
def scripted_engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Engines]]:
    opened: list[Engines] = []

    def open_scripted(*_settings: object) -> Engines:
        model = ScriptedModel([REPLY], [certain(Emotion.SAD)])
        engines = Engines(model, ToneVoice(), load_policy(), LevelDetector(), "tone", HelpFinder())
        opened.append(engines)
        return opened[-1]

    monkeypatch.setattr("ui.terminal.command.open_engines", open_scripted)
    yield opened


def recording(folder: Path, waveform: Waveform) -> Path:
    path = folder / "question.wav"
    soundfile.write(path, waveform, SPEECH_RATE_HZ)
    return path


def test_a_recording_is_answered_into_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    question = recording(tmp_path, speech_like((0.5, 1.5), (5.0, 6.0), length_s=8.0))
    answer = tmp_path / "answer.wav"
    settings = TalkCommandSettings(
        input=question,
        output=answer,
        pace="repeatable",
        turn_judge="words",  # a tone does not sound as if anybody were done
    )
    assert talk(settings) == 0
    text = capsys.readouterr().out
    assert text.startswith("You are talking with a machine.")
    assert text.count(REPLY) == 2
    assert "sad, 92 percent): utterance 1" in text
    assert "2 turns" in text
    assert "\x1b" not in text
    heard, rate = soundfile.read(answer, dtype="float32")
    assert rate == ToneVoice.sample_rate
    waits_s = 1.5 + PatienceSettings().stranger_ms / 1_000
    assert not np.any(heard[: round((waits_s - 0.1) * rate)]), "silent while the person may go on"
    assert np.abs(heard[round((waits_s + 0.2) * rate) : round((waits_s + 0.7) * rate)]).max() > 0.2
    assert len(heard) / rate == pytest.approx(8.0, abs=0.5)


def test_a_talk_is_recorded_as_far_as_was_agreed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    question = recording(tmp_path, speech_like((0.5, 1.5), length_s=4.0))
    settings = TalkCommandSettings(
        input=question,
        pace="repeatable",
        record=True,
        consent=("audio", "words"),
        records=tmp_path / "records",
    )
    assert talk(settings) == 0
    (folder,) = (tmp_path / "records").iterdir()
    assert f"recorded in {folder}" in " ".join(capsys.readouterr().out.split())
    log = open_record(folder)
    names = [type(event).__name__ for event in log.events]
    assert names[0] == "ConversationStarted"
    assert names[-1] == "ConversationEnded"
    assert "WordsHeard" in names
    assert "EmotionHeard" not in names
    sound, rate = soundfile.read(folder / "audio.wav", dtype="float32")
    assert sound.shape[1] == 2
    person, assistant = sound[:, 0], sound[:, 1]
    assert np.abs(person[round(0.6 * rate) : round(1.4 * rate)]).max() > 0.1
    assert np.abs(assistant[round(1.7 * rate) :]).max() > 0.2


def test_an_unknown_country_is_refused_before_anything_is_loaded(
    tmp_path: Path, scripted_engines: list[Engines]
) -> None:
    question = recording(tmp_path, speech_like((0.5, 1.5), length_s=4.0))
    with pytest.raises(SettingsError, match="no help text for the country 'XX'"):
        talk(TalkCommandSettings(input=question, country="XX"))
    assert scripted_engines == []


def test_two_repeatable_runs_are_alike(tmp_path: Path) -> None:
    question = recording(tmp_path, speech_like((0.5, 1.5), (2.4, 3.4), length_s=6.0))
    answers = [tmp_path / "first.wav", tmp_path / "second.wav"]
    for answer in answers:
        talk(TalkCommandSettings(input=question, output=answer, pace="repeatable"))
    assert answers[0].read_bytes() == answers[1].read_bytes()


def test_a_recording_without_speech_is_no_success(tmp_path: Path) -> None:
    question = recording(tmp_path, speech_like(length_s=3.0))
    with pytest.raises(InputError, match="no speech was found"):
        talk(TalkCommandSettings(input=question, pace="repeatable"))


def test_what_has_no_part_in_the_talk_is_said_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], scripted_engines: list[Engines]
) -> None:
    question = recording(tmp_path, speech_like((0.5, 1.5), length_s=4.0))
    devices = DeviceSettings(microphone="USB")
    assert talk(TalkCommandSettings(input=question, pace="repeatable", devices=devices)) == 0
    said = capsys.readouterr().out
    assert "The microphone USB is not used: --input stands in its place." in said
    assert "speaker" not in said
    scripted_engines.clear()
    with pytest.raises(SettingsError, match="--pace real needs --input"):
        talk(TalkCommandSettings(pace="real"))
    assert scripted_engines == []


def test_the_answers_never_overwrite_the_question(
    tmp_path: Path, scripted_engines: list[Engines]
) -> None:
    question = recording(tmp_path, speech_like((0.5, 1.5), length_s=3.0))
    before = question.read_bytes()
    with pytest.raises(SettingsError, match="input too"):
        talk(TalkCommandSettings(input=question, output=question))
    with pytest.raises(SettingsError, match=r"\.wav"):
        talk(TalkCommandSettings(input=question, output=tmp_path / "answer.mp3"))
    with pytest.raises(SettingsError, match="--input"):
        talk(TalkCommandSettings(output=tmp_path / "answer.wav"))
    assert question.read_bytes() == before
    assert scripted_engines == [], "refused before anything is loaded"


def test_a_talk_goes_on_with_an_earlier_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], scripted_engines: list[Engines]
) -> None:
    records = tmp_path / "records"
    make_record(records / "yesterday")
    settings = TalkCommandSettings(
        input=recording(tmp_path, speech_like((0.5, 1.5), length_s=4.0)),
        pace="repeatable",
        continues="last",
        record=True,
        consent=("words",),
        records=records,
    )
    assert talk(settings) == 0
    out = capsys.readouterr().out
    assert "You go on with the talk yesterday" in out
    assert "You: But I am laughing again." in out

    model = scripted_engines[-1].model
    assert isinstance(model, ScriptedModel)
    (dialogue,) = model.dialogues
    told = [words for words in dialogue.utterances if isinstance(words, str)]
    assert told[0] == "I failed my driving test."
    assert len(dialogue.utterances) == 4, "three of the earlier talk, and what was said now"

    (new,) = (one for one in find_records(records) if one.id != "yesterday")
    record = read_record(new)
    assert record.continues == "yesterday"
    assert len(recorded_turns(record)) == 1, "what was said before stands in its own record"


def test_who_was_in_danger_when_the_talk_ended_is_in_danger_still(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = tmp_path / "records"
    make_record(records / "yesterday", [Said("I want to kill myself.", reply="Please call 112.")])
    settings = TalkCommandSettings(
        input=recording(tmp_path, speech_like((0.5, 1.5), length_s=4.0)),
        pace="repeatable",
        continues="yesterday",
        records=records,
    )
    assert talk(settings) == 0
    out = capsys.readouterr().out
    assert REPLY not in out
    assert "Help: " in out
