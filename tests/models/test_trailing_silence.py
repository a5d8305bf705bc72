"""Encoders that were trained on short inputs with silence behind them."""

from dataclasses import replace

import pytest
import torch

from models.blsp_emo import BlspEmo
from models.config import BlspEmoConfig
from models.features import speech_features
from tests.models.small import byte_tokenizer, tone

TRAILING = 60


@pytest.fixture(scope="module")
def model() -> BlspEmo:
    torch.set_num_threads(1)
    config = BlspEmoConfig.tiny(decoder=True, start_ids=(257,), stop_ids=(258,))
    shape = replace(config.speech_encoder, trailing_frames=TRAILING)
    torch.manual_seed(0)
    model = BlspEmo(replace(config, speech_encoder=shape)).eval()
    model.tokenizer = byte_tokenizer()
    return model


@pytest.mark.parametrize("seconds", [0.1, 0.73, 2.0])
def test_the_silence_is_that_of_padded_features(seconds: float):
    wave = tone(seconds)
    padded, short = (
        speech_features([wave], pad_frames=3000),
        speech_features([wave], trailing_frames=TRAILING),
    )
    frames = int(short.lengths[0]) + TRAILING
    assert short.log_mel.shape[-1] == frames and torch.equal(short.lengths, padded.lengths)
    assert torch.allclose(short.log_mel, padded.log_mel[..., :frames], atol=1e-6)


@torch.no_grad()
def test_an_utterance_gives_the_same_alone_and_in_a_batch(model: BlspEmo):
    waves = [tone(0.5), tone(1.2)]
    batch = model.encode(model.features(waves))
    ids = torch.tensor([[257, 5, 6], [257, 9, 8]])
    assert model.decoder is not None
    logits = model.decoder(ids, batch)
    for row, wave in enumerate(waves):
        alone = model.encode(model.features([wave]))
        size = int(alone.lengths[0])
        assert alone.padded is not None and alone.padded.shape[1] == size + TRAILING // 2
        assert torch.allclose(batch.states[row, :size], alone.states[0], atol=1e-5)
        single = model.decoder(ids[row : row + 1], alone)
        assert torch.allclose(logits[row], single[0], atol=1e-5)


@torch.no_grad()
def test_only_the_decoder_is_given_the_states_of_the_silence(model: BlspEmo):
    states = model.encode(model.features([tone(1.0)]))
    assert states.states.shape[1] == int(states.lengths[0]) == 50
    assert model.adapt(states).lengths.tolist() == [7]
    without = replace(states, padded=None, padded_lengths=None)
    ids = torch.tensor([[257, 5]])
    assert model.decoder is not None
    assert not torch.allclose(model.decoder(ids, states), model.decoder(ids, without))


@torch.no_grad()
@pytest.mark.parametrize("seconds", [29.8, 30.0])
def test_behind_thirty_seconds_there_is_room_for_less_of_it(model: BlspEmo, seconds: float):
    states = model.encode(model.features([tone(seconds)]))
    assert states.padded is not None and states.padded.shape[1] == 1500
    assert int(states.lengths[0]) == round(50 * seconds)
    heard = model.hear(tone(seconds))
    assert len(heard.speech_states) == 1
