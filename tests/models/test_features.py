import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.features import quietest_cuts, speech_features
from models.torchaudio_guard import guard_torchaudio
from tests.models.small import tone


def test_padded_features_are_those_of_whisper():
    guard_torchaudio()
    from transformers import WhisperFeatureExtractor

    waves = [tone(1.3), tone(0.7, hertz=150)]
    extractor = WhisperFeatureExtractor(feature_size=80)
    theirs = extractor(waves, sampling_rate=16_000, return_attention_mask=True)
    ours = speech_features(waves, pad_frames=3000)
    expected = torch.tensor(np.array(theirs["input_features"]))
    assert (ours.log_mel - expected).abs().max() < 1e-4
    assert ours.lengths.tolist() == [int(m.sum()) for m in theirs["attention_mask"]]


def test_an_utterance_has_the_same_features_alone_and_in_a_batch():
    waves = [tone(0.51), tone(1.234, level=0.9)]
    batch = speech_features(waves)
    for row, wave in enumerate(waves):
        alone = speech_features([wave])
        frames = int(alone.lengths[0])
        assert torch.allclose(batch.log_mel[row, :, :frames], alone.log_mel[0], atol=1e-6)
        assert not batch.log_mel[row, :, frames:].any()


@pytest.mark.parametrize(
    ("wave", "message"),
    [
        (np.zeros(0, np.float32), "empty"),
        (np.full(800, np.nan, np.float32), "not finite"),
        (np.zeros(16_000 * 31, np.float32), "cut it into pieces"),
    ],
)
def test_impossible_utterances_are_refused(wave, message):
    with pytest.raises(ValueError, match=message):
        speech_features([wave], pad_frames=3000)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60_000), st.integers(4_000, 20_000), st.integers(0, 2**31))
def test_pieces_join_to_the_utterance_and_none_is_too_long(samples, longest, seed):
    wave = np.random.default_rng(seed).normal(size=samples).astype(np.float32)
    pieces = quietest_cuts(wave, longest_samples=longest)
    assert pieces[0][0] == 0 and pieces[-1][1] == samples
    assert all(a[1] == b[0] for a, b in itertools.pairwise(pieces))
    assert all(0 < end - start <= longest for start, end in pieces)


def test_a_cut_lies_in_the_pause():
    wave = np.concatenate([tone(2.5), np.zeros(8000, np.float32), tone(2.5)])
    (_, cut), _ = quietest_cuts(wave, longest_samples=16_000 * 3)
    assert 2.5 * 16_000 < cut < 3.0 * 16_000
