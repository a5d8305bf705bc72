from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assistant.engines.protocols import SpeakingStyle
from assistant.engines.voices import kokoro
from assistant.engines.voices.kokoro import LONGEST, SYMBOLS, Kokoro
from assistant.errors import EngineFailed, EngineUnavailable, SettingsError
from models.pretrained.store import Store
from tests.assistant.engines.voices.voice_checks import recognised, spoken, voice_or_skip

WIDTH = 4


class Network:
    """Hums as long as the network would speak: 40 ms for each phoneme, divided by the speed."""

    def __init__(self) -> None:
        self.speeds: list[float] = []
        self.lengths: list[int] = []
        self.error: Exception | None = None

    def run(self, _outputs: None, inputs: dict[str, Any]) -> list[Any]:
        if self.error is not None:
            raise self.error
        tokens = inputs["tokens"]
        assert tokens[0, 0] == tokens[0, -1] == 0
        count = tokens.shape[1] - 2
        assert inputs["style"].tolist() == [[float(count - 1)] * WIDTH]
        self.lengths.append(count)
        self.speeds.append(float(inputs["speed"][0]))
        samples = round(count * 960 / inputs["speed"][0])
        return [0.3 * np.sin(0.06 * np.arange(samples, dtype=np.float32))]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Network:
    voice_or_skip("espeak")
    made = Network()
    styles = np.repeat(np.arange(LONGEST, dtype=np.float32), WIDTH)
    for name in ("af_heart", "bf_emma"):
        (tmp_path / f"{name}.bin").write_bytes(styles.tobytes())
    monkeypatch.setattr(kokoro, "open_session", lambda *_args, **_kwargs: made)
    monkeypatch.setattr(Store, "open", lambda *_args: tmp_path)
    return made


@pytest.fixture
def voice(network: Network) -> Iterator[Kokoro]:
    opened = Kokoro()
    yield opened
    opened.close()


def _written(voice: Kokoro, words: str) -> str:
    names = {number: symbol for symbol, number in SYMBOLS.items()}
    return "".join(names[number] for number in voice.symbols(words))


def test_words_are_spelled_in_the_networks_alphabet(voice: Kokoro) -> None:
    assert _written(voice, "Oh, now I go.") == "ˈO, nˈW I ɡˈO."
    assert "ʧ" in _written(voice, "cheese") and "ʤ" in _written(voice, "joy")
    assert "ɔ" in _written(voice, "four") and "ᵊn" in _written(voice, "button")


def test_a_british_voice_pronounces_as_the_british_do(network: Network) -> None:
    emma = Kokoro("bf_emma")
    assert "Q" in _written(emma, "go home") and "ɑː" in _written(emma, "car")
    emma.close()


def test_the_rate_is_an_input_of_the_network(voice: Kokoro, network: Network) -> None:
    slow = spoken(voice, "Hello there.", SpeakingStyle(rate=0.8))
    usual = spoken(voice, "Hello there.")
    assert network.speeds == pytest.approx([0.8, 1.0])
    assert len(slow) > 1.15 * len(usual)


def test_what_is_longer_than_the_network_takes_is_spoken_whole_and_cut_between_words(
    voice: Kokoro, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kokoro, "LONGEST", 20)
    symbols = voice.symbols("many words and then some more words")
    assert len(spoken(voice, "many words and then some more words"))
    assert sum(network.lengths) == len(symbols) and max(network.lengths) <= 20
    ends = np.cumsum(network.lengths)[:-1]
    assert len(ends) and all(symbols[end] == SYMBOLS[" "] for end in ends)


def test_a_network_that_breaks_fails_the_turn_alone(voice: Kokoro, network: Network) -> None:
    network.error = RuntimeError("bad input\nlong story")
    with pytest.raises(EngineFailed, match=r"broke while speaking \(bad input\)"):
        spoken(voice, "Hello.")
    network.error = None
    assert len(spoken(voice, "Hello."))
    assert len(spoken(voice, "🙂")) == 0


def test_a_voice_that_there_is_not_names_those_that_there_are() -> None:
    with pytest.raises(SettingsError, match="no voice 'nobody': use one of af_heart, af_bella"):
        Kokoro("nobody")


def test_kokoro_that_was_not_fetched_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    with pytest.raises(EngineUnavailable, match=r"python app.py models get kokoro.*89 MB"):
        Kokoro()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["af_heart", "am_michael", "bf_emma", "bm_george"])
def test_kokoro_is_understood_in_every_style(name: str) -> None:
    voice = voice_or_skip(f"kokoro:{name}")
    assert isinstance(voice, Kokoro)
    for style in (SpeakingStyle(), SpeakingStyle(rate=0.85, pitch=-1.5, pitch_range=0.7)):
        said = recognised(spoken(voice, "Please tell me what happened.", style), voice.sample_rate)
        assert len(set(said.split()) & set("please tell me what happened".split())) >= 4
    voice.close()
