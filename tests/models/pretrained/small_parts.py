"""Two small parts, ears and tongue, and a catalogue that knows them."""

import hashlib
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, WhisperForConditionalGeneration

from models.checkpoints import hub
from models.config import SpeechEncoderConfig
from models.pretrained import unpacked as unpacking
from models.pretrained.catalogue import Part, PartFile, Source
from models.pretrained.store import Store
from models.speech_encoder import whisper_config
from tests.models.pretrained import files

SHAPE = SpeechEncoderConfig(
    width=files.WIDTH,
    layers=2,
    heads=files.HEADS,
    ffn=files.FFN,
    decoder_layers=2,
    decoder_heads=files.HEADS,
    decoder_ffn=files.FFN,
    vocabulary=7,
    max_target_positions=16,
)


@pytest.fixture(scope="module")
def whisper() -> WhisperForConditionalGeneration:
    torch.manual_seed(0)
    return WhisperForConditionalGeneration(whisper_config(SHAPE)).eval()


@pytest.fixture(scope="module")
def llama() -> LlamaForCausalLM:
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=files.TOKENS,
        hidden_size=files.WIDTH,
        intermediate_size=files.FFN,
        num_hidden_layers=files.LAYERS,
        num_attention_heads=files.HEADS,
        num_key_value_heads=files.KV_HEADS,
        max_position_embeddings=128,
        rope_parameters={"rope_type": "default", "rope_theta": 5_000.0},
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config).eval()
    for name, parameter in model.named_parameters():  # so that no two rows are alike
        if parameter.ndim == 1:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
        assert name
    return model


@pytest.fixture
def store(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whisper: WhisperForConditionalGeneration,
    llama: LlamaForCausalLM,
) -> Store:
    """A store of two parts; the catalogue that it belongs to is that of every module."""
    own = tmp_path / "own"
    (own / "ears").mkdir(parents=True)
    (own / "tongue").mkdir()
    files.write_ctranslate2(own / "ears" / "model.bin", whisper)
    files.write_whisper_tokenizer(own / "ears")
    files.write_gguf(own / "tongue" / "small.gguf", llama)
    parts = {name: part(own / name, kind) for name, kind in (("ears", "speech"), ("tongue", "llm"))}
    monkeypatch.setenv("ATTUNE_PARTS", str(own))
    monkeypatch.setattr(hub, "read_catalogue", lambda: parts)
    made = Store(tmp_path / "parts")
    monkeypatch.setattr(unpacking, "Store", lambda: made)
    return made


def part(folder: Path, kind: str) -> Part:
    found = tuple(
        PartFile(path.name, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.iterdir())
    )
    source = Source(1, {}, packages=("nobody==1.0",))
    return Part(folder.name, kind, "of the tests", "CC0-1.0", found, (source,))
