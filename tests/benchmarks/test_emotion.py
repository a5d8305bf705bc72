"""What voices are taken for: which recordings count, how they come, and what the rows say."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest
import soundfile

from assistant.audio.waveform import Waveform
from benchmarks.emotion import READ, WAYS, acted_row, arriving, heard, read_row, said
from models.config import CalibrationConfig
from models.listening.listener import HeardEmotion, Listener
from train.data.manifest import Utterance


class LevelEars:
    """Hears anger in what is loud, and else is too uncertain of a neutral voice to act on it."""

    def hear_emotion(self, waveform: Waveform) -> HeardEmotion:
        loud = float(np.abs(waveform).max()) > 0.3
        told = (0.0, 0.0, 5.0, 0.0, 0.0) if loud else (0.5, 0.0, 0.0, 0.0, 0.0)
        odds = np.exp(told) / np.exp(told).sum()
        return HeardEmotion(told, tuple(odds.tolist()), not loud)


EARS = cast(Listener, LevelEars())


@pytest.fixture
def voices(tmp_path: Path) -> list[Utterance]:
    tone = 0.5 * np.sin(np.arange(8_000) / 5)
    found: list[Utterance] = []
    for name, emotion in (("a", "angry"), ("b", "angry"), ("c", "neutral")):
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, tone if emotion == "angry" else 0.1 * tone, 16_000)
        found.append(Utterance(id=name, audio=str(path), speaker=name, emotion=emotion))
    return found


def test_rows_say_what_changes_with_the_way_that_voices_come(voices: list[Utterance]) -> None:
    as_recorded = list(heard(EARS, voices, arriving(WAYS["as recorded"])))
    assert acted_row("x", "as recorded", as_recorded)[2].startswith("100.0 [")
    assert acted_row("x", "as recorded", as_recorded)[5].startswith("66.7 [")
    softer = list(heard(EARS, voices, arriving(WAYS["20 dB softer"])))
    assert acted_row("x", "20 dB softer", softer)[2].startswith("50.0 [")
    nobody = [one.model_copy(update={"emotion": None}) for one in voices]
    answers = list(heard(EARS, nobody, arriving(WAYS["as recorded"])))
    row = read_row("y", "as recorded", answers, CalibrationConfig(told_from=0.7))
    assert row[2:7] == ["33", "0", "67", "0", "0"]
    assert row[7].startswith("66.7 [") and row[8].startswith("66.7 [") and row[9] == "3"


def test_what_comes_to_no_turn_is_left_out(voices: list[Utterance]) -> None:
    found = list(heard(EARS, voices, lambda wave, name: wave if name != "b" else None))
    assert [one.id for one in found] == ["a", "c"]


def test_only_actors_that_nothing_learns_from_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTUNE_DATA", str(tmp_path))
    tone = 0.1 * np.sin(np.arange(8_000) / 5)
    for actor in (16, 17, 20):
        for emotion in (1, 5, 6):  # neutral, angry, fearful
            name = f"03-01-{emotion:02d}-01-01-01-{actor:02d}.flac"
            path = tmp_path / "emotion" / "ravdess" / f"Actor_{actor:02d}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, tone, 16_000)
    asked = said(("emotion", "ravdess"), 400)
    assert {(one.speaker, one.emotion) for one in asked} == {
        (f"ravdess-{actor}", emotion) for actor in (17, 20) for emotion in ("neutral", "angry")
    }
    assert len(said(("emotion", "ravdess"), 2)) == 2
    with pytest.raises(ValueError):
        said(next(iter(READ.values())), 400)
