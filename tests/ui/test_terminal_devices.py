"""A talk through a real sound server: spoken into the microphone, heard from the loudspeaker."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from assistant.audio import SPEECH_RATE_HZ, Waveform
from tests.sound_server import SoundServer, missing_program
from tests.ui.terminal_scene import SHORT_REPLY

ROOT = Path(__file__).parents[2]
MISSING = missing_program()
pytestmark = [
    pytest.mark.device,
    pytest.mark.slow,
    pytest.mark.skipif(MISSING is not None, reason=f"{MISSING} is not installed"),
]
PATIENCE_S = 60.0


class TalkingProcess:
    """`talk --plain` in a process of its own; its lines as they come."""

    def __init__(self, server: SoundServer, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.ui.terminal_scene", "--plain", *arguments]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=server.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_for(self, text: str, *, count: int = 1) -> str:
        """Waits for the `count`-th line that holds `text`; returns it."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            found = [line for line in self.lines if text in line]
            if len(found) >= count:
                return found[count - 1]
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"{text!r} did not come; so far: {self.lines}")

    def end(self) -> int:
        """Ends the talk as a system does; returns its exit status."""
        self.process.terminate()
        status = self.process.wait(timeout=PATIENCE_S)
        self._reader.join(timeout=PATIENCE_S)
        return status


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SoundServer]:
    with SoundServer(tmp_path / "sound") as running:
        yield running


@pytest.fixture
def question() -> Waveform:
    """The first turn of the bundled example, spoken by a synthetic voice."""
    samples, rate = soundfile.read(ROOT / "examples" / "conversation.flac", dtype="float32")
    assert rate == SPEECH_RATE_HZ
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    pauses = np.flatnonzero(np.diff(loud) > SPEECH_RATE_HZ)
    end = loud[pauses[0]] if len(pauses) else loud[-1]
    return samples[loud[0] : end + SPEECH_RATE_HZ // 10]


def level(sound: Waveform) -> float:
    return float(np.sqrt(np.mean(np.square(sound)))) if len(sound) else 0.0


def test_a_question_is_answered_aloud_and_the_answer_can_be_interrupted(
    server: SoundServer, question: Waveform
) -> None:
    talk = TalkingProcess(server, "--voice", "flite", "--echo", "headset")
    talk.wait_for("Ready.")
    ears = server.ears()
    server.say(question)
    talk.wait_for("You (sad, 81 percent)")
    time.sleep(4.0)
    assert not any(line.startswith("Attune (") for line in talk.lines), "still speaking"
    server.say(question)
    interrupted = talk.wait_for("interrupted:")
    assert "interrupted: That" in interrupted
    assert "did you good" not in interrupted
    talk.wait_for(SHORT_REPLY)
    heard = ears.heard()
    assert talk.end() == 0
    assert talk.lines[-2].startswith("The talk is over: 2 turns")
    spoken = np.abs(heard) > 0.01
    assert level(heard) > 0.005
    assert spoken.sum() < 9 * SPEECH_RATE_HZ, "the long answer was cut"


def test_the_assistant_does_not_answer_itself_over_a_loudspeaker(
    server: SoundServer, question: Waveform
) -> None:
    server.echo()
    talk = TalkingProcess(server, "--voice", "flite", "--echo", "cancel")
    talk.wait_for("Ready.")
    server.say(question)
    talk.wait_for("did you good?")
    time.sleep(2.0)
    assert talk.end() == 0
    assert talk.lines[-2].startswith("The talk is over: 1 turn in")


def test_a_sound_server_that_dies_is_waited_for(server: SoundServer, question: Waveform) -> None:
    talk = TalkingProcess(server, "--voice", "flite", "--echo", "headset")
    talk.wait_for("Ready.")
    server.kill()
    talk.wait_for("was lost")
    server.start()
    talk.wait_for("is back")
    server.say(question)
    talk.wait_for("You (sad, 81 percent)")
    assert talk.end() == 0
