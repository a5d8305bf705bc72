"""What works on this machine, and how to mend what does not."""

import asyncio
import ctypes.util
import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from assistant.engines.address import USUAL
from assistant.engines.chat_server.finding import open_client, usual_servers
from assistant.engines.parts import default_parts
from assistant.engines.settings import LLM_KEY, LlmSettings
from assistant.errors import AssistantError, EngineFailed
from models.checkpoints.embedded import EMBEDDED, folder_of, parts_of_model
from models.pretrained.store import Store, megabytes

_CPU_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "bf16")
_LEAST_FREE_GB = 2.0


class State(StrEnum):
    """How a part fares."""

    WORKS = "works"
    OPTIONAL = "optional"
    """Not there, but a conversation does without it."""
    MISSING = "missing"
    """Not there, and something that most people need fails without it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table."""

    part: str
    state: State
    found: str
    remedy: str = ""


def examine(llm: LlmSettings | None = None) -> list[Check]:
    """Returns the checks of all parts; a check that breaks is itself a finding.

    Args:
        llm: The LLM server that is to answer; where none is named, the usual ones are looked for.
    """
    parts: list[tuple[str, Callable[[], Iterable[Check]]]] = [
        ("Python", _python),
        ("PyTorch", _torch),
        ("processor", _processor),
        ("embedded model", _embedded),
        ("parts", _parts),
        ("cached checkpoints", _checkpoints),
        ("speech detection", _speech_detection),
        ("voices", _voices),
        ("LLM servers", partial(_llm_servers, llm or LlmSettings())),
        ("microphone and speaker", _sound_devices),
        ("ffmpeg", _ffmpeg),
        ("web page", _web),
        ("disk", _disk),
    ]
    checks: list[Check] = []
    for part, examine_part in parts:
        try:
            checks.extend(examine_part())
        except (AssistantError, ImportError, OSError, RuntimeError, ValueError) as error:
            checks.append(
                Check(part, State.MISSING, f"{type(error).__name__}: {error}", _REINSTALL)
            )
    return checks


_REINSTALL = "install Attune anew: pip install -e ."


def as_json(checks: list[Check]) -> str:
    """Returns the checks as one JSON object, by part."""
    return json.dumps({check.part: asdict(check) for check in checks}, indent=2)


def _python() -> Iterable[Check]:
    yield Check("Python", State.WORKS, f"{platform.python_version()} on {platform.platform()}")


def _torch() -> Iterable[Check]:
    try:
        torch: Any = importlib.import_module("torch")
    except ImportError:
        yield Check("PyTorch", State.MISSING, "not installed", "pip install -e .")
        return
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU build"
    yield Check("PyTorch", State.WORKS, f"{torch.__version__} ({build})")
    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        yield Check("GPU", State.WORKS, f"{torch.cuda.get_device_name(0)}, {memory:.0f} GiB")
    elif torch.version.cuda:
        yield Check(
            "GPU",
            State.OPTIONAL,
            "this PyTorch can use one, none is visible",
            "install the NVIDIA driver, or stay on the CPU",
        )
    else:
        yield Check(
            "GPU",
            State.OPTIONAL,
            f"none used: PyTorch is a CPU build (enough for {EMBEDDED})",
            "for a 7B model: a CUDA build of PyTorch and a GPU",
        )


def _processor() -> Iterable[Check]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limit = os.environ.get("OMP_NUM_THREADS")
    threads = f"{cores} cores" + (f", OMP_NUM_THREADS={limit}" if limit else "")
    flags = _cpu_flags()
    shown = ", ".join(flag for flag in _CPU_FLAGS if flag in flags) or platform.machine()
    yield Check("processor", State.WORKS, f"{threads}; {shown}")


