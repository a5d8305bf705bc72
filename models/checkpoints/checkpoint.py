"""Checkpoints: saving in our layout; loading ours and the published one."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import torch
from torch import Tensor, nn

from models.checkpoints.composed import (
    ComposedWeights,
    PartWeights,
    names_in_part,
    part_folders,
)
from models.checkpoints.hub import checkpoint_folder
from models.checkpoints.published import PublishedWeights, is_published, published_config
from models.config import FORMAT, BlspEmoConfig, from_mapping
from models.int8 import LARGE, Int8Linear, has_engine, quantize_layers, stored_bytes, take_stored
from models.precision import (
    DtypeName,
    check_fits,
    choose_device,
    choose_dtype,
)
from models.tokenizer import JsonTokenizer, QwenTokenizer, Tokenizer
from models.weights import (
    CheckpointError,
    WeightFiles,
    fill_parameters,
    read_json,
    without_weights,
)

if TYPE_CHECKING:
    from models.blsp_emo import BlspEmo

SHARD_BYTES = 4 * 2**30
"""Larger checkpoints are saved in several files."""

WEIGHTS = "model.safetensors"
DECODER_TOKENIZER = "whisper_tokenizer.json"

M = TypeVar("M", bound=nn.Module)


def save(
    model: "BlspEmo",
    folder: str | Path,
    *,
    dtype: torch.dtype | None = None,
    llm_changes: Mapping[str, Tensor] | None = None,
) -> None:
    """Writes a checkpoint in our layout: config.json, weights and tokenizers.

    Each file appears whole or not at all, the configuration last.

    Args:
        model: Not quantised; its LLM may be, where `llm_changes` are given.
        folder: Created where it is missing.
        dtype: Number format of the weights in the file; that of the model if not given.
        llm_changes: Tensors that are written in place of the LLM's own, which a part gives.

    Raises:
        ValueError: The model is quantised.
    """
    if llm_changes is None and any(isinstance(m, Int8Linear) for m in model.modules()):
        raise ValueError("a model in 8 bits cannot be saved: load it with another dtype")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: (p.detach() if dtype is None else p.detach().to(dtype)).cpu().contiguous()
        for name, p in model.named_parameters()
        if llm_changes is None or not name.startswith("llm.") or names_in_part(name) is None
    }
    _write_weights({**tensors, **(llm_changes or {})}, folder)
    if model.has_tokenizer:
        model.tokenizer.save(folder)
    if model.has_decoder_tokenizer:
        _replace(folder / DECODER_TOKENIZER, lambda p: _save_tokenizer(model, p))
    text = json.dumps(model.config.to_mapping(), indent=1) + "\n"
    _replace(folder / "config.json", lambda path: path.write_text(text, encoding="utf-8"))


def load(
    source: str | Path,
    build: Callable[..., M],
    *,
    dtype: DtypeName = "auto",
    device: str = "auto",
    quantize: Literal["none", "int8"] = "none",
) -> M:
    """Returns `build(config, …)`, given tokenizers, with the weights of `source`.

    Args:
        source: As for `checkpoint_folder`.
        build: `BlspEmo`.
        dtype: Number format of the weights; int8 chooses its own for the rest, and `auto` is int8
            on a CPU where a part stores its weights so.
        device: `auto`, `cpu`, `cuda`, …
        quantize: `int8` for the large linear layers, on a CPU only.

    Raises:
        CheckpointError: The checkpoint or the device cannot be used.
    """
    folder = checkpoint_folder(source)
    config, published = read_config(folder)
    target = choose_device(device)
    if quantize == "int8" and target.type != "cpu":
        raise CheckpointError("int8 runs on the CPU only: use --device cpu, or another --dtype")
    if quantize == "int8" and not has_engine():
        raise CheckpointError(
            "torch computes in int8 on no processor like this: use another --dtype"
        )
    parts = part_folders(config.parts) if config.parts is not None else {}
    tokenizer = read_tokenizer(parts.get("llm", folder))
    decoder_tokenizer = _read_json_tokenizer(
        parts["speech"] / "tokenizer.json" if "speech" in parts else folder / DECODER_TOKENIZER
    )
    try:
        with without_weights():
            model = build(config, tokenizer=tokenizer, decoder_tokenizer=decoder_tokenizer)
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{folder / 'config.json'} describes no model: {error}") from error
    files = WeightFiles(folder)
    if published:
        reader = PublishedWeights(files, has_lora=config.lora is not None)
    else:
        reader = ComposedWeights(files, PartWeights(parts))
        is_chosen = reader.holds_int8 and dtype == "auto" and target.type == "cpu"
        if is_chosen and has_engine():
            quantize = "int8"
        if quantize == "int8":
            check_fits(model, torch.float32, target, stored_bytes(model, reader.is_stored))
            take_stored(model, reader.stored, reader.read)
    parameters = sum(p.numel() for p in model.parameters())
    if quantize == "int8":
        dtype = "bfloat16" if parameters > LARGE else "float32"
    number_format = choose_dtype(dtype, target, parameters=parameters)
    check_fits(model, number_format, target)
    fill_parameters(model, reader.read, dtype=number_format, device=target)
    # The published files hold tables of their own program too; ours hold parameters alone.
    if not published:
        files.check_all_read(_all_names(model))
    if quantize == "int8":
        _quantize(cast("BlspEmo", model))
    return model.eval()


def _quantize(model: "BlspEmo") -> None:
    quantize_layers(model.llm)
    quantize_layers(model.speech_encoder)
    if model.decoder is not None:
        model.decoder.quantize()
    model.float()


def _all_names(model: nn.Module) -> set[str]:
    """Returns the names of all parameters, also those that share their weights, and buffers."""
    kinds = (model.named_parameters, model.named_buffers)
    return {name for kind in kinds for name, _ in kind(remove_duplicate=False)}


def read_config(folder: Path) -> tuple[BlspEmoConfig, bool]:
    """Returns the configuration in `folder`, and whether it is of the published layout.

    Raises:
        CheckpointError: It is missing, damaged, or of a layout that is not known.
    """
    path = folder / "config.json"
    mapping = read_json(path)
    try:
        if is_published(mapping):
            return published_config(mapping), True
        if mapping.get("format") == FORMAT:
            return from_mapping(BlspEmoConfig, mapping), False
    except KeyError as error:
        raise CheckpointError(f"{path} lacks the key {error}: copy the checkpoint again") from error
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path} cannot be used: {error}") from error
    raise CheckpointError(
        f"{path} is not of a BLSP-Emo model: use a checkpoint that `python -m train` wrote, or "
        "one in the layout of cwang621/blsp-emo"
    )


def read_tokenizer(folder: Path) -> Tokenizer:
    """Returns the tokenizer in `folder`.

    Raises:
        CheckpointError: There is none, or it is damaged.
    """
    found = _read_json_tokenizer(folder / "tokenizer.json")
    if found is not None:
        return found
    path = folder / "qwen.tiktoken"
    if not path.exists():
        raise CheckpointError(
            f"{folder} holds neither tokenizer.json nor qwen.tiktoken: copy the checkpoint again"
        )
    try:
        return QwenTokenizer(path)
    except (ValueError, OSError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error


def _read_json_tokenizer(path: Path) -> JsonTokenizer | None:
    if not path.exists():
        return None
    file = path.with_name("tokenizer_config.json")
    settings = read_json(file) if file.exists() else {}
    template, start = settings.get("chat_template"), settings.get("bos_token")
    jinja = path.with_name("chat_template.jinja")
    if jinja.exists():
        template = jinja.read_text(encoding="utf-8")
    if isinstance(start, dict):
        start = cast(dict[str, Any], start).get("content")
    try:
        return JsonTokenizer(
            path,
            chat_template=template if isinstance(template, str) else None,
            start_token=start if isinstance(start, str) else "",
        )
    except ValueError as error:
        raise CheckpointError(f"{error}: copy it again") from error


def _save_tokenizer(model: "BlspEmo", path: Path) -> None:
    tokenizer = model.decoder_tokenizer
    assert isinstance(tokenizer, JsonTokenizer), "a decoder's own tokenizer is a tokenizer.json"
    tokenizer.save_file(path)


def _write_weights(tensors: dict[str, Tensor], folder: Path) -> None:
    """Writes one file, or several and their index where they are large."""
    from safetensors.torch import save_file

    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        if size + tensor.nbytes > SHARD_BYTES and shards[-1]:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += tensor.nbytes
    if len(shards) == 1:
        (folder / f"{WEIGHTS}.index.json").unlink(missing_ok=True)
        _replace(folder / WEIGHTS, lambda path: save_file(shards[0], str(path)))
        return
    weight_map: dict[str, str] = {}
    for index, shard in enumerate(shards, start=1):
        file = f"model-{index:05d}-of-{len(shards):05d}.safetensors"
        _replace(folder / file, lambda path, shard=shard: save_file(shard, str(path)))
        weight_map.update(dict.fromkeys(shard, file))
    text = json.dumps({"metadata": {}, "weight_map": weight_map}, indent=1)
    _replace(folder / f"{WEIGHTS}.index.json", lambda path: path.write_text(text))


def _replace(path: Path, write: Callable[[Path], Any]) -> None:
    """Lets `write` write a file beside `path`, then puts it in its place."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
