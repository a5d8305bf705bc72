"""Device, number format and memory: what this machine can do with a model."""

from pathlib import Path
from typing import Literal, cast

import torch
from torch import nn

from models.weights import CheckpointError

DtypeName = Literal["auto", "float32", "bfloat16", "float16"]
SMALL = 50_000_000
"""Parameters up to which a model gains nothing from 16 bits."""
RESERVE = 1.15
"""Memory that loading takes, relative to the weights alone."""


def choose_device(name: str = "auto") -> torch.device:
    """Returns the device called `name`; `auto` is the GPU where there is one.

    Raises:
        CheckpointError: There is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise CheckpointError(f"there is no device {name!r}: use auto, cpu or cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise CheckpointError("there is no usable CUDA GPU here: use --device cpu")
    return device


def choose_dtype(name: DtypeName, device: torch.device, *, parameters: int) -> torch.dtype:
    """Returns the number format called `name`; `auto` takes the fastest that is exact enough.

    On a CPU bfloat16 is about 4 times faster than float32 where the processor multiplies it
    (AVX512-BF16, AMX) and 5 times slower where it does not; small models gain nothing. float16
    is emulated there and refused.

    Raises:
        CheckpointError: float16 on a CPU.
    """
    if name == "auto":
        if device.type == "cuda":
            return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        return torch.bfloat16 if cpu_multiplies_bf16() and parameters > SMALL else torch.float32
    if name == "float16" and device.type == "cpu":
        raise CheckpointError("float16 is a thousand times slower on a CPU: use float32 or auto")
    return cast(torch.dtype, getattr(torch, name))


def cpu_multiplies_bf16() -> bool:
    """Whether the processor has instructions for bfloat16 products."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def free_bytes(device: torch.device) -> int | None:
    """Returns the memory that is free on `device`; None where the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    limits = [v for v in (_available_by_system(), _available_by_group()) if v is not None]
    return min(limits) if limits else None


def check_fits(
    model: nn.Module, dtype: torch.dtype, device: torch.device, needed: int | None = None
) -> None:
    """Makes sure that the weights of `model` fit the memory, before they are read.

    Args:
        model: Whose parameters are counted.
        dtype: Their number format.
        device: Where they will lie.
        needed: Bytes of the weights, where they are not all in one number format.

    Raises:
        CheckpointError: They do not; the message says how much is missing and what helps.
    """
    numbers = sum(p.numel() for p in model.parameters())
    needed = int((numbers * dtype.itemsize if needed is None else needed) * RESERVE)
    free = free_bytes(device)
    if free is not None and needed > free:
        place = "the GPU" if device.type == "cuda" else "memory"
        raise CheckpointError(
            f"the model needs {needed / 2**30:.1f} GiB and {place} has {free / 2**30:.1f} GiB "
            "free: close other programs, choose a smaller number format (--dtype) or another "
            "device, or use a smaller model (--model mini)"
        )


def _available_by_system() -> int | None:
    """Returns what Linux believes can be allocated without swapping."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None


def _available_by_group() -> int | None:
    """Returns what is left of the control group's limit, as containers set it."""
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        used = int((group / "memory.current").read_text(encoding="ascii"))
        statistics = (group / "memory.stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    if limit == "max":
        return None
    cached = sum(int(s.split()[1]) for s in statistics if s.startswith("inactive_file "))
    return int(limit) - used + cached
