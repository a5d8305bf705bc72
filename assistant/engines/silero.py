"""Voice activity detection: Silero VAD's own ONNX file, through onnxruntime, without torch."""

import functools
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.engines.onnx import open_session
from assistant.errors import EngineFailed, EngineUnavailable

_REMEDY = "reinstall it with `pip install --force-reinstall silero-vad onnxruntime`"
_CONTEXT_SAMPLES = 64
_STATE_SHAPE = (2, 1, 128)


class Silero:
    """The probability that a frame of 32 ms holds speech; one object for each conversation.

    The file comes with the `silero-vad` package, which is not imported: importing it loads torch
    and sets the whole process to one thread.
    """

    sample_rate = SPEECH_RATE_HZ
    frame_samples = 512

    def __init__(self) -> None:
        """Loads the network with the first object of the process; it keeps no state itself.

        Raises:
            EngineUnavailable: The packages `silero-vad` or `onnxruntime` are missing or broken.
        """
        self._session = _network(_model_path())
        self._rate = np.array(SPEECH_RATE_HZ, dtype=np.int64)
        self.reset()

    def probability(self, frame: Waveform) -> float:
        """Returns the probability in [0, 1] that `frame`, 512 samples at 16 kHz, holds speech."""
        if frame.shape != (self.frame_samples,):
            raise EngineFailed(
                f"Silero VAD takes frames of {self.frame_samples} samples, not {frame.shape}"
            )
        samples = np.concatenate([self._context, np.asarray(frame, dtype=np.float32)])
        inputs = {"input": samples[np.newaxis], "state": self._state, "sr": self._rate}
        probability, self._state = self._session.run(None, inputs)
        self._context = samples[-_CONTEXT_SAMPLES:]
        return float(probability[0, 0])

    def reset(self) -> None:
        """Forgets what was heard so far."""
        self._state: Any = np.zeros(_STATE_SHAPE, dtype=np.float32)
        self._context = np.zeros(_CONTEXT_SAMPLES, dtype=np.float32)


@functools.cache
def _network(path: Path) -> Any:
    """Returns the network, on one thread; it may be shared: the state goes in and comes out."""
    return open_session(path, engine="Silero VAD", remedy=_REMEDY)


def _model_path() -> Path:
    spec = importlib.util.find_spec("silero_vad")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).with_name("data") / "silero_vad.onnx"
        if path.is_file():
            return path
    raise EngineUnavailable(f"the Silero VAD file is not installed: {_REMEDY}")
