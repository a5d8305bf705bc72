"""A part of the catalogue as a folder of weights named as in `transformers`, written once.

So training and checkpoints take a part by its name wherever they take the folder of a Whisper or of
an LLM. Weights are written in 16 bits: those of Whisper are in the file, and what was quantised to
4 bits loses nothing in bfloat16 that it still had. Large LLMs are written as they run on a CPU:
each row of a matrix in 8 bits, and its scale.
"""

import math
import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from safetensors import SafetensorError
from torch import Tensor

from models.int8 import LARGE, SCALE, Int8Rows
from models.pretrained.catalogue import Part, PartError
from models.pretrained.ctranslate2 import CTranslate2Whisper
from models.pretrained.gguf_llm import GgufLlm
from models.pretrained.gguf_tokenizer import write_tokenizer
from models.pretrained.store import Store
from models.pretrained.whisper_shape import ENGLISH_ONLY, whisper_shape
from models.tokenizer import JsonTokenizer
from models.weights import CheckpointError, read_json, write_json

FOLDER, STAGING = "transformers", "unpacking"


def unpacked(part: Part, store: Store | None = None) -> Path:
    """Returns the folder of a part, fetched and unpacked where that was not done yet.

    Raises:
        PartError: It cannot be had, or there is no room to unpack it.
        CheckpointError: Its files are not what its kind says.
    """
    if part.kind in READY:
        return (store or Store()).get(part)
    if part.kind not in KINDS:
        raise CheckpointError(
            f"{part.name} is a {part.kind}: name a Whisper, an LLM or a sentence encoder"
        )
    store = store or Store()
    folder = store.folder / part.name / FOLDER
    if (folder / "config.json").exists():  # of files whose digests were checked then
        return folder
    packed = store.get(part)
    with FileLock(store.folder / f".{part.name}.unpacking.lock"):
        if (folder / "config.json").exists():  # another process was quicker
            return folder
        shutil.rmtree(packed / STAGING, ignore_errors=True)  # of one that was killed
        try:
            (packed / STAGING).mkdir()
            KINDS[part.kind](part, packed, packed / STAGING)
            shutil.rmtree(folder, ignore_errors=True)
            (packed / STAGING / "done").replace(folder)
        except (OSError, SafetensorError) as error:
            raise PartError(
                f"{part.name} cannot be unpacked in {packed}: {error}: make room there, or make "
                "the folder writable"
            ) from error
        finally:
            shutil.rmtree(packed / STAGING, ignore_errors=True)
    return folder


def _unpack_whisper(part: Part, packed: Path, staging: Path) -> None:
    folder = _new(staging)
    weights = CTranslate2Whisper(packed / _file(part, ".bin"))
    shutil.copy(packed / "tokenizer.json", folder / "tokenizer.json")
    tokenizer = JsonTokenizer(folder / "tokenizer.json")
    config = _whisper_config(weights)
    is_english = config["vocab_size"] == ENGLISH_ONLY
    generation = _whisper_generation(tokenizer, packed, is_english=is_english)
    write_json(folder / "generation_config.json", generation)
    _write_weights(folder, _whisper_names(config), weights.read, "model.", torch.float16)
    write_json(folder / "config.json", config)


def _whisper_config(weights: CTranslate2Whisper) -> dict[str, Any]:
    vocabulary, width = weights.shape("decoder/embeddings/weight")
    return {
        "model_type": "whisper",
        "num_mel_bins": weights.shape("encoder/conv1/weight")[1],
        "d_model": width,
        "encoder_layers": _layers(weights, "encoder"),
        "encoder_attention_heads": weights.heads("encoder"),
        "encoder_ffn_dim": weights.shape("encoder/layer_0/ffn/linear_0/weight")[0],
        "max_source_positions": weights.shape("encoder/position_encodings/encodings")[0],
        "decoder_layers": _layers(weights, "decoder"),
        "decoder_attention_heads": weights.heads("decoder"),
        "decoder_ffn_dim": weights.shape("decoder/layer_0/ffn/linear_0/weight")[0],
        "vocab_size": vocabulary,
        "max_target_positions": weights.shape("decoder/position_encodings/encodings")[0],
    }


