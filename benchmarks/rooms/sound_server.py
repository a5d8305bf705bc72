"""Talks through a real sound server: null sinks for loudspeaker and microphone, and a way between.

The loop, its sound card and its canceller are those of `talk`; the loudspeaker comes back into the
microphone by PulseAudio's `module-loopback`, which delays, resamples and loses sound as it likes.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import soundfile

from assistant import events
from assistant.audio.card_ends import CardEnds
from assistant.audio.devices import DeviceSettings, sound_library
from assistant.audio.echo import EchoMode
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.conversation.engines import Engines
from assistant.conversation.live.loop import TalkLoop
from assistant.session import open_talk, turn_taking
from assistant.turns.settings import TalkSettings

NEEDS = ("pulseaudio", "pactl", "paplay")


class SoundLoop:
    """The server; while it is open, this process uses it for all sound."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        os.environ["XDG_RUNTIME_DIR"] = str(folder)
        os.environ["PULSE_SERVER"] = f"unix:{folder}/pa.sock"
        sink = "module-null-sink rate=48000 channels=1 sink_name="
        (folder / "setup.pa").write_text(
            f"load-module module-native-protocol-unix auth-anonymous=1 socket={folder}/pa.sock\n"
            f"load-module {sink}mic\nload-module {sink}speaker\n"
            "set-default-sink speaker\nset-default-source mic.monitor\n"
        )
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1"]
        self._server = subprocess.Popen(
            [*command, f"--file={folder}/setup.pa", f"--log-target=file:{folder}/log"]
        )
        deadline_s = time.monotonic() + 20.0
        while subprocess.run(["pactl", "info"], check=False, capture_output=True).returncode:
            if time.monotonic() > deadline_s or self._server.poll() is not None:
                raise RuntimeError("pulseaudio did not start")
            time.sleep(0.05)

    def lead_back(self, echo_db: float, *, delay_ms: int, adjust_s: int = 10) -> None:
        """Lets the microphone hear the loudspeaker, `echo_db` relative to what is played."""
        options = [f"latency_msec={delay_ms}", f"adjust_time={adjust_s}"]
        way = ["source=speaker.monitor", "sink=mic", *options]
        subprocess.run(
            ["pactl", "load-module", "module-loopback", *way], check=True, capture_output=True
        )
        time.sleep(0.5)
        listing = ["pactl", "list", "short", "sink-inputs"]
        inputs = subprocess.run(listing, check=True, capture_output=True, text=True).stdout
        level = f"{echo_db:.1f}dB"
        subprocess.run(["pactl", "set-sink-input-volume", inputs.split()[0], level], check=True)

    def offer_microphone(self) -> None:
        """Gives the microphone a source of its own: browsers take no monitor for one."""
        remap = ["module-remap-source", "master=mic.monitor", "source_name=microphone"]
        subprocess.run(["pactl", "load-module", *remap], check=True, capture_output=True)
        subprocess.run(["pactl", "set-default-source", "microphone"], check=True)

    async def say(self, sound: Waveform) -> None:
        """Speaks 16 kHz sound into the microphone; returns when it is over."""
        path = self._folder / "said.wav"
        soundfile.write(path, sound, SPEECH_RATE_HZ)
        paplay = await asyncio.create_subprocess_exec("paplay", "--device=mic", str(path))
        await paplay.wait()

    def close(self) -> None:
        """Ends the server."""
        self._server.terminate()
        self._server.wait(20)


@contextlib.contextmanager
def sound_loop() -> Generator[SoundLoop]:
    """Yields a server of its own; the environment is as before afterwards."""
    before = dict(os.environ)
    folder = Path(tempfile.mkdtemp())
    loop = SoundLoop(folder)
    library = sound_library()
    library._terminate()
    library._initialize()  # PortAudio lists devices once, when it starts
    try:
        yield loop
    finally:
        loop.close()
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class TalkUnderWay:
    """A talk under way and what happened in it."""

    happened: list[events.Event] = field(default_factory=list[events.Event])
    slips: int = 0
    """Times at which the loudspeaker lost step."""

    def words_since(self, count: int) -> list[str]:
        """Returns what was understood since there were `count` events."""
        later = self.happened[count:]
        return [event.transcript.text for event in later if isinstance(event, events.WordsHeard)]

    def since(self, count: int, *kinds: type[events.Event]) -> int:
        """Returns how many events of these kinds there were since then."""
        return sum(isinstance(event, kinds) for event in self.happened[count:])

    def has(self, many: int, *kinds: type[events.Event]) -> bool:
        """Returns whether there were so many events of these kinds."""
        return self.since(0, *kinds) >= many

    async def until(self, is_so: Callable[[], bool], timeout_s: float) -> bool:
        """Waits until something holds; False where it does not in time."""
        deadline_s = time.monotonic() + timeout_s
        while not is_so():
            if time.monotonic() > deadline_s:
                return False
            await asyncio.sleep(0.02)
        return True


@contextlib.asynccontextmanager
async def talking(
    engines: Engines, echo: EchoMode = "cancel"
) -> AsyncGenerator[tuple[TalkLoop, TalkUnderWay]]:
    """Holds a talk through the devices of this machine; yields the loop and what happens."""
    overheard = TalkUnderWay()
    with ExitStack() as cards:
        ends = CardEnds(DeviceSettings(), echo).open(
            cards,
            frame_samples=engines.detector.frame_samples,
            rate_hz=engines.voice.sample_rate,
        )
        engines.detector.reset()
        loop = open_talk(engines, ends, turn_taking(TalkSettings(), echo))
        loop.follow(overheard.happened.append)
        running = asyncio.create_task(loop.run())
        try:
            yield loop, overheard
        finally:
            loop.stop()
            await running
            overheard.slips = ends.speaker.slips
