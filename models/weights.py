"""Weight files → tensors, one at a time: safetensors or pickles without code, sharded or not."""

import json
import pickle
import warnings
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

SAFETENSORS_INDEX = "model.safetensors.index.json"


class CheckpointError(Exception):
    """A checkpoint that cannot be used; the message is one sentence that names the remedy."""


class WeightFiles:
    """The tensors of a checkpoint folder by name; each is read when it is asked for.

    A shard may hold more than the index assigns to it: what another shard brings anew, or nobody
    needs any more, is not read, so that a part can be exchanged without writing the rest again.

    Args:
        folder: Holds `model.safetensors` or `pytorch_model.bin`, or shards and their index.

    Raises:
        CheckpointError: There are no weights, a shard is missing, or a file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._readers: dict[str, Callable[[], Tensor]] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._unread = set[str]()
        self._assigned = _shards_by_name(folder)
        for path in weight_paths(folder):
            if path.suffix == ".safetensors":
                self._add_safetensors(path)
            else:
                self._add_pickle(path)
        self._unread.update(self._readers)

    def names(self) -> list[str]:
        """Returns the names of all tensors."""
        return list(self._readers)

    def shape(self, name: str) -> tuple[int, ...]:
        """Returns the shape of one tensor without reading it."""
        return self._shapes[name]

    def check_all_read(self, known: Collection[str]) -> None:
        """Holds that a model had a place for every tensor.

        Args:
            known: Names that stand for a tensor that was read by another name, or for no weights.

        Raises:
            CheckpointError: It had none for some, such as weights of another model.
        """
        if extra := sorted(self._unread.difference(known)):
            more = f" and {len(extra) - 3} more" if len(extra) > 3 else ""
            raise CheckpointError(
                f"{self.folder} holds tensors that config.json has no place for "
                f"({', '.join(extra[:3])}{more}): weights and configuration belong to different "
                "models, copy both again from one checkpoint"
            )

    def read(self, name: str) -> Tensor:
        """Returns one tensor, mapped from its file.

        Raises:
            CheckpointError: There is no such tensor, or there are values in it that are no numbers.
        """
        if name not in self._readers:
            raise CheckpointError(
                f"{self.folder} lacks the tensor {name}: the checkpoint is incomplete, copy or "
                "download it again"
            )
        tensor = self._readers[name]()
        self._unread.discard(name)
        # One such value makes every answer one: the sum tells without a copy.
        if tensor.is_floating_point() and not tensor.sum(dtype=torch.float32).isfinite():
            raise CheckpointError(
                f"{self.folder}: the tensor {name} holds values that are no numbers: its training "
                "went wrong or the file is damaged, use an earlier checkpoint or copy it again"
            )
        return tensor

    def _add_safetensors(self, path: Path) -> None:
        from safetensors import SafetensorError, safe_open

        try:
            file = cast(Any, safe_open(path, framework="pt"))
            for name in file.keys():  # noqa: SIM118 - not a mapping
                if self._assigned and self._assigned.get(name) != path.name:
                    continue
                # Opened anew for each, so that what was read need not stay mapped until the end.
                self._readers[name] = lambda name=name: safe_open(path, framework="pt").get_tensor(
                    name
                )
                self._shapes[name] = tuple(file.get_slice(name).get_shape())
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path} is damaged ({error}): download it again") from error

    def _add_pickle(self, path: Path) -> None:
        state = read_pickle(path)
        for name, tensor in state.items():
            self._readers[name] = lambda tensor=tensor: tensor
            self._shapes[name] = tuple(tensor.shape)


def _shards_by_name(folder: Path) -> dict[str, str]:
    """Returns which shard has each tensor; empty where safetensors have no index."""
    index = folder / SAFETENSORS_INDEX
    return read_json(index).get("weight_map", {}) if index.exists() else {}


def weight_paths(folder: Path) -> list[Path]:
    """Returns the weight files of `folder`, safetensors first where both kinds are there.

    Raises:
        CheckpointError: There are none, or the index names a file that is missing.
    """
    for single, index in (
        ("model.safetensors", SAFETENSORS_INDEX),
        ("pytorch_model.bin", "pytorch_model.bin.index.json"),
    ):
        if (folder / index).exists():
            shards = sorted(set(read_json(folder / index).get("weight_map", {}).values()))
            missing = [name for name in shards if not (folder / name).is_file()]
            if missing or not shards:
                raise CheckpointError(
                    f"{folder / index} names {', '.join(missing) or 'no file'}, which is missing: "
                    "download the checkpoint again"
                )
            return [folder / name for name in shards]
        if (folder / single).exists():
            return [folder / single]
    raise CheckpointError(
        f"{folder} holds no weights: model.safetensors or pytorch_model.bin is expected, or shards "
        "with their index"
    )


def read_pickle(path: Path) -> dict[str, Tensor]:
    """Returns the tensors of a `.bin` file; code in it is refused and never run.

    Raises:
        CheckpointError: It holds anything but tensors, or is damaged.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            except RuntimeError:
                # Files of before torch 1.6 are no archives and cannot be mapped.
                state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} holds more than tensors and was not run: it may be malicious, use a "
            "checkpoint in safetensors format"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path} is damaged: download it again") from error
    if not isinstance(state, dict) or not all(
        isinstance(v, Tensor) for v in cast(dict[Any, Any], state).values()
    ):
        raise CheckpointError(f"{path} is no table of tensors: use the weights of a model")
    return cast(dict[str, Tensor], state)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file so that a reader meets the old or the new content, never a part."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """Returns the object in a JSON file.

    Raises:
        CheckpointError: It is missing or no JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing: copy the whole checkpoint") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} is no readable JSON file ({error})") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} holds no JSON object")
    return cast(dict[str, Any], value)


