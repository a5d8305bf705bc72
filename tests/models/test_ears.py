"""The ears alone hear what the whole model hears."""

from pathlib import Path

import pytest
import torch

from models.blsp_emo import BlspEmo
from models.checkpoints import checkpoint
from models.ears import Ears
from models.pretrained.store import Store
from models.weights import CheckpointError
from tests.models.pretrained.small_parts import llama, store, whisper
from tests.models.small import tone
from train.alignment.assemble import assemble
from train.settings import AlignSettings

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


def test_words_and_emotion_are_those_of_the_whole_model(whole: BlspEmo, tmp_path: Path) -> None:
    ears = Ears.from_pretrained(tmp_path / "whole", device="cpu")
    for wave in (tone(0.4), tone(1.1, hertz=300) + 0.02):
        heard = whole.hear(wave)
        assert heard.words is not None
        assert ears.words(wave).text == heard.words.text
        assert torch.allclose(ears.emotion_logits(wave), heard.emotion_logits, atol=1e-4)


def test_what_reads_the_language_models_input_is_refused(tmp_path: Path) -> None:
    ears = Ears(BlspEmo.tiny(emotion_head="mean").config, None)
    with pytest.raises(ValueError, match="reads what its LLM is given"):
        ears.emotion_logits(tone(0.3))
    with pytest.raises(CheckpointError):
        Ears.from_pretrained(tmp_path / "nowhere")
