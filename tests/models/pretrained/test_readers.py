import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    WhisperForConditionalGeneration,
)

from models.blsp_emo import BlspEmo
from models.checkpoints import hub
from models.pretrained import unpacked as unpacking
from models.pretrained.ctranslate2 import CTranslate2Whisper
from models.pretrained.gguf_llm import GgufLlm
from models.pretrained.gguf_tokenizer import write_tokenizer
from models.pretrained.store import Store
from models.pretrained.unpacked import unpacked
from models.tokenizer import JsonTokenizer
from models.transcription import transcribe
from models.weights import CheckpointError, WeightFiles
from tests.models.pretrained import files
from tests.models.pretrained.small_parts import part
from tests.models.small import tone
from train.alignment.assemble import assemble
from train.alignment.settings import AlignSettings


def test_every_parameter_of_a_whisper_comes_back(
    whisper: WhisperForConditionalGeneration, tmp_path: Path
) -> None:
    files.write_ctranslate2(tmp_path / "model.bin", whisper)
    read = CTranslate2Whisper(tmp_path / "model.bin").read
    names = [name for name, _ in whisper.model.named_parameters()]
    assert len(names) > 60
    for name, parameter in whisper.model.named_parameters():
        assert torch.equal(read(name), parameter), name


def test_every_parameter_of_a_llama_comes_back_but_for_rounding(
    llama: LlamaForCausalLM, tmp_path: Path
) -> None:
    files.write_gguf(tmp_path / "m.gguf", llama)
    found = GgufLlm(tmp_path / "m.gguf")
    for name, parameter in llama.named_parameters():
        assert torch.allclose(found.read(name), parameter, atol=1e-3), name
    again = LlamaForCausalLM(LlamaConfig(**found.config)).eval()
    with torch.no_grad():
        for name, parameter in again.named_parameters():
            parameter.copy_(found.read(name))
        ids = torch.tensor([[5, 200, 17, 99]])
        assert torch.allclose(again(ids).logits, llama(ids).logits, atol=0.02)


