import dataclasses

import pytest
import torch

from models.features import SpeechFeatures, speech_features
from models.speech_encoder import SpeechEncoder
from tests.models.small import tiny_model, tone


@torch.no_grad()
def test_short_inputs_have_the_same_states_alone_and_in_a_batch():
    encoder = tiny_model().speech_encoder
    waves = [tone(0.43), tone(1.01)]
    batch = encoder(speech_features(waves), all_layers=True)
    for row, wave in enumerate(waves):
        alone = encoder(speech_features([wave]), all_layers=True)
        size = int(alone.lengths[0])
        assert size == int(batch.lengths[row])
        for ours, single in zip(batch.layers, alone.layers, strict=True):
            assert torch.allclose(ours[row, :size], single[0], atol=1e-5)
        assert torch.allclose(batch.states[row, :size], alone.states[0], atol=1e-5)


@torch.no_grad()
def test_a_full_input_gives_the_same_with_and_without_slicing():
    sliced = tiny_model().speech_encoder
    padded = SpeechEncoder(dataclasses.replace(sliced.config, trained_on_short_inputs=False))
    padded.load_state_dict(sliced.state_dict())
    features = SpeechFeatures(torch.randn(1, 80, 3000), torch.tensor([3000]))
    ours, theirs = sliced(features), padded.eval()(features)
    assert torch.equal(ours.states, theirs.states)
    expected = padded.whisper(features.log_mel).last_hidden_state
    assert torch.allclose(theirs.states, expected, atol=1e-5)


@torch.no_grad()
def test_padded_models_keep_all_states_for_the_decoder_and_cut_the_rest():
    model = tiny_model(short_inputs=False)
    states = model.encode(model.features([tone(1.0)]))
    assert states.padded is not None and states.padded.shape[1] == 1500
    assert states.states.shape[1] == 50


def test_wrong_lengths_are_refused():
    encoder = tiny_model(short_inputs=False).speech_encoder
    with pytest.raises(ValueError, match="3000"):
        encoder(SpeechFeatures(torch.zeros(1, 80, 100), torch.tensor([100])))
