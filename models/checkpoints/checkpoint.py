"""Checkpoints: the record of what one holds, read from a folder or written to one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import torch
from torch import Tensor

from models.checkpoints.composed import (
    ComposedWeights,
    PartWeights,
    names_in_part,
    part_folders,
)
from models.checkpoints.hub import checkpoint_folder
from models.checkpoints.published import PublishedWeights, is_published, published_config
from models.config import FORMAT, BlspEmoConfig, PartsConfig, from_mapping
from models.tokenizer import JsonTokenizer, QwenTokenizer, Tokenizer
from models.weights import SAFETENSORS_INDEX, CheckpointError, WeightFiles, read_json, write_json

SHARD_BYTES = 4 * 2**30
"""Larger checkpoints are saved in several files."""

WEIGHTS = "model.safetensors"
EARS_FILE = "ears.safetensors"
EARS = ("speech_encoder.", "decoder.", "emotion_head.")
"""Begin the names of the parameters that hear."""
EMOTION_FILE = "emotion.safetensors"
EMOTION_HEAD = "emotion_head."
"""Begins the names of the parameters that hear how somebody sounds."""
TALKS_FILE = "talks.safetensors"
LLM = "llm."
"""Begins the names of the LLM's parameters."""
VOICE_FILE = "voice.safetensors"
VOICE = "emotion_vectors."
"""Begins the names of the parameters that tell the LLM how somebody sounds."""
DECODER_TOKENIZER = "whisper_tokenizer.json"

StoredWeights = PublishedWeights | ComposedWeights
"""Weights in files, each read when it is asked for: a model of 15 GB never lies in memory twice."""
W = TypeVar("W")


@dataclass(frozen=True, slots=True)
class Checkpoint(Generic[W]):
    """What a checkpoint holds: what a model is built from, and what is written of it."""

    config: BlspEmoConfig
    tokenizer: Tokenizer | None
    """The LLM's."""
    decoder_tokenizer: Tokenizer | None
    """That of Whisper's decoder, where it has one of its own."""
    weights: W
    """`StoredWeights` of one that was opened, tensors by name in one that is to be written."""


def open_checkpoint(source: str | Path) -> Checkpoint[StoredWeights]:
    """Returns what `source` holds; its weights stay in their files.

    Args:
        source: As for `checkpoint_folder`.

    Raises:
        CheckpointError: It is missing, damaged, or of a layout that is not known.
    """
    folder = checkpoint_folder(source)
    config, published = read_config(folder)
    parts = part_folders(config.parts) if config.parts is not None else {}
    tokenizer = read_tokenizer(parts.get("llm", folder))
    decoder_tokenizer = _read_json_tokenizer(
        parts["speech"] / "tokenizer.json" if "speech" in parts else folder / DECODER_TOKENIZER
    )
    files = WeightFiles(folder)
    weights = (
        PublishedWeights(files, has_lora=config.lora is not None)
        if published
        else ComposedWeights(files, PartWeights(parts))
    )
    return Checkpoint(config, tokenizer, decoder_tokenizer, weights)


@dataclass(frozen=True, slots=True)
class StoredEars:
    """What of a checkpoint is needed to hear, without its LLM."""

    config: BlspEmoConfig
    tokenizer: Tokenizer | None
    """Of the decoder."""
    weights: ComposedWeights
    is_int8: bool
    """Whether they compute in 8 bits on a CPU, as with the LLM of the catalogue beside them."""


def open_ears(source: str | Path, *, of: tuple[str, ...] = EARS) -> StoredEars:
    """Returns the ears of what `source` holds; a part that is its LLM is not asked for.

    Args:
        source: As for `checkpoint_folder`.
        of: Begin the names of the parameters that are wanted.

    Raises:
        CheckpointError: It is missing, damaged, or of a layout that has no ears of their own.
    """
    folder = checkpoint_folder(source)
    config, published = read_config(folder)
    if published:
        raise CheckpointError(
            f"{source} cannot hear without its own language model: use --model mini"
        )
    parts = config.parts or PartsConfig()
    found = part_folders(replace(parts, llm=""))
    own = folder / DECODER_TOKENIZER
    if "speech" in found:
        tokenizer = _read_json_tokenizer(found["speech"] / "tokenizer.json")
    elif own.exists() or parts.llm:
        tokenizer = _read_json_tokenizer(own)
    else:  # the decoder shares the LLM's
        tokenizer = read_tokenizer(folder)
    weights = ComposedWeights(WeightFiles(folder), PartWeights(found), of=of)
    return StoredEars(config, tokenizer, weights, is_int8=bool(parts.llm))


