"""The pitch that nano's emotion heads learn to hear: how it is found, and how it is taught."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.config import EmotionHeadConfig, SpeechEncoderConfig
from train.nano_emotion import (
    EmotionItems,
    EmotionModel,
    collate_emotions,
    emotion_step,
    pitch_step,
)
from train.nano_pitch import collate_pitch, pitch_losses, pitch_track
from train.surroundings import Surroundings

torch.set_num_threads(1)


def buzz(hz: float, *, samples: int = 16000) -> np.ndarray:
    """Returns a tone with overtones, as a voice has them."""
    time = np.arange(samples) / 16000
    tones = [np.sin(2 * np.pi * hz * n * time) / n for n in range(1, 8)]
    return (0.1 * np.sum(tones, axis=0)).astype(np.float32)


@pytest.mark.parametrize("hz", [90.0, 150.0, 260.0, 420.0])
def test_pitch_of_a_voice_is_found_within_a_semitone(hz: float) -> None:
    octaves, voiced = pitch_track(buzz(hz))[:, 2:-2]
    assert voiced.all()
    np.testing.assert_allclose(octaves, np.log2(hz / 150), atol=1 / 12)


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    assert pitch_track(0.1 * noise)[1].mean() < 0.1
    assert pitch_track(np.zeros(16000, np.float32))[1].sum() == 0
    assert pitch_track(np.zeros(10, np.float32)).shape == (2, 1)


def test_what_has_no_voice_or_lies_outside_does_not_count() -> None:
    short, long = pitch_track(buzz(150.0, samples=8000)), pitch_track(buzz(300.0))
    track = collate_pitch([short, long], frames=100)
    assert track.octaves.shape == track.voiced.shape == (2, 7, 4)
    inside = torch.ones(2, 7, dtype=torch.bool)
    inside[0, 3:] = False
    guess = torch.zeros(2, 7, 8)
    guess[..., :4] = track.octaves
    assert float(pitch_losses(guess, track, inside)["pitch"]) == 0
    guess[0, 3:, :4] = 5.0
    guess[..., :4] += 5.0 * (1 - track.voiced)
    assert float(pitch_losses(guess, track, inside)["pitch"]) == 0
    guess[1, 3, :4] += 1.0
    assert float(pitch_losses(guess, track, inside)["pitch"]) > 0


def test_a_head_learns_pitch_and_then_emotion_by_it() -> None:
    torch.manual_seed(0)
    pitches = [110.0, 330.0] * 4
    around = Surroundings(noises=[], rooms=[])
    items = EmotionItems([buzz(hz) for hz in pitches], [2, 3] * 4, around, speeds=(1.0, 1.0))
    batch = collate_emotions([items.load(n, np.random.default_rng(n)) for n in range(8)])
    config = EmotionHeadConfig(kind="spectral", hidden=16, channels=(4, 8, 8, 8))
    model = EmotionModel(config, SpeechEncoderConfig())
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    errors: list[float] = []
    for step in range(60):
        terms = pitch_step(model, batch) if step < 30 else emotion_step(model, batch)
        errors.append(float(terms["pitch"].detach()))
        loss = sum(value for name, value in terms.items() if name != "right")
        optimiser.zero_grad()
        torch.as_tensor(loss).backward()
        optimiser.step()
    assert np.mean(errors[25:30]) < 0.5 * np.mean(errors[:5])
    model.eval()
    assert float(emotion_step(model, batch)["right"]) == 1.0


def test_faster_speech_is_taught_with_its_higher_pitch(tmp_path: Path) -> None:
    around = Surroundings(noises=[], rooms=[])
    items = EmotionItems([buzz(150.0)], [0], around, speeds=(1.3, 1.3))
    assert items.with_voices([], tmp_path).speeds == (1.3, 1.3)
    octaves, voiced = items.load(0, np.random.default_rng(4)).pitch
    assert np.median(octaves[voiced > 0]) == pytest.approx(np.log2(1.3), abs=0.05)
