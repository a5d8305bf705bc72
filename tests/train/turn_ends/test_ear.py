"""Training the turn ear: where sentences stop, and a difference that can be heard is learnt."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from models.turn_ear.network import RATE_HZ, load_turn_ear
from train.turn_ends.ear import stops, turn_ear
from train.turn_ends.settings import TurnEarSettings


def tone(hertz: float, seconds: float) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


def sentence(last_hertz: float) -> np.ndarray:
    """Two words of 250 Hz with a gap, then one of `last_hertz`."""
    gap = np.zeros(round(0.16 * RATE_HZ))
    return np.concatenate(
        [tone(250.0, 0.6), gap, tone(250.0, 0.6), gap, tone(last_hertz, 0.6), np.zeros(4_000)]
    )


def test_a_sentence_stops_at_its_end_and_in_its_gaps() -> None:
    end, *gaps = stops(sentence(120.0))
    assert end.is_end
    assert len(gaps) == 2
    assert not any(gap.is_end for gap in gaps)
    for stop in (end, *gaps):
        level = np.abs(stop.waveform)
        assert level[-4_096:-2_560].max() > 0.2, "speech up to the stop"
        assert level[-1_024:].max() < 0.01, "and a pause after it"


def test_silence_has_no_stops() -> None:
    assert list(stops(np.zeros(2_000))) == []


def test_an_end_that_sounds_like_one_is_heard_for_speakers_not_trained_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.set_num_threads(1)
    for speaker in range(6):
        folder = tmp_path / "speech" / f"speaker{speaker}"
        folder.mkdir(parents=True)
        for number in range(6):
            wave = sentence(110.0 + 3.0 * speaker + number)
            soundfile.write(folder / f"s{speaker}u{number}.wav", wave, RATE_HZ)
    held_out = tmp_path / "text"
    held_out.write_text("s5u0 LEFT OUT\n", encoding="utf-8")
    out = tmp_path / "ear.safetensors"
    settings = TurnEarSettings(
        recordings=(tmp_path / "speech",), held_out=held_out, out=out, epochs=20
    )
    turn_ear(settings)
    assert "AUC 1.000" in capsys.readouterr().out
    ear = load_turn_ear(out)
    end, gap, *_ = stops(sentence(125.0))
    heard = [ear.probability(stop.waveform.astype(np.float32)) for stop in (end, gap)]
    assert heard[0] > heard[1]


def test_recordings_of_one_speaker_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "one.wav", sentence(120.0), RATE_HZ)
    with pytest.raises(ValueError, match="two speakers"):
        turn_ear(TurnEarSettings(recordings=(tmp_path,), out=tmp_path / "ear.safetensors"))


def test_no_recordings_is_said_with_the_remedy() -> None:
    with pytest.raises(ValueError, match="--recordings FOLDER"):
        turn_ear(TurnEarSettings())