@pytest.mark.parametrize("has_output", [False, True])
def test_every_parameter_of_a_qwen_comes_back_but_for_rounding(
    has_output: bool, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    shape = {"vocab_size": files.TOKENS, "hidden_size": files.WIDTH, "num_hidden_layers": 2}
    heads = {"num_attention_heads": files.HEADS, "num_key_value_heads": files.KV_HEADS}
    settings: dict[str, Any] = {"intermediate_size": files.FFN, "tie_word_embeddings": True}
    settings |= {"rope_parameters": {"rope_type": "default", "rope_theta": 5_000.0}}
    settings |= {"rms_norm_eps": 1e-5, "max_position_embeddings": 128}
    qwen = Qwen2ForCausalLM(Qwen2Config(**shape, **heads, **settings)).eval()
    for name, parameter in qwen.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    files.write_gguf(tmp_path / "m.gguf", qwen, architecture="qwen2", has_output=has_output)
    found = GgufLlm(tmp_path / "m.gguf")
    assert found.config["model_type"] == "qwen2" and found.config["tie_word_embeddings"]
    for name, parameter in qwen.named_parameters():
        assert torch.allclose(found.read(name), parameter, atol=1e-3), name
    again = Qwen2ForCausalLM(Qwen2Config(**found.config)).eval()
    ids = torch.tensor([[5, 200, 17, 99]])
    with torch.no_grad():
        for name, parameter in again.named_parameters():
            parameter.copy_(found.read(name))
        assert torch.allclose(again(ids).logits, qwen(ids).logits, atol=0.02)


def test_text_is_cut_as_the_file_says(llama: LlamaForCausalLM, tmp_path: Path) -> None:
    files.write_gguf(tmp_path / "m.gguf", llama, split="qwen2")
    write_tokenizer(tmp_path / "tokenizer.json", GgufLlm(tmp_path / "m.gguf").tokens)
    tokenizer = JsonTokenizer(tmp_path / "tokenizer.json")
    text = "hi, it's 1999 – n\u00e9?"
    assert tokenizer.decode(tokenizer.encode(text.replace("\u00e9", "e\u0301"))) == text
    assert len(tokenizer.encode(" hi")) == 2, "a space belongs to the word, as bytes to a token"
    files.write_gguf(tmp_path / "m.gguf", llama, split="unheard-of")
    with pytest.raises(CheckpointError, match="by 'unheard-of'"):
        write_tokenizer(tmp_path / "tokenizer.json", GgufLlm(tmp_path / "m.gguf").tokens)


@torch.inference_mode()
def test_a_large_llm_is_unpacked_in_8_bits_and_answers_alike(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = AlignSettings(speech="ears", llm="tongue", adapter_width=8, lora_rank=2)
    whole = assemble(settings)
    shutil.rmtree(hub.checkpoint_folder("tongue"))
    monkeypatch.setattr(unpacking, "LARGE", 0)
    stored = WeightFiles(hub.checkpoint_folder("tongue"))
    assert stored.read("model.embed_tokens.weight").dtype == torch.int8
    for model in (assemble(settings), assemble(settings, from_part=True)):
        ids = torch.tensor([[5, 200, 17, 99]])
        ours, theirs = (one.llm(one.llm.embed(ids)).flatten() for one in (model, whole))
        assert torch.cosine_similarity(ours, theirs, dim=0) > 0.99


def test_digits_are_tokens_of_their_own_and_markup_is_special(store: Store) -> None:
    tokenizer = JsonTokenizer(hub.checkpoint_folder("tongue") / "tokenizer.json")
    assert len(tokenizer.encode("2026")) == 4
    assert len(tokenizer.encode("hi")) == 1
    assert tokenizer.decode(tokenizer.encode("hi, it's 1999 – né?")) == "hi, it's 1999 – né?"
    assert len(tokenizer.encode("<|im_end|>", markup=True)) == 1
    assert len(tokenizer.encode("<|im_end|>")) > 1
    assert tokenizer.end_ids == (files.TOKENS - 1, files.TOKENS - 3)


@torch.inference_mode()
def test_the_pipeline_starts_from_parts_by_their_names(
    store: Store, whisper: WhisperForConditionalGeneration
) -> None:
    model = assemble(AlignSettings(speech="ears", llm="tongue", adapter_width=8, lora_rank=2))
    assert isinstance(model, BlspEmo)
    features = model.features([tone(0.5)])
    theirs = whisper.model.encoder(features.log_mel).last_hidden_state
    ours = model.encode(features).padded
    assert ours is not None
    assert torch.allclose(ours, theirs, atol=1e-2)
    transcription = model.config.transcription
    assert transcription is not None
    assert transcription.suppressed_ids == (1, 3, 4, 5, 6), "all but words and the end"
    assert len(transcription.prompt_ids) == 4, "a Whisper of many languages is told which"
    assert transcribe(model, model.hear(tone(0.5))).source == "decoder"


def test_a_part_is_unpacked_once(store: Store) -> None:
    folder = hub.checkpoint_folder("tongue")
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert hub.checkpoint_folder("tongue") == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == written
    assert [path.name for path in folder.parent.glob("tmp*")] == []


def test_no_room_to_unpack_is_told_and_what_was_begun_is_gone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    folder = hub.checkpoint_folder("tongue")
    shutil.rmtree(folder)
    (folder.parent / "unpacking").mkdir()  # of a run that was killed
    monkeypatch.setattr(unpacking, "write_json", full)
    with pytest.raises(CheckpointError, match=r"tongue cannot be unpacked in .*: make room there"):
        hub.checkpoint_folder("tongue")
    assert not [path for path in folder.parent.iterdir() if path.is_dir()]
    monkeypatch.undo()


def test_a_part_that_is_no_model_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "own" / "voice").mkdir()
    (tmp_path / "own" / "voice" / "v.onnx").write_bytes(b"v")
    with pytest.raises(CheckpointError, match="voice is a voice: name a Whisper, an LLM or a sen"):
        unpacked(part(tmp_path / "own" / "voice", "voice"), store)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda data: data[: len(data) // 2], "is damaged"),
        (lambda data: b"\x07" + data[1:], "is no Whisper of CTranslate2's format 6"),
        (lambda data: data.replace(b"WhisperSpec", b"OtherSpec__"), "is no Whisper"),
        (lambda data: b"", "is damaged"),
    ],
)
def test_a_file_that_is_no_whisper_is_refused(
    change: Callable[[bytes], bytes],
    why: str,
    whisper: WhisperForConditionalGeneration,
    tmp_path: Path,
) -> None:
    path = tmp_path / "model.bin"
    files.write_ctranslate2(path, whisper)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(CheckpointError, match=why):
        CTranslate2Whisper(path)


def test_a_file_that_is_no_llama_is_refused(llama: LlamaForCausalLM, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUX" + bytes(100))
    with pytest.raises(CheckpointError, match="is damaged"):
        GgufLlm(path)
    files.write_gguf(path, llama, architecture="falcon")
    with pytest.raises(CheckpointError, match="architecture 'falcon': llama and qwen2 are"):
        GgufLlm(path)
    files.write_gguf(path, llama)
    with pytest.raises(CheckpointError, match=r"lacks nothing\.weight"):
        GgufLlm(path).read("nothing.weight")