@contextmanager
def without_weights() -> Generator[None]:
    """Builds modules whose parameters take no memory; buffers are real."""
    register = nn.Module.register_parameter

    def register_empty(self: nn.Module, name: str, param: nn.Parameter | None) -> None:
        if param is not None and not param.is_meta:
            param = nn.Parameter(param.to("meta"), requires_grad=param.requires_grad)
            # transformers would draw random numbers for each, which takes a third of a load's time.
            setattr(param, "_is_hf_initialized", True)  # noqa: B010 - no attribute of Parameter
        register(self, name, param)

    nn.Module.register_parameter = register_empty
    try:
        yield
    finally:
        nn.Module.register_parameter = register


def fill_parameters(
    model: nn.Module,
    read: Callable[[str, tuple[int, ...]], Tensor],
    *,
    dtype: torch.dtype,
    device: torch.device,
) -> None:
    """Gives every parameter of `model` its weights, in place; shared ones stay shared.

    Args:
        model: Built inside `without_weights`, or not.
        read: Name and shape → tensor; raises `CheckpointError` where there is none.
        dtype: Of all parameters afterwards.
        device: Of parameters and buffers afterwards.

    Raises:
        CheckpointError: A tensor is missing or has another shape.
    """
    owners: dict[int, list[tuple[str, nn.Module, str]]] = {}
    for prefix, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            full = f"{prefix}.{name}" if prefix else name
            owners.setdefault(id(parameter), []).append((full, module, name))
    for places in owners.values():
        full, module, name = places[0]
        old = module.get_parameter(name)
        tensor = read(full, tuple(old.shape))
        if tuple(tensor.shape) != tuple(old.shape):
            raise CheckpointError(
                f"the tensor {full} has the shape {list(tensor.shape)} and config.json asks for "
                f"{list(old.shape)}: weights and configuration belong to different models"
            )
        new = nn.Parameter(
            tensor.to(device=device, dtype=dtype, copy=True), requires_grad=old.requires_grad
        )
        for _, owner, attribute in places:
            owner.register_parameter(attribute, new)
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.to(device))
