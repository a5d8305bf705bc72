import sys
from types import SimpleNamespace

import numpy as np
import pytest

from assistant.audio.playback import Loudspeaker
from assistant.audio.waveform import AudioClip
from assistant.errors import DeviceError


class PortAudioError(Exception):
    """As sounddevice names it."""


class Stream:
    """An output stream that keeps what it is given."""

    opened: list["Stream"]

    def __init__(self, samplerate: int, channels: int, dtype: str) -> None:
        self.samplerate = samplerate
        self.shapes: list[tuple[int, ...]] = []
        self.state = "made"
        self.broken = False
        Stream.opened.append(self)

    def start(self) -> None:
        self.state = "playing"

    def write(self, samples: np.ndarray) -> None:
        if self.broken:
            raise PortAudioError("device unplugged")
        self.shapes.append(samples.shape)

    def stop(self) -> None:
        self.state = "stopped"

    def close(self) -> None:
        self.state = "closed"


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    Stream.opened = []
    fake = SimpleNamespace(
        PortAudioError=PortAudioError, OutputStream=Stream, check_output_settings=lambda: None
    )
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def clip(rate: int) -> AudioClip:
    return AudioClip(np.zeros(100, dtype=np.float32), rate)


def test_clips_go_to_one_stream_until_the_rate_changes(library: SimpleNamespace) -> None:
    with Loudspeaker() as loudspeaker:
        for rate in (16_000, 16_000, 22_050):
            loudspeaker.play(clip(rate))
    first, second = Stream.opened
    assert (first.samplerate, second.samplerate) == (16_000, 22_050)
    assert first.shapes == [(100, 1), (100, 1)]
    assert (first.state, second.state) == ("closed", "closed")


def test_no_loudspeaker_is_said_with_a_remedy(library: SimpleNamespace) -> None:
    def none() -> None:
        raise PortAudioError("no default output device")

    library.check_output_settings = none
    with pytest.raises(DeviceError, match="leave --play out"):
        Loudspeaker()


def test_a_lost_loudspeaker_is_a_device_error(library: SimpleNamespace) -> None:
    with Loudspeaker() as loudspeaker:
        loudspeaker.play(clip(16_000))
        Stream.opened[0].broken = True
        with pytest.raises(DeviceError, match="unplugged"):
            loudspeaker.play(clip(16_000))


def test_a_missing_sound_library_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> object:
        raise OSError("PortAudio library not found")

    monkeypatch.setattr("assistant.audio.playback.importlib.import_module", fail)
    with pytest.raises(DeviceError, match="libportaudio2"):
        Loudspeaker()
