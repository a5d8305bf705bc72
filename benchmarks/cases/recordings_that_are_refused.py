"""A recording with clear speech in it is answered, whatever recorder and format it is from."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from assistant.audio.soundfiles import Recording
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from benchmarks.cases.case import Case
from benchmarks.cases.speech import say, silence

NEEDS = ("flite", "ffmpeg")
ROOT = Path(__file__).parents[2]
FIRST, SECOND = "Hello, how are you today?", "I failed my driving test."
ENCODED = ("memo.m4a", "browser.webm", "video.mp4", "windows.wma", "voice.opus", "lossless.wv")


def run(case: Case) -> None:
    """Reads recordings that libsndfile refuses, then answers them by the command."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = {file: make(folder / file) for file, make in _WAYS.items()}
        for file, seconds in made.items():
            _hold_reading(case, folder / file, seconds)
        answered = ["size_0.wav", "two_in_one.wav", "memo.m4a", "browser.webm", "damaged.flac"]
        _hold_answers(case, folder, answered)
        _hold_without_ffmpeg(case, folder)


def _hold_reading(case: Case, path: Path, seconds: float) -> None:
    recording = Recording(path)
    read_s = sum(len(block) for block in recording.blocks()) / SPEECH_RATE_HZ
    case.expect(abs(read_s - seconds) < 0.25, f"{path.name}: {read_s:.2f} of {seconds:.2f} s read")
    told = recording.damage or ""
    case.expect(
        ("damage" in path.name) == bool(told), f"{path.name}: damage told: {told or 'none'}"
    )


def _hold_answers(case: Case, folder: Path, names: list[str]) -> None:
    done = _reply([str(folder / name) for name in names], folder)
    told = done.stderr.strip().splitlines()
    turns = done.stdout.count("  words   ")
    # The joined files leave no pause between their sentences, which makes them one turn.
    case.expect(turns == len(names) + 1, f"{turns} turns are answered in {', '.join(names)}")
    seconds = done.stdout.count("driving test")
    case.expect(seconds >= 2, "the second sentence is heard in the joined and the damaged file")
    case.expect(len(told) == 1 and "is damaged" in told[0], f"one sentence for the damage: {told}")


def _hold_without_ffmpeg(case: Case, folder: Path) -> None:
    empty = folder / "no programs"
    empty.mkdir()
    done = _reply([str(folder / "memo.m4a")], folder, PATH=str(empty))
    case.expect("install ffmpeg" in done.stderr, f"without ffmpeg: {done.stderr.strip()}")


def _reply(
    files: list[str], folder: Path, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "app.py", "reply", *files, "--out", str(folder / "answers")],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _stopped(path: Path) -> float:
    """Writes a WAV whose sizes were never filled in."""
    speech = _write(path, say(FIRST))
    data = bytearray(path.read_bytes())
    place = data.index(b"data") + 4
    data[4:8] = data[place : place + 4] = bytes(4)
    path.write_bytes(data)
    return speech


def _joined(path: Path) -> float:
    """Writes two WAV files one after the other."""
    first = _write(path, say(FIRST))
    data = path.read_bytes()
    second = _write(path, say(SECOND, "slt", 22_050), 22_050)
    path.write_bytes(data + path.read_bytes())
    return first + second


def _damaged(path: Path) -> float:
    """Writes two questions, and noise over a moment of the silence between them."""
    pause = silence(2.5)
    pause += 0.001 * np.random.default_rng(0).standard_normal(len(pause)).astype(np.float32)
    length = _write(path, np.concatenate([say(FIRST), pause, say(SECOND, "slt")]))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = np.random.default_rng(0).bytes(200)
    path.write_bytes(data)
    return length


def _encoded(path: Path) -> float:
    """Lets ffmpeg write the recording, with pictures where it is a video."""
    source = path.with_suffix(".source.wav")
    length = _write(source, say(FIRST))
    pictures = ["-f", "lavfi", "-i", f"color=c=blue:s=64x64:d={length}"]
    inputs = ["-i", str(source), *(pictures if path.suffix == ".mp4" else [])]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *inputs, str(path)], check=True)
    return length


def _write(path: Path, sound: Waveform, rate_hz: int = SPEECH_RATE_HZ) -> float:
    soundfile.write(path, sound, rate_hz, subtype="PCM_16")
    return len(sound) / rate_hz


_WAYS: dict[str, Callable[[Path], float]] = {
    "size_0.wav": _stopped,
    "two_in_one.wav": _joined,
    "damaged.flac": _damaged,
    **dict.fromkeys(ENCODED, _encoded),
}
