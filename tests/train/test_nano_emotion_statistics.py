from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
from numpy.typing import NDArray

from models.config import EmotionHeadConfig, SpeechEncoderConfig
from models.emotions import EMOTION_LABELS
from models.speech_encoder import SpeechEncoder
from train.nano_emotion import EmotionItems
from train.nano_emotion_statistics import VARIED, fitted_head, heard_voices, statistics_logits
from train.nano_recordings import Recording
from train.surroundings import Surroundings

SMALL = SpeechEncoderConfig(width=16, layers=2, heads=2, ffn=32, trained_on_short_inputs=True)
HEAD = EmotionHeadConfig(kind="spectral", hidden=8, channels=(4, 8), statistics_layer=1)


def voice(generator: np.random.Generator, emotion: int) -> NDArray[np.float32]:
    """Each emotion has its timbre."""
    time = np.arange(12_000) / 16_000
    hertz = generator.uniform(110, 220)
    overtones = np.arange(1, 20)
    weights = overtones ** (-0.2 - 0.7 * emotion)
    wave = (weights[:, None] * np.sin(2 * np.pi * hertz * overtones[:, None] * time)).sum(0)
    around = 1e-4 * generator.standard_normal(8_000)
    return np.concatenate([around, 0.2 * wave / np.abs(wave).max(), around]).astype(np.float32)


def acted(folder: Path, speakers: int) -> list[Recording]:
    generator = np.random.default_rng(0)
    recordings: list[Recording] = []
    for speaker in range(speakers):
        for emotion, label in enumerate(EMOTION_LABELS):
            path = folder / f"{speaker}-{label}.wav"
            sf.write(path, voice(generator, emotion), 16_000)
            recordings.append(Recording(path, "", "ravdess", f"{speaker}", label))
    return recordings


def test_voices_that_were_not_heard_are_told_by_their_timbre(tmp_path: Path) -> None:
    recordings = acted(tmp_path, 6)
    items = EmotionItems.read(recordings, Surroundings(noises=[], rooms=[]))
    torch.manual_seed(0)
    encoder = SpeechEncoder(SMALL)
    heard = heard_voices(recordings, items, encoder, 1, seed=1)
    assert len(heard.emotions) == 30 * (2 + VARIED)
    assert int((~heard.is_varied).sum()) == 30
    held = heard.recordings >= 25
    head = fitted_head(heard, ~held, HEAD, encoder)
    guess = statistics_logits(head, heard, held & ~heard.is_varied).argmax(-1)
    assert guess.tolist() == [0, 1, 2, 3, 4]
    again = heard_voices(recordings, items, encoder, 1, seed=1)
    assert np.array_equal(again.statistics, heard.statistics, equal_nan=True)
    with pytest.raises(ValueError, match="surprise"):
        fitted_head(heard, heard.emotions < 4, HEAD, encoder)
