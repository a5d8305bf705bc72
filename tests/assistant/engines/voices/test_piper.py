import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assistant.engines.protocols import Cancel, SpeakingStyle
from assistant.engines.voices import piper
from assistant.engines.voices.piper import Piper
from assistant.errors import EngineFailed, EngineUnavailable, SettingsError
from tests.assistant.engines.voices.voice_checks import recognised, spoken, voice_or_skip

SYMBOLS = "_^$ .,?!abcdefghijklmnopqrstuvwxyzəɪɹʊˈˌ"
VOICE = {
    "audio": {"sample_rate": 16_000},
    "espeak": {"voice": "en-us"},
    "inference": {"noise_scale": 0.6, "length_scale": 1.0, "noise_w": 0.8},
    "phoneme_id_map": {symbol: [index] for index, symbol in enumerate(SYMBOLS)},
}


class Network:
    """Hums as long as the network would speak: 50 ms for each phoneme, times the length scale."""

    def __init__(self) -> None:
        self.scales: list[list[float]] = []
        self.error: Exception | None = None

    def run(self, _outputs: None, inputs: dict[str, Any]) -> list[Any]:
        if self.error is not None:
            raise self.error
        self.scales.append([float(scale) for scale in inputs["scales"]])
        count = inputs["input"].shape[1]
        assert inputs["input_lengths"].tolist() == [count]
        samples = round(count / 2 * 800 * inputs["scales"][1])
        return [0.3 * np.sin(0.06 * np.arange(samples, dtype=np.float32))[None, None, None]]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    voice_or_skip("espeak")
    made = Network()
    monkeypatch.setattr(piper, "open_session", lambda *_args, **_kwargs: made)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "voice.onnx").write_bytes(b"network")
    (tmp_path / "voice.onnx.json").write_text(json.dumps(VOICE), encoding="utf-8")
    return tmp_path


@pytest.fixture
def voice(network: Network, folder: Path) -> Iterator[Piper]:
    opened = Piper(str(folder))
    yield opened
    opened.close()


def test_words_become_phonemes_with_pads_between(voice: Piper) -> None:
    symbols = [SYMBOLS[index] for index in voice.phoneme_ids("Go now, please.")]
    assert symbols[0] == "^" and symbols[-1] == "$"
    assert set(symbols[1:-1:2]) == {"_"}
    text = "".join(symbols[2:-1:2])
    assert text.count(",") == text.count(".") == 1
    assert text.index(",") > text.index("n") and text.rstrip().endswith(".")


def test_rate_and_liveliness_are_inputs_of_the_network(voice: Piper, network: Network) -> None:
    style = SpeakingStyle(rate=0.8, pitch_range=0.7)
    slow, usual = spoken(voice, "Hello there.", style), spoken(voice, "Hello there.")
    assert len(slow) == pytest.approx(1.25 * len(usual), rel=0.1)
    assert network.scales[0] == pytest.approx([0.42, 1.25, 0.56])
    assert network.scales[1] == pytest.approx([0.6, 1.0, 0.8])


def test_a_reply_that_is_cut_off_asks_for_no_further_sentence(
    voice: Piper, network: Network
) -> None:
    cancel = Cancel()
    clips = voice.synthesize("One is here. Two is there.", SpeakingStyle(), cancel)
    next(clips)
    cancel.set()
    assert list(clips) == []
    assert len(network.scales) == 1


def test_a_network_that_breaks_fails_the_turn_alone(voice: Piper, network: Network) -> None:
    network.error = RuntimeError("bad input\nlong story")
    with pytest.raises(EngineFailed, match=r"broke while speaking \(bad input\)"):
        spoken(voice, "Hello.")
    network.error = None
    assert len(spoken(voice, "Hello."))


def test_text_without_words_is_silent(voice: Piper, network: Network) -> None:
    assert len(spoken(voice, "🙂")) == 0
    assert network.scales == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "is missing: it belongs beside the .onnx file"),
        ("{", "does not describe a Piper voice"),
        ("{}", "does not describe a Piper voice"),
        (json.dumps({**VOICE, "phoneme_id_map": {"_": [0]}}), "has no phoneme '\\^'"),
    ],
)
def test_a_voice_that_is_not_described_is_refused(
    text: str | None, why: str, network: Network, folder: Path
) -> None:
    described = folder / "voice.onnx.json"
    described.unlink() if text is None else described.write_text(text)
    with pytest.raises(SettingsError, match=why):
        Piper(str(folder))


def test_a_voice_that_is_not_there_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    with pytest.raises(EngineUnavailable, match=r"python app.py models get joe.*58 MB"):
        Piper()
    with pytest.raises(EngineUnavailable, match="no part 'nobody'"):
        Piper("nobody")
    with pytest.raises(SettingsError, match=r"holds no \.onnx file"):
        Piper(str(tmp_path))


@pytest.mark.slow
def test_joe_is_understood_in_every_style() -> None:
    joe = voice_or_skip("piper")
    assert isinstance(joe, Piper)
    for style in (SpeakingStyle(), SpeakingStyle(rate=0.85, pitch=-1.5, pitch_range=0.7)):
        said = recognised(spoken(joe, "Please tell me what happened.", style), joe.sample_rate)
        assert len(set(said.split()) & set("please tell me what happened".split())) >= 4
    joe.close()
