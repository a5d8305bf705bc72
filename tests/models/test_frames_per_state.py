"""An encoder of half Whisper's rate: same code, other stride."""

from dataclasses import replace

import numpy as np
import torch

from models.blsp_emo import BlspEmo
from models.config import BlspEmoConfig
from models.masks import frames_of_samples, states_of_frames


def _model() -> BlspEmo:
    config = BlspEmoConfig.tiny()
    config = replace(config, speech_encoder=replace(config.speech_encoder, frames_per_state=4))
    torch.manual_seed(3)
    return BlspEmo(config).eval()


def _noise(samples: int) -> np.ndarray:
    return np.random.default_rng(samples).standard_normal(samples).astype(np.float32) * 0.1


def test_four_frames_make_one_state_whatever_the_length() -> None:
    model = _model()
    for samples in (1600, 1601, 4000, 8123, 16000):
        speech = model.encode(model.features([_noise(samples)]))
        expected = states_of_frames(frames_of_samples(samples), 4)
        assert speech.states.shape[1] == int(speech.lengths[0]) == expected


def test_batched_utterances_give_what_each_gives_alone() -> None:
    model = _model()
    waves = [_noise(samples) for samples in (5000, 12345)]
    with torch.no_grad():
        together = model.encode(model.features(waves))
        for index, wave in enumerate(waves):
            alone = model.encode(model.features([wave]))
            length = int(alone.lengths[0])
            assert int(together.lengths[index]) == length
            torch.testing.assert_close(
                together.states[index, :length], alone.states[0], atol=1e-5, rtol=1e-4
            )
