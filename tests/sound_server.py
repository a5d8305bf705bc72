"""A PulseAudio server without hardware: a mouth and ears for a talk through real devices."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform, resample

RATE_HZ = 48_000


def missing_program() -> str | None:
    """Returns the first program that a server needs and that is not installed."""
    programs = ("pulseaudio", "pactl", "paplay", "parec")
    return next((name for name in programs if shutil.which(name) is None), None)


class SoundServer:
    """Two null sinks: what is played to `mic` is spoken, what comes from `speaker` is heard."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.environment = {
            **os.environ,
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_SERVER": f"unix:{folder}/pa.sock",
        }
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        setup = self._folder / "setup.pa"
        setup.write_text(
            "load-module module-native-protocol-unix auth-anonymous=1 "
            f"socket={self._folder}/pa.sock\n"
            "load-module module-null-sink rate=48000 channels=1 sink_name=mic\n"
            "load-module module-null-sink rate=48000 channels=1 sink_name=speaker\n"
            "set-default-sink speaker\n"
            "set-default-source mic.monitor\n"
        )
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", f"--file={setup}"]
        log = (self._folder / "pulse.log").open("ab")
        with log:
            self._server = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
        deadline_s = time.monotonic() + 20.0
        while self._control("info", check=False) != 0:
            if time.monotonic() > deadline_s or self._server.poll() is not None:
                raise RuntimeError(f"pulseaudio did not start: see {self._folder}/pulse.log")
            time.sleep(0.05)

    def kill(self) -> None:
        """Ends the server without a word, as a crash would."""
        if self._server is not None:
            self._server.send_signal(signal.SIGKILL)
            self._server.wait()
            self._server = None

    def echo(self) -> None:
        """Lets the microphone hear the loudspeaker, as in a room."""
        loopback = ("module-loopback", "source=speaker.monitor", "sink=mic", "latency_msec=20")
        self._control("load-module", *loopback)

    def say(self, waveform: Waveform) -> None:
        """Speaks 16 kHz sound into the microphone; returns when it is over."""
        path = self._folder / "said.wav"
        soundfile.write(path, waveform, SPEECH_RATE_HZ)
        command = ["paplay", "--device=mic", str(path)]
        subprocess.run(command, env=self.environment, check=True, timeout=60)

    def ears(self, device: str = "speaker.monitor") -> "Ears":
        """Records what a device plays until the recording is asked for."""
        return Ears(self.environment, device, self._folder / f"{device}.raw")

    def _control(self, *arguments: str, check: bool = True) -> int:
        finished = subprocess.run(
            ["pactl", *arguments], env=self.environment, check=False, capture_output=True
        )
        if check and finished.returncode != 0:
            raise RuntimeError(f"pactl {arguments} failed: {finished.stderr.decode()}")
        return finished.returncode


class Ears:
    """A recording under way."""

    def __init__(self, environment: dict[str, str], device: str, path: Path) -> None:
        self._path = path
        command = ["parec", "-d", device, f"--rate={RATE_HZ}", "--channels=1", "--format=s16le"]
        with path.open("wb") as sound:
            self._process = subprocess.Popen(command, env=environment, stdout=sound)

    def heard(self) -> Waveform:
        """Ends the recording; returns it at 16 kHz."""
        time.sleep(0.3)
        self._process.terminate()
        self._process.wait(timeout=20)
        raw = self._path.read_bytes()
        pcm = np.frombuffer(raw[: len(raw) // 2 * 2], dtype="<i2").astype(np.float32) / 32768.0
        return resample(pcm, from_hz=RATE_HZ, to_hz=SPEECH_RATE_HZ)
