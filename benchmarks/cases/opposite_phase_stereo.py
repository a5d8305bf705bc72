"""Of several channels the one that carries speech is heard, whatever the others do."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from assistant.audio.waveform import SPEECH_RATE_HZ
from benchmarks.cases.case import Case
from benchmarks.cases.speech import say, silence

NEEDS = ("flite",)
QUESTION = "Hello, how are you today?"


def run(case: Case) -> None:
    """Answers the question alone, and beside its opposite, a hum, a noise and nothing."""
    speech = np.concatenate([silence(0.5), say(QUESTION), silence(0.5)])
    time_s = np.arange(len(speech)) / SPEECH_RATE_HZ
    noise = 0.2 * np.random.default_rng(0).standard_normal(len(speech))
    stereo = {
        "mono": (speech,),
        "inverted": (speech, -speech),
        "hum_right": (speech, 0.9 * np.sin(2 * np.pi * 100 * time_s)),
        "noise_left": (noise, speech),
        "silent_left": (0 * speech, speech),
        "identical": (speech, speech),
    }
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{name}.wav" for name in stereo]
        for file, channels in zip(files, stereo.values(), strict=True):
            soundfile.write(file, np.stack(channels, axis=1), SPEECH_RATE_HZ, subtype="PCM_16")
        words = _answered(files, Path(folder) / "answers")
    for name in stereo:
        heard = words.get(f"{name}.wav")
        case.expect(bool(heard) and heard == words.get("mono.wav"), f"{name}: heard {heard}")


def _answered(files: list[Path], out: Path) -> dict[str, str]:
    """Returns the words that `reply` hears in each file."""
    command = [sys.executable, "app.py", "reply", *map(str, files), "--out", str(out), "--json"]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    return {line["source"]: line["words"] for line in lines if "words" in line}
