"""A talk through a real sound server: spoken into the microphone, heard from the loudspeaker."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pytest
import soundfile

from assistant import events
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.records.mending import open_record
from tests.sound_server import SoundServer, missing_program
from tests.ui.terminal.scene import SHORT_REPLY

ROOT = Path(__file__).parents[3]
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
        command = [sys.executable, "-m", "tests.ui.terminal.scene", "--plain", *arguments]
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

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
    return np.asarray(samples[loud[0] : end + SPEECH_RATE_HZ // 10], dtype=np.float32)


def level(sound: Waveform) -> float:
    return float(np.sqrt(np.mean(np.square(sound)))) if len(sound) else 0.0


def test_a_question_is_answered_aloud_and_the_answer_can_be_interrupted(
    server: SoundServer, question: Waveform
) -> None:
    with TalkingProcess(server, "--voice", "flite", "--echo", "headset") as talk:
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
        assert "The talk is over: 2 turns" in " ".join(talk.lines)
    assert level(heard) > 0.005
    spoken = np.abs(heard) > 0.01
    assert spoken.sum() < 9 * SPEECH_RATE_HZ, "the long answer was cut"


def test_the_assistant_does_not_answer_itself_over_a_loudspeaker(
    server: SoundServer, question: Waveform
) -> None:
    server.echo()
    with TalkingProcess(server, "--voice", "flite", "--echo", "cancel") as talk:
        talk.wait_for("Ready.")
        server.say(question)
        talk.wait_for("Attune (")
        time.sleep(2.0)
        assert talk.end() == 0
        text = " ".join(talk.lines)
    if "too busy to hear all" in text:
        pytest.skip("this machine is too busy to hear in time: echo cannot be judged")
    if os.getloadavg()[0] > 0.75 * (os.cpu_count() or 1):
        pytest.skip("other programs take the processor: echo cannot be judged in real time")
    assert "did you good?" in text, "it did not interrupt itself"
    assert "The talk is over: 1 turn in" in text


def test_a_sound_server_that_dies_is_waited_for_and_nothing_recorded_is_lost(
    server: SoundServer, question: Waveform, tmp_path: Path
) -> None:
    records = tmp_path / "records"
    consent = ("--record", "--consent", "audio", "words", "emotion", "--records", str(records))
    with TalkingProcess(server, "--voice", "flite", "--echo", "headset", *consent) as talk:
        talk.wait_for("Ready.")
        server.say(question)
        talk.wait_for("You (sad, 81 percent)")
        time.sleep(3.0)  # some of the answer is heard: what follows is a turn of its own
        server.kill()
        assert "Attune reconnects when it is back" in talk.wait_for("was lost")
        server.start()
        talk.wait_for("sound device is back")
        server.say(question)
        talk.wait_for("You (angry, 70 percent)")
        assert talk.end() == 0
    (folder,) = records.iterdir()
    log = open_record(folder)
    happened = [
        event for event in log.events if isinstance(event, events.WordsHeard | events.DeviceChanged)
    ]
    assert [type(event).__name__ for event in happened] == [
        "WordsHeard",
        "DeviceChanged",
        "DeviceChanged",
        "WordsHeard",
    ]
    sound, rate = soundfile.read(folder / "audio.wav", dtype="float32")
    for event in log.events:
        if isinstance(event, events.UtteranceEnded):
            heard = sound[int(event.start_s * rate) : int(event.speech_end_s * rate), 0]
            assert level(np.asarray(heard, dtype=np.float32)) > 0.005


def test_what_was_said_survives_a_kill(
    server: SoundServer, question: Waveform, tmp_path: Path
) -> None:
    records = tmp_path / "records"
    consent = ("--record", "--consent", "audio", "words", "emotion", "--records", str(records))
    with TalkingProcess(server, "--voice", "flite", "--echo", "headset", *consent) as talk:
        talk.wait_for("Ready.")
        server.say(question)
        talk.wait_for("You (sad, 81 percent)")
        talk.process.kill()
        talk.process.wait()
    (folder,) = records.iterdir()
    log = open_record(folder)
    assert any(isinstance(event, events.WordsHeard) for event in log.events)
    sound, rate = soundfile.read(folder / "audio.wav", dtype="float32")
    ended = next(event for event in log.events if isinstance(event, events.UtteranceEnded))
    assert len(sound) / rate > ended.speech_end_s, "what was said is in the sound"
    assert level(np.asarray(sound[:, 0], dtype=np.float32)) > 0.005
