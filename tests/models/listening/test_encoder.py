"""The encoder alone hears what the whole model hears."""

from pathlib import Path

import pytest
import torch

from models.blsp_emo import BlspEmo
from models.checkpoints import checkpoint
from models.listening.encoder import EncoderAlone
from models.listening.listener import Listener
from models.pretrained.store import Store
from models.weights import CheckpointError
from tests.models.pretrained.small_parts import llama, store, whisper
from tests.models.small import tone
from train.alignment.assemble import assemble
from train.alignment.settings import AlignSettings

__all__ = ["llama", "store", "whisper"]


@pytest.fixture
def whole(store: Store, tmp_path: Path) -> BlspEmo:
    """A model with a decoder and a head that reads all layers, saved in `whole`."""
    assert store
    torch.set_num_threads(1)
    choice = AlignSettings(
        speech="ears", llm="tongue", adapter="words", emotion_head="attentive", lora_rank=0
    )
    model = assemble(choice)
    checkpoint.save(model.checkpoint(), tmp_path / "whole")
    return model.eval()


def test_states_are_those_of_the_whole_model(whole: BlspEmo, tmp_path: Path) -> None:
    alone = EncoderAlone.from_pretrained(tmp_path / "whole", device="cpu")
    for wave in (tone(0.4), tone(1.1, hertz=300) + 0.02):
        (expected,) = whole.pieces(wave)
        found = alone.states(wave)
        assert torch.allclose(found.states, expected.states, atol=1e-4)
        assert torch.allclose(torch.stack([*found.layers]), torch.stack([*expected.layers]))


def test_words_are_those_of_the_whole_model(whole: BlspEmo, tmp_path: Path) -> None:
    listener = Listener.from_pretrained(tmp_path / "whole", device="cpu")
    for wave in (tone(0.4), tone(1.1, hertz=300) + 0.02):
        heard, expected = listener.hear(wave), whole.hear(wave)
        assert expected.words is not None
        assert heard.words.text == expected.words.text
        assert heard.probabilities == pytest.approx(expected.probabilities, abs=1e-4)


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        EncoderAlone.from_pretrained(tmp_path / "nowhere")