def processor_name() -> str:
    """Returns what the processor calls itself; its architecture where it does not say."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _cpu_flags() -> set[str]:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return set()
    for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith(("flags", "Features")):
            return set(line.split(":", 1)[1].split())
    return set()


def _embedded() -> Iterable[Check]:
    row = "embedded model"
    weights = folder_of(EMBEDDED) / "model.safetensors"
    if weights.exists() and weights.stat().st_size > 10_000:
        without = [part.name for part in parts_of_model(EMBEDDED) if not Store().has(part)]
        found = f"{EMBEDDED}, {megabytes(weights.stat().st_size)}"
        if without:
            found += f", completed at its first use by {' and '.join(without)}"
        yield Check(row, State.WORKS, found)
    else:
        yield Check(
            row,
            State.MISSING,
            f"{weights} is missing",
            f"`git checkout models/{EMBEDDED}` brings it back; or name another by --model",
        )


def _parts() -> Iterable[Check]:
    """Yields the parts that model and voice take where nobody names others."""
    store = Store()
    for part in default_parts():
        if store.has(part):
            where = f"{megabytes(part.bytes)} in {store.folder / part.name}"
            yield Check(f"part {part.name}", State.WORKS, where)
        else:
            fetched = f"{megabytes(part.sources[0].bytes)}, licence {part.licence}"
            yield Check(
                f"part {part.name}",
                State.OPTIONAL,
                f"not on this machine: fetched at its first use ({fetched})",
                "to have it now: python app.py doctor --fetch",
            )


def _checkpoints() -> Iterable[Check]:
    cache = Path(
        os.environ.get("HF_HUB_CACHE")
        or Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface") / "hub"
    )
    names = sorted(
        folder.name.removeprefix("models--").replace("--", "/")
        for folder in cache.glob("models--*")
    )
    if names:
        yield Check("cached checkpoints", State.WORKS, f"{', '.join(names)} in {cache}")
    else:
        yield Check(
            "cached checkpoints",
            State.OPTIONAL,
            f"none in {cache}",
            f"not needed for {EMBEDDED}; --model cwang621/blsp-emo downloads 15 GB",
        )


def _speech_detection() -> Iterable[Check]:
    from assistant.engines.table import open_vad

    detector = open_vad("silero")
    version = importlib.metadata.version("silero-vad")
    rate = detector.sample_rate
    yield Check("speech detection", State.WORKS, f"Silero {version} at {rate} Hz")


def _voices() -> Iterable[Check]:
    from assistant.engines.table import ENGINES, open_voice

    working = 0
    rows: list[Check] = []
    # To ask what works here is no reason to join other machines, and one that hangs would be waited
    # for.
    here = [name for name, engine in ENGINES["voice"].items() if not engine.works_elsewhere]
    for name in here:
        try:
            voice = open_voice(name)
        except AssistantError as error:
            rows.append(Check(f"voice {name}", State.OPTIONAL, "not usable", str(error)))
        else:
            working += 1
            rows.append(Check(f"voice {name}", State.WORKS, f"speaks at {voice.sample_rate} Hz"))
    yield from rows
    if not working:
        yield Check("voices", State.MISSING, "none works", "apt install flite")


def _llm_servers(llm: LlmSettings) -> Iterable[Check]:
    """Yields what could answer in place of the model's own LLM."""
    if llm != LlmSettings():
        yield _named_server(llm)
        return
    found = asyncio.run(usual_servers())
    for one in found:
        models = ", ".join(one.models) or "no LLM yet"
        yield Check(f"LLM server {one.kind}", State.WORKS, f"{one.address.url}: {models}")
    if not found:
        yield Check(
            "LLM servers",
            State.OPTIONAL,
            f"none on this machine ({', '.join(USUAL)})",
            f"not needed: {EMBEDDED} has an LLM; one of your own answers by --llm-server",
        )


def _named_server(llm: LlmSettings) -> Check:
    async def ask() -> str:
        client, name = await open_client(llm, os.environ.get(LLM_KEY, ""))
        await client.close()
        where = "" if client.address.is_here else ", on another machine: your words are sent there"
        return f"{client.address.url}: {name}{where}"

    try:
        return Check("LLM server", State.WORKS, asyncio.run(ask()))
    except EngineFailed as error:
        return Check("LLM server", State.MISSING, "cannot be used", str(error))


def _sound_devices() -> Iterable[Check]:
    if ctypes.util.find_library("portaudio") is None and platform.system() == "Linux":
        yield Check(
            "microphone and speaker",
            State.OPTIONAL,
            "PortAudio is missing",
            "apt install libportaudio2",
        )
        return
    sounddevice: Any = importlib.import_module("sounddevice")
    for part, kind in (("microphone", "input"), ("speaker", "output")):
        try:
            device = sounddevice.query_devices(kind=kind)
        except (sounddevice.PortAudioError, ValueError):
            yield Check(
                part,
                State.OPTIONAL,
                "none found",
                "connect one or start the sound server; files and the web page work without",
            )
        else:
            yield Check(part, State.WORKS, str(device["name"]))


def _ffmpeg() -> Iterable[Check]:
    path = shutil.which("ffmpeg")
    if path:
        yield Check("ffmpeg", State.WORKS, path)
    else:
        remedy = "apt install ffmpeg (for m4a, webm, WMA, video sound and neural voices)"
        yield Check("ffmpeg", State.OPTIONAL, "not found", remedy)


def _web() -> Iterable[Check]:
    if importlib.util.find_spec("fastapi") and importlib.util.find_spec("uvicorn"):
        yield Check("web page", State.WORKS, f"FastAPI {importlib.metadata.version('fastapi')}")
    else:
        yield Check("web page", State.OPTIONAL, "not installed", "pip install -e '.[web]'")


def _disk() -> Iterable[Check]:
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    low = free_gb < _LEAST_FREE_GB
    yield Check(
        "free disk",
        State.MISSING if low else State.WORKS,
        f"{free_gb:.1f} GB in {Path.cwd()}",
        f"free some space: below {_LEAST_FREE_GB:.0f} GB recordings may fail" if low else "",
    )
