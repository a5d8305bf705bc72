from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assistant.engines.protocols import Transcript
from assistant.engines.smart_turn import INPUT, WINDOW_SAMPLES, SmartTurn, log_mel, mel_filters
from assistant.engines.table import open_turn_judge
from assistant.errors import EngineUnavailable
from models.torchaudio_guard import guard_torchaudio
from tests.fakes import speech_like

guard_torchaudio()
from transformers import WhisperFeatureExtractor  # noqa: E402


@pytest.mark.parametrize("seconds", [1.3, 8.0, 9.7])
def test_features_are_those_of_whisper(seconds: float) -> None:
    wave = speech_like((0.2, 0.7), (1.0, seconds - 0.2), length_s=seconds)
    window = np.zeros(WINDOW_SAMPLES, dtype=np.float32)
    window[-min(len(wave), WINDOW_SAMPLES) :] = wave[-WINDOW_SAMPLES:]
    extractor: Any = WhisperFeatureExtractor(chunk_length=8)  # pyright: ignore[reportUnknownVariableType]
    expected = extractor(window, sampling_rate=16_000, do_normalize=True, return_tensors="np")
    ours = log_mel(wave, mel_filters())
    assert ours.shape == (80, 800)
    assert ours.dtype == np.float32
    assert np.abs(ours - expected.input_features[0]).max() < 2e-3


class Session:
    """A network that says how loud the last second is."""

    def __init__(self, *_: object, **__: object) -> None:
        self.inputs = [type("Input", (), {"name": INPUT})]

    def get_inputs(self) -> list[Any]:
        return self.inputs

    def run(self, _: None, inputs: dict[str, Any]) -> list[Any]:
        return [inputs[INPUT][:, :, -100:].mean(axis=(1, 2))[:, np.newaxis]]


def test_it_judges_by_the_last_seconds_of_the_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxruntime.InferenceSession", Session)
    judge = open_turn_judge("smart_turn:smart-turn.onnx")
    going_on, over = speech_like((0.0, 3.0), length_s=3.0), speech_like((0.0, 1.5), length_s=3.0)
    scores = [judge.score(wave, Transcript("")) for wave in (going_on, over)]
    assert scores[0] is not None and scores[1] is not None
    assert 0.0 <= scores[1] < scores[0] <= 1.0
    assert judge.score(np.zeros(0, dtype=np.float32), Transcript("")) is None
    assert judge.score(np.zeros(900, dtype=np.float32), Transcript("")) is not None


def test_a_file_that_cannot_be_used_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    for name in ("missing.onnx", "broken.onnx"):
        with pytest.raises(EngineUnavailable, match=rf"{name}.*--turn-model"):
            SmartTurn(tmp_path / name)
    with pytest.raises(EngineUnavailable, match="needs its file: name a smart-turn-v3 file"):
        open_turn_judge("smart_turn")
    monkeypatch.setattr("onnxruntime.InferenceSession", Session)
    monkeypatch.setattr(Session, "get_inputs", lambda _: [])
    with pytest.raises(EngineUnavailable, match="is not Smart Turn v3"):
        SmartTurn(tmp_path / "other.onnx")