def _layers(weights: CTranslate2Whisper, stack: str) -> int:
    count = 0
    while weights.shape(f"{stack}/layer_{count}/ffn/linear_0/weight"):
        count += 1
    return count


def _whisper_names(config: dict[str, Any]) -> Iterable[str]:
    """Yields the parameters of a Whisper, without the stack's common prefix."""
    from models.speech_decoder import SpeechDecoder
    from models.speech_encoder import SpeechEncoder
    from models.weights import without_weights

    shape = whisper_shape(config)
    with without_weights():
        for stack, module in (("encoder", SpeechEncoder(shape)), ("decoder", SpeechDecoder(shape))):
            for name, _ in module.whisper.named_parameters():
                yield f"{stack}.{name}"


def _whisper_generation(
    tokenizer: JsonTokenizer, packed: Path, *, is_english: bool
) -> dict[str, Any]:
    """Returns how the decoder is begun and ended; only multilingual ones are told the language."""
    ids = {
        name: tokenizer.special_id(f"<|{name}|>")
        for name in ("startoftranscript", "en", "transcribe", "notimestamps", "endoftext")
    }
    if ids["startoftranscript"] is None or ids["endoftext"] is None:
        raise CheckpointError(f"{packed / 'tokenizer.json'} is not the tokenizer of a Whisper")
    listed = read_json(packed / "config.json")
    return {
        "decoder_start_token_id": ids["startoftranscript"],
        "eos_token_id": ids["endoftext"],
        "no_timestamps_token_id": ids["notimestamps"],
        "lang_to_id": {} if is_english else {"<|en|>": ids["en"]},
        "task_to_id": {} if is_english else {"transcribe": ids["transcribe"]},
        "suppress_tokens": listed.get("suppress_ids") or [],
        "alignment_heads": listed.get("alignment_heads") or [],
    }


def _unpack_llm(part: Part, packed: Path, staging: Path) -> None:
    folder = _new(staging)
    weights = GgufLlm(packed / _file(part, ".gguf"))
    write_tokenizer(folder / "tokenizer.json", weights.tokens)
    shapes = _llm_shapes(weights.config)
    if sum(map(math.prod, shapes.values())) > LARGE:
        _write_int8(folder, shapes, weights.read)
    else:
        _write_weights(folder, shapes, weights.read, "", torch.bfloat16)
    write_json(folder / "config.json", weights.config)


def _llm_shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    from models.llm import LanguageModel
    from models.weights import without_weights

    with without_weights():
        model = LanguageModel(config, None)
    return {name: tuple(p.shape) for name, p in model.causal.named_parameters()}


def _write_int8(
    folder: Path, shapes: Mapping[str, tuple[int, ...]], read: Callable[[str], Tensor]
) -> None:
    """Writes matrices in 8 bits, and the rest in 32."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}

    def add(name: str) -> None:
        weight = read(name)
        if weight.ndim == 2:
            tensors[name], tensors[f"{name}{SCALE}"] = Int8Rows.of(weight)
        else:
            tensors[name] = weight.float()

    with ThreadPoolExecutor(min(4, torch.get_num_threads())) as pool:  # the library takes one core
        list(pool.map(add, shapes))
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})


KINDS: dict[str, Callable[[Part, Path, Path], None]] = {
    "speech": _unpack_whisper,
    "llm": _unpack_llm,
}
READY = ("sentences",)
"""Kinds whose files are what `transformers` reads as they come."""


def _new(staging: Path) -> Path:
    folder = staging / "done"
    folder.mkdir()
    return folder


def _file(part: Part, suffix: str) -> str:
    return next(file.name for file in part.files if file.name.endswith(suffix))


def _write_weights(
    folder: Path,
    names: Iterable[str],
    read: Callable[[str], Tensor],
    prefix: str,
    dtype: torch.dtype,
) -> None:
    from safetensors.torch import save_file

    tensors = {f"{prefix}{name}": read(name).to(dtype).contiguous() for name in names}
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
