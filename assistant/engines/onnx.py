"""Opens an ONNX file with onnxruntime, without torch."""

import importlib
from pathlib import Path
from typing import Any

from assistant.errors import EngineUnavailable


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
