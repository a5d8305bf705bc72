"""A recorded talk answered again: the same turns, other settings, both sides beside each other."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from assistant.conversation.engines import Engines
from assistant.empathy import load_policy
from assistant.engines.protocols import EmotionEstimate
from assistant.errors import InputError, OutputError
from assistant.files.record_replay import (
    Replayed,
    check_replayable,
    comparison,
    recorded_settings,
)
from assistant.files.record_replay import replay as replayed_turns
from assistant.records.comparison_files import JSON, MARKDOWN, ComparisonFolder
from assistant.records.reading import Record, read_record, resolve
from assistant.records.recording import AUDIO_NAME, Consent
from assistant.records.removal.ledger import exported_files
from models.emotions import Emotion
from tests.assistant.records.made import TALK, Said, make_record
from tests.fakes import LevelDetector, ScriptedModel, ToneVoice, certain, speech_like
from tests.talking import talk


def engines(model: ScriptedModel, policy: str = "empathetic") -> Engines:
    return Engines(model, ToneVoice(), load_policy(policy), LevelDetector(), "tone")


def replay(
    one: Record, parts: Engines, persona: str | None = None, *, from_words: bool = False
) -> list[Replayed]:
    async def all_turns() -> list[Replayed]:
        turns = replayed_turns(one, parts, persona, from_words=from_words)
        return [turn async for turn in turns]

    return asyncio.run(all_turns())


def record(root: Path, name: str = "talk") -> Record:
    return read_record(resolve(root, name))


def test_the_model_gets_the_turns_that_it_got_in_the_talk(tmp_path: Path) -> None:
    spoken = speech_like((0.5, 1.5), (5.0, 6.2), length_s=10.0)
    held = talk(spoken, replies=["I am here. Tell me."], record_to=tmp_path / "talk")
    assert held.dialogue is not None
    model = ScriptedModel(["I am here. Tell me."])
    turns = replay(record(tmp_path), engines(model))
    given = model.dialogues[0].utterances
    assert len(given) == len(held.dialogue.utterances) == 2
    for now, then in zip(given, held.dialogue.utterances, strict=True):
        assert isinstance(now, np.ndarray)
        assert isinstance(then, np.ndarray)
        # The turn as it was heard may reach further than its end was said to: never by more.
        shared = min(len(now), len(then))
        assert abs(len(now) - len(then)) <= 512
        assert now[:shared] == pytest.approx(then[:shared], abs=1e-4)
    told = [comparison(turn) for turn in turns]
    assert [one["differs"] for one in told] == [[], []], "the same settings, the same talk"


def test_other_settings_make_another_side(tmp_path: Path) -> None:
    make_record(tmp_path / "talk")
    model = ScriptedModel(["Why?"], [certain(Emotion.ANGRY)])
    turns = [
        comparison(turn) for turn in replay(record(tmp_path), engines(model, "mirror"), "Be brief.")
    ]
    assert model.dialogues[0].persona.system == "Be brief."
    assert [turn["recorded"]["reply"] for turn in turns] == [said.reply for said in TALK]
    assert [turn["replayed"]["reply"] for turn in turns] == ["Why?"] * 3
    assert turns[0]["recorded"]["emotion"] == "sad"
    assert turns[0]["replayed"]["emotion"] == "angry"
    assert turns[0]["replayed"]["style_emotion"] == "angry", "mirror"
    assert {"reply", "emotion"} <= set(turns[0]["differs"])


def test_corrections_count_from_the_next_turn_on(tmp_path: Path) -> None:
    said = [Said(corrected=Emotion.ANGRY), Said(), Said()]
    make_record(tmp_path / "talk", said)
    unsure = EmotionEstimate((0.1, 0.05, 0.38, 0.42, 0.05))
    model = ScriptedModel(["Why?"], [unsure])
    turns = replay(record(tmp_path), engines(model))
    first, second = (turn.answer.estimate for turn in turns[:2] if turn.answer is not None)
    assert first == unsure
    assert second is not None
    assert second.emotion is Emotion.ANGRY


def test_typed_turns_and_words_alone_are_read(tmp_path: Path) -> None:
    make_record(tmp_path / "talk", [Said("typed", typed=True), Said("spoken")])
    model = ScriptedModel(["Why?"])
    replay(record(tmp_path), engines(model))
    assert model.dialogues[0].utterances[0] == "typed"
    assert isinstance(model.dialogues[0].utterances[1], np.ndarray)
    replay(record(tmp_path), engines(model), from_words=True)
    assert model.dialogues[1].utterances == ["typed", "spoken"]


def test_a_turn_that_breaks_is_said_and_the_talk_goes_on(tmp_path: Path) -> None:
    make_record(tmp_path / "talk")
    model = ScriptedModel(["Why?"], failing_turns=[1])
    turns = [comparison(turn) for turn in replay(record(tmp_path), engines(model))]
    assert [turn["replayed"]["failure"] is None for turn in turns] == [True, False, True]


def test_what_cannot_be_replayed_is_refused_with_the_remedy(tmp_path: Path) -> None:
    make_record(tmp_path / "silent", consent=Consent(audio=False))
    check_replayable(record(tmp_path, "silent"), from_words=True)
    with pytest.raises(InputError, match="--from-words"):
        check_replayable(record(tmp_path, "silent"), from_words=False)
    make_record(tmp_path / "wordless", consent=Consent(words=False))
    with pytest.raises(InputError, match="leave --from-words out"):
        check_replayable(record(tmp_path, "wordless"), from_words=True)
    make_record(tmp_path / "empty", [])
    with pytest.raises(InputError, match="nothing was said"):
        check_replayable(record(tmp_path, "empty"), from_words=False)
    make_record(tmp_path / "broken")
    (tmp_path / "broken" / AUDIO_NAME).write_bytes(b"")
    assert recorded_settings(record(tmp_path, "broken"))["model"] == "mini"


def test_both_sides_and_the_answers_are_written_and_noted(tmp_path: Path) -> None:
    make_record(tmp_path / "talk", [Said("A | pipe", reply="*No*")])
    one = record(tmp_path)
    folder = ComparisonFolder(tmp_path / "out", one)
    turns = replay(one, engines(ScriptedModel(["Why not now?"])))
    folder.add_answer(1, turns[0].clips)
    names = {"model": "m", "voice": "v", "policy": "p"}
    head = {"kind": "replay", "record": "talk", "recorded": names, "replayed": names}
    folder.finish(head, [comparison(turn) for turn in turns])
    lines = [json.loads(line) for line in (tmp_path / "out" / JSON).read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["replay", "turn"]
    text = (tmp_path / "out" / MARKDOWN).read_text()
    assert "| 1 | reply | \\*No\\* | Why not now? |" in text
    assert "A \\| pipe" in text
    assert soundfile.info(tmp_path / "out" / "turn-01.wav").duration == pytest.approx(0.15)
    assert len(exported_files(one.folder)) == 3
    with pytest.raises(OutputError, match="not written over"):
        ComparisonFolder(tmp_path / "out", one)
