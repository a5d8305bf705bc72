import numpy as np
import torch

from models.emotion.spoken_part import AROUND_FRAMES, loud_frames, mel_levels, spoken_part
from models.emotion.voice_statistics import layer_statistics
from models.features import SpeechFeatures, Waveform, speech_features
from tests.models.small import tone


def hiss(seconds: float, level: float) -> Waveform:
    samples = np.random.default_rng(3).standard_normal(round(16_000 * seconds))
    return (level * samples).astype(np.float32)


def states_of(wave: Waveform) -> torch.Tensor:
    """States that say where they are and how loud it is there, a row for each two frames."""
    log_mel = speech_features([wave]).log_mel
    return log_mel[:, :6, ::2].transpose(1, 2)


def statistics(wave: Waveform) -> torch.Tensor:
    return layer_statistics(speech_features([wave]), [states_of(wave)])[0]


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
    assert statistics(np.zeros(8_000, np.float32)).shape == (12,)


def test_silence_around_changes_nothing():
    wave = np.concatenate([tone(1.0), tone(0.5, level=0.03)])
    spoken = statistics(wave)
    assert bool(torch.isfinite(spoken).all())
    around = np.concatenate([hiss(0.5, 1e-5), wave, hiss(0.5, 1e-5)])
    torch.testing.assert_close(statistics(around), spoken, atol=0.1, rtol=0.05)


def test_states_of_silence_do_not_count():
    wave = np.concatenate([hiss(1.0, 1e-5), tone(1.0)])
    features = speech_features([wave])
    states = torch.ones(1, 100, 3)
    states[:, :48] = 1000.0
    features = SpeechFeatures(features.log_mel, features.lengths)
    found = layer_statistics(features, [states])[0]
    torch.testing.assert_close(found, torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0, 0.0]))