def weights_to_save(
    parameters: Iterable[tuple[str, Tensor]],
    *,
    dtype: torch.dtype | None = None,
    llm_changes: Mapping[str, Tensor] | None = None,
) -> Mapping[str, Tensor]:
    """Returns the parameters of a model by name, as `save` writes them.

    Args:
        parameters: With their names.
        dtype: Number format; that of the parameters if not given.
        llm_changes: Tensors that stand in place of the LLM's own, which a part gives.
    """
    tensors = {
        name: (p.detach() if dtype is None else p.detach().to(dtype)).cpu().contiguous()
        for name, p in parameters
        if llm_changes is None or not name.startswith("llm.") or names_in_part(name) is None
    }
    return {**tensors, **(llm_changes or {})}


def save(checkpoint: Checkpoint[Mapping[str, Tensor]], folder: str | Path) -> None:
    """Writes a checkpoint in our layout: config.json, weights and tokenizers.

    Args:
        checkpoint: As `BlspEmo.checkpoint` gives it.
        folder: Created where it is missing.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _write_weights(checkpoint.weights, folder)
    if checkpoint.tokenizer is not None:
        checkpoint.tokenizer.save(folder)
    if (own := checkpoint.decoder_tokenizer) is not None:
        assert isinstance(own, JsonTokenizer), "a decoder's own tokenizer is a tokenizer.json"
        _replace(folder / DECODER_TOKENIZER, own.save_file)
    # Last, so that a folder which a kill left half written is not taken for a checkpoint.
    write_json(folder / "config.json", checkpoint.config.to_mapping())


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


def _write_weights(tensors: Mapping[str, Tensor], folder: Path) -> None:
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
        (folder / SAFETENSORS_INDEX).unlink(missing_ok=True)
        _replace(folder / WEIGHTS, lambda path: save_file(shards[0], str(path)))
        return
    weight_map: dict[str, str] = {}
    for index, shard in enumerate(shards, start=1):
        file = f"model-{index:05d}-of-{len(shards):05d}.safetensors"
        _replace(folder / file, lambda path, shard=shard: save_file(shard, str(path)))
        weight_map.update(dict.fromkeys(shard, file))
    _write_index(weight_map, folder)


def write_apart(tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Writes weights of a checkpoint whose rest comes from parts, in a file for each task.

    What hears words, what hears emotion, what the LLM was taught and what tells it of the voice
    have files of their own: each can be exchanged, and committed, without the others.
    """
    where = {name: _file_of(name) for name in tensors}
    for file in sorted({WEIGHTS, *where.values()}):
        _write_shard({name: t for name, t in tensors.items() if where[name] == file}, folder / file)
    _write_index(where, folder)


def _write_shard(tensors: Mapping[str, Tensor], path: Path) -> None:
    from safetensors.torch import save_file

    its = {name: tensor.contiguous() for name, tensor in tensors.items()}
    _replace(path, lambda part: save_file(its, str(part)))


def _write_index(where: Mapping[str, str], folder: Path) -> None:
    write_json(folder / SAFETENSORS_INDEX, {"metadata": {}, "weight_map": where})


def exchange(tensors: Mapping[str, Tensor], folder: Path, *, instead_of: str = "") -> None:
    """Lets the checkpoint in `folder` hold `tensors` in place of its own, in their task's file.

    Its other files stay as they are; what they still hold of the kind is named by the index no
    more, and so never read.

    Args:
        tensors: By the names of its parameters.
        folder: Of the checkpoint.
        instead_of: How the names begin of all that goes for it; empty: those of `tensors` alone.
    """
    index, new = folder / SAFETENSORS_INDEX, {name: _file_of(name) for name in tensors}
    known = dict.fromkeys(WeightFiles(folder).names(), WEIGHTS)
    before: dict[str, str] = read_json(index)["weight_map"] if index.exists() else known
    kept = {n: file for n, file in before.items() if not (instead_of and n.startswith(instead_of))}
    for file in sorted(set(new.values())):
        its = {name: tensor for name, tensor in tensors.items() if new[name] == file}
        _write_shard(its, folder / file)
    _write_index(kept | new, folder)


def _file_of(name: str) -> str:
    """Returns the file of a checkpoint in which `write_apart` puts a parameter."""
    if name.startswith(VOICE):
        return VOICE_FILE
    if name.startswith(LLM):
        return TALKS_FILE
    if name.startswith(EMOTION_HEAD):
        return EMOTION_FILE
    return EARS_FILE if name.startswith(EARS) else WEIGHTS


def _replace(path: Path, write: Callable[[Path], Any]) -> None:
    """Lets `write` write a file beside `path`, then puts it in its place."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
