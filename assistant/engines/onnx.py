"""Opens ONNX files with onnxruntime, without torch, and lets those of voices speak."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from assistant.audio.waveform import Waveform
from assistant.errors import EngineFailed, EngineUnavailable


def open_session(path: Path, *, engine: str, remedy: str, threads: int = 1) -> Any:
    """Returns an inference session for `path` on the CPU.

    Args:
        path: Of the network.
        engine: What it is for, as messages name it.
        remedy: What helps where the file cannot be loaded.
        threads: That compute one call, the caller's own among them.

    Raises:
        EngineUnavailable: onnxruntime is missing, or the file is missing or damaged.
    """
    try:
        onnxruntime: Any = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise EngineUnavailable(f"{engine} needs onnxruntime: `pip install onnxruntime`") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common base but Exception
        raise EngineUnavailable(f"{engine} cannot load {path}: {remedy}") from error


def spoken_by(session: Any, inputs: Mapping[str, Any], *, engine: str) -> Waveform:
    """Returns the waveform that the network of a voice makes of `inputs`.

    Raises:
        EngineFailed: It broke; the next call may work.
    """
    try:
        (audio,) = session.run(None, inputs)
    except Exception as error:  # onnxruntime's errors have no common base but Exception
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise EngineFailed(f"{engine} broke while speaking ({reason})") from error
    return np.asarray(audio, dtype=np.float32).reshape(-1)
