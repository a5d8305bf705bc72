"""`talk` in a terminal of its own: keys, signals, and a terminal that is always given back."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
import soundfile

from assistant import events
from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.records.mending import open_record
from tests.fakes import speech_like
from ui.terminal.screen import ENTER, LEAVE

ROOT = Path(__file__).parents[3]
PATIENCE_S = 90.0
pytestmark = pytest.mark.slow


def _as_a_shell_starts_it() -> None:
    """Gives the child the terminal, and signals that whoever runs the tests may ignore."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


class Terminal:
    """A pseudo-terminal of 80 columns with `talk` in it."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._slave = slave
        self.before = termios.tcgetattr(slave)
        self.text = ""
        kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.ui.terminal.scene", *arguments],
            cwd=ROOT,
            env={**kept, "TERM": "xterm-256color", "PYTHONUTF8": "1", **environment},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_as_a_shell_starts_it,
        )

    def read(self, wait_s: float = 0.1) -> None:
        """Takes in what was printed."""
        while select.select([self._master], [], [], wait_s)[0]:
            self.text += os.read(self._master, 65536).decode(errors="replace")
            wait_s = 0.0

    def wait_for(self, text: str) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while text not in self.text:
            self.read()
            assert time.monotonic() < deadline_s, f"{text!r} did not come: {self.text[-3000:]!r}"

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def close(self) -> None:
        """Closes the window."""
        os.close(self._slave)
        os.close(self._master)

    def status(self) -> int:
        """Waits for the end; returns the exit status."""
        deadline_s = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            self.read()
            assert time.monotonic() < deadline_s, "it does not end"
        self.read()
        return self.process.returncode

    @property
    def after(self) -> list[object]:
        return termios.tcgetattr(self._slave)


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("said") / "question.wav"
    soundfile.write(path, speech_like((0.5, 1.5), length_s=120.0), SPEECH_RATE_HZ)
    return path


def in_picture(
    question: Path, voice: str = "tone", saves: Path | None = None, **environment: str
) -> Terminal:
    """Returns a terminal with a picture in which something has been said."""
    terminal = Terminal(
        *("--input", str(question), "--pace", "real", "--voice", voice),
        *(() if saves is None else ("--saves", str(saves))),
        **environment,
    )
    terminal.wait_for("Just speak.")
    return terminal


def assert_restored(terminal: Terminal) -> None:
    assert terminal.text.count(ENTER) == 1
    assert LEAVE in terminal.text[terminal.text.index(ENTER) :]
    assert terminal.after == terminal.before


def test_keys_work_and_the_terminal_is_given_back(question: Path, tmp_path: Path) -> None:
    terminal = Terminal(
        *("--input", str(question), "--pace", "real", "--voice", "tone"),
        *("--saves", str(tmp_path / "talks")),
    )
    terminal.wait_for("utterance 0")
    terminal.press("3")
    terminal.wait_for("angry by your word")
    terminal.press("?")
    terminal.wait_for("silence Attune")
    terminal.press("?m")
    terminal.wait_for("microphone off")
    terminal.press("s")
    terminal.wait_for("saved to")
    (saved,) = (tmp_path / "talks").iterdir()
    assert "utterance 0" in saved.read_text(encoding="utf-8")
    terminal.press("tI am well\r")
    terminal.wait_for("I am well")
    terminal.press("q")
    terminal.wait_for("Save this talk?")
    terminal.press("n")
    assert terminal.status() == 0
    assert len(list((tmp_path / "talks").iterdir())) == 1, "only what was asked for is saved"
    assert_restored(terminal)
    rest = terminal.text[terminal.text.rindex(LEAVE) :]
    assert "The talk is over: 2 turns" in rest
    assert terminal.text.startswith("You are talking with a machine.")


@pytest.mark.parametrize("plain", [False, True], ids=["picture", "plain"])
@pytest.mark.parametrize("end", ["q", "\x03", "\x04"], ids=["q", "Ctrl-C", "Ctrl-D"])
def test_a_talk_can_be_saved_when_it_is_over(
    question: Path, tmp_path: Path, end: str, plain: bool
) -> None:
    terminal = Terminal(
        *("--input", str(question), "--pace", "real", "--voice", "tone"),
        *("--saves", str(tmp_path / "talks"), *(["--plain"] if plain else [])),
    )
    terminal.wait_for("utterance 0")
    terminal.press(end)
    terminal.wait_for("Save this talk?")
    terminal.press("x\r ")
    terminal.press("y")
    assert terminal.status() == 0
    assert terminal.after == terminal.before
    (saved,) = (tmp_path / "talks").iterdir()
    assert saved.name in terminal.text.replace("\r\n", "")
    assert "utterance 0" in saved.read_text(encoding="utf-8")


def test_what_is_saved_already_or_was_never_said_is_not_offered(
    question: Path, tmp_path: Path
) -> None:
    terminal = in_picture(question, saves=tmp_path / "talks")
    terminal.wait_for("utterance 0")
    terminal.press("s")
    terminal.wait_for("saved to")
    terminal.press("q")
    assert terminal.status() == 0
    assert "Save this talk?" not in terminal.text


def test_a_talk_that_cannot_be_saved_is_printed(question: Path, tmp_path: Path) -> None:
    (tmp_path / "talks").write_text("no folder")
    terminal = in_picture(question, saves=tmp_path / "talks")
    terminal.wait_for("utterance 0")
    terminal.press("tnot sent")
    terminal.wait_for("not sent")
    terminal.press("\x03")
    terminal.wait_for("Save this talk?")
    terminal.press("y")
    assert terminal.status() == 0
    rest = terminal.text[terminal.text.rindex(LEAVE) :]
    assert "Written and not sent: not sent" in rest
    assert "**You**" in rest
    assert "utterance 0" in rest
    assert "--saves" in rest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["TERM", "HUP"])
@pytest.mark.parametrize("pace", ["real", "repeatable"])
def test_a_talk_that_is_ended_from_outside_is_recorded_to_its_end(
    question: Path, tmp_path: Path, number: signal.Signals, pace: str
) -> None:
    consent = ("--record", "--consent", "audio", "words", "--records", str(tmp_path))
    length = question
    if pace == "repeatable":  # long enough to be caught
        length = tmp_path.with_name(tmp_path.name + ".wav")
        soundfile.write(length, speech_like((0.5, 1.5), length_s=1_800.0), SPEECH_RATE_HZ)
    scene = ("--input", str(length), "--pace", pace, "--voice", "tone", "--plain", *consent)
    terminal = Terminal(*scene)
    terminal.wait_for("utterance 0")
    terminal.process.send_signal(number)
    assert terminal.status() == (0 if pace == "real" else 128 + number)
    assert "Save this talk?" not in terminal.text
    assert "Traceback" not in terminal.text
    (folder,) = tmp_path.iterdir()
    log = open_record(folder)
    assert log.repairs == (), "closed, not cut off"
    assert isinstance(log.events[-1], events.ConversationEnded)
    assert any(isinstance(event, events.WordsHeard) for event in log.events)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_the_talk_in_order(question: Path, number: signal.Signals) -> None:
    terminal = in_picture(question)
    terminal.process.send_signal(number)
    assert terminal.status() == 0
    assert_restored(terminal)
    assert "Traceback" not in terminal.text


@pytest.mark.parametrize("key", ["\x03", "\x1c"], ids=["C", "backslash"])
def test_ctrl_and_a_key_end_the_talk(question: Path, key: str) -> None:
    terminal = in_picture(question)
    terminal.press(key)
    assert terminal.status() == 0
    assert_restored(terminal)


def test_a_bug_gives_the_terminal_back_and_is_told(question: Path) -> None:
    terminal = in_picture(question, voice="broken")
    assert terminal.status() == 1
    assert_restored(terminal)
    rest = terminal.text[terminal.text.rindex(LEAVE) :]
    assert "unexpected KeyError" in rest


def test_a_closed_window_ends_the_talk(question: Path) -> None:
    terminal = in_picture(question)
    terminal.close()
    terminal.process.wait(timeout=PATIENCE_S)


def test_a_reader_that_goes_away_ends_the_talk(question: Path, tmp_path: Path) -> None:
    consent = ("--record", "--consent", "words", "--records", str(tmp_path))
    scene = ("--plain", "--input", str(question), "--pace", "real", "--voice", "tone", *consent)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.ui.terminal.scene", *scene],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        while b"Ready." not in process.stdout.readline():
            assert process.poll() is None
        process.stdout.close()
        complaints = process.stderr.read()
        assert process.wait(timeout=PATIENCE_S) == 0
    assert b"BrokenPipe" not in complaints
    (folder,) = tmp_path.iterdir()
    last = open_record(folder).events[-1]
    assert isinstance(last, events.ConversationEnded)
    assert last.reason == "stopped"


def test_no_color_is_obeyed(question: Path) -> None:
    terminal = in_picture(question, NO_COLOR="1")
    terminal.wait_for("utterance 0")
    terminal.press("q")
    terminal.wait_for("Save this talk?")
    terminal.press("n")
    assert terminal.status() == 0
    assert not re.search(r"\x1b\[(?:\d+;)*(?:3[0-9]|4[0-9]|9[0-7])(?:;\d+)*m", terminal.text)


def test_a_terminal_that_can_only_print_gets_plain_lines(question: Path) -> None:
    terminal = Terminal(
        *("--input", str(question), "--pace", "real", "--voice", "tone"), TERM="dumb"
    )
    terminal.wait_for("utterance 0")
    terminal.press("?")
    terminal.wait_for("silence Attune")
    terminal.press("q")
    terminal.wait_for("Save this talk?")
    terminal.press("n")
    assert terminal.status() == 0
    assert "\x1b" not in terminal.text
    assert terminal.after == terminal.before


def test_a_stopped_talk_gives_the_terminal_back_and_takes_it_again(question: Path) -> None:
    terminal = in_picture(question, voice="tone")
    terminal.press("\x1a")
    # No shell is here that could wake it up: the system lets such a program go on at once.
    deadline_s = time.monotonic() + PATIENCE_S
    while terminal.text.count(ENTER) < 2:
        terminal.read()
        assert time.monotonic() < deadline_s
    assert LEAVE in terminal.text[: terminal.text.rindex(ENTER)]
    before = len(terminal.text)
    terminal.wait_for("utterance 0")
    terminal.press("?")
    while "PgUp PgDn" not in terminal.text[before:]:
        terminal.read()
        assert time.monotonic() < deadline_s
    terminal.press("q")
    terminal.wait_for("Save this talk?")
    terminal.press("n")
    assert terminal.status() == 0
    assert terminal.after == terminal.before


def test_what_was_said_stays_on_the_screen(question: Path) -> None:
    terminal = in_picture(question, voice="tone")
    terminal.wait_for("utterance 0")
    terminal.press("q")
    terminal.wait_for("Save this talk?")
    terminal.press("n")
    assert terminal.status() == 0
    assert "You: utterance 0" in terminal.text[terminal.text.rindex(LEAVE) :]
