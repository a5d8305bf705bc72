"""Device, number format and memory: what this machine can do with a model."""

import logging
import re
from pathlib import Path
from typing import Literal, cast

import torch
from torch import nn

from models.weights import CheckpointError

logger = logging.getLogger(__name__)

NO_GPU = "there is no usable CUDA GPU here: use --device cpu"
NO_CUDA = (
    "there is an NVIDIA GPU here, and torch is a build without CUDA: install one with it "
    "(pytorch.org, Get Started), or use --device cpu"
)
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
        reason = why_no_gpu() if has_nvidia_card() else NO_GPU
        if reason and reason != NO_GPU:
            logger.warning("the CPU answers, which is slower: %s", reason)
        return torch.device("cuda" if torch.cuda.is_available() and not reason else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise CheckpointError(f"there is no device {name!r}: use auto, cpu or cuda") from error
    if device.type == "cuda" and (reason := why_no_gpu()):
        raise CheckpointError(reason)
    return device


def why_no_gpu() -> str:
    """Returns why no GPU can be used here, and what mends it; empty where one can."""
    if torch.version.cuda is None and torch.version.hip is None:
        return NO_CUDA if has_nvidia_card() else NO_GPU
    if torch.cuda.is_available():
        return _too_old_a_gpu()
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        if found := re.search(r"driver .*too old.*?version (\d+)", str(error), re.DOTALL):
            number = int(found[1])
            return (
                f"the NVIDIA driver here is made for CUDA {number // 1000}.{number % 1000 // 10} "
                f"and torch for CUDA {torch.version.cuda}: update the driver, or use --device "
                "cpu"
            )
        if has_nvidia_card():
            reason = str(error).strip().splitlines()[0].rstrip(".")
            return (
                f"the NVIDIA GPU here cannot be used ({reason}): see that `nvidia-smi` works, or "
                "use --device cpu"
            )
    return NO_GPU


def _too_old_a_gpu() -> str:
    """Returns that torch has no kernels for the GPU here; empty where it has."""
    major, minor = torch.cuda.get_device_capability()
    made_for = [name for name in torch.cuda.get_arch_list() if name.startswith("sm_")]
    oldest = min((int(re.sub(r"\D", "", name)) for name in made_for), default=0)
    if 10 * major + minor >= oldest:
        return ""
    return (
        f"{torch.cuda.get_device_name()} has compute capability {major}.{minor}, and this torch is "
        f"made for {oldest // 10}.{oldest % 10} and later: use --device cpu"
    )


def has_nvidia_card() -> bool:
    """Whether a driver of NVIDIA's runs here, whatever torch makes of it."""
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidia0").exists()


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
            # Emulated, as on cards before Ampere, it is many times slower than float16.
            can = torch.cuda.is_bf16_supported(including_emulation=False)
            return torch.bfloat16 if can else torch.float16
        return torch.bfloat16 if cpu_multiplies_bf16() and parameters > SMALL else torch.float32
    if name == "float16" and device.type == "cpu":
        raise CheckpointError("float16 is a thousand times slower on a CPU: use float32 or auto")
    if name == "bfloat16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise CheckpointError("this GPU has no bfloat16: use --dtype float16 or auto")
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
        format = "int8 or int4" if device.type == "cuda" else "bfloat16 or int8"
        raise CheckpointError(
            f"the model needs {needed / 2**30:.1f} GiB and {place} has {free / 2**30:.1f} GiB "
            f"free: close other programs, choose a smaller number format (--dtype {format}) or "
            "another device, or use a smaller model (--model mini)"
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
