import numpy as np
import torch

from models.features import SpeechFeatures, Waveform, speech_features
from models.spoken_part import AROUND_FRAMES, loud_frames, mel_levels, spoken_part
from models.voice_statistics import COUNT, voice_statistics
from tests.models.small import tone


def hiss(seconds: float, level: float) -> Waveform:
    samples = np.random.default_rng(3).standard_normal(round(16_000 * seconds))
    return (level * samples).astype(np.float32)


def statistics(wave: Waveform) -> torch.Tensor:
    features = speech_features([wave])
    states = torch.zeros(1, -(-features.log_mel.shape[2] // 4), 6)
    return voice_statistics(features, states)[0]


def test_only_the_spoken_part_is_kept():
    wave = np.concatenate([hiss(1.0, 1e-4), tone(1.0), hiss(0.5, 1e-4)])
    part = spoken_part(speech_features([wave, tone(0.4)]))
    assert part.log_mel.shape[0] == 2
    assert abs(int(part.lengths[0]) - (100 + 2 * AROUND_FRAMES)) <= 4
    assert int(part.lengths[1]) == 40
    alone = spoken_part(speech_features([tone(0.4)]))
    torch.testing.assert_close(part.log_mel[1:, :, :40], alone.log_mel)


def test_a_click_louder_than_speech_does_not_pass_for_it():
    wave = np.concatenate([hiss(0.5, 1e-4), tone(1.0, level=0.01), hiss(0.5, 1e-4)])
    wave[1600:1640] = 1.0
    loud = loud_frames(mel_levels(speech_features([wave]).log_mel[0]))
    assert float(loud[55:145].float().mean()) > 0.9


def test_silence_is_spoken_nowhere_and_breaks_nothing():
    features = speech_features([np.zeros(8_000, np.float32)])
    assert int(spoken_part(features).lengths[0]) >= 1
    assert statistics(np.zeros(8_000, np.float32)).shape == (COUNT + 12,)


def test_level_and_silence_around_change_nothing():
    wave = np.concatenate([tone(1.0), tone(0.5, level=0.03)])
    spoken = statistics(wave)
    assert bool(torch.isfinite(spoken).all())
    torch.testing.assert_close(statistics(0.25 * wave), spoken, atol=2e-3, rtol=1e-3)
    around = np.concatenate([hiss(0.5, 1e-5), wave, hiss(0.5, 1e-5)])
    torch.testing.assert_close(statistics(around)[:COUNT], spoken[:COUNT], atol=0.1, rtol=0.05)


def test_a_brighter_and_a_livelier_voice_are_told_apart():
    dull = statistics(tone(1.0))
    bright = statistics(tone(1.0) + 0.3 * tone(1.0, hertz=2600.0))
    tilt = 2 * 7
    assert float(bright[tilt]) < float(dull[tilt]) - 0.3
    steady = np.full(16_000, 0.3, np.float32) * np.sin(np.arange(16_000) * 0.1).astype(np.float32)
    assert float(statistics(steady)[1]) < float(dull[1])


def test_states_of_silence_do_not_count():
    wave = np.concatenate([hiss(1.0, 1e-5), tone(1.0)])
    features = speech_features([wave])
    states = torch.ones(1, 50, 3)
    states[:, :24] = 1000.0
    found = voice_statistics(SpeechFeatures(features.log_mel, features.lengths), states)[0, COUNT:]
    torch.testing.assert_close(found, torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0, 0.0]))
