"""A recording that is killed at any moment: at most half a second lost, and always readable."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile

from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.records.reading import read_record, resolve
from assistant.records.recording import AUDIO_NAME, LOG_NAME

KILLS = 6
FRAME_S = 512 / SPEECH_RATE_HZ
LOST_S = 0.5
"""What may be lost at most."""
RECORDS = """
import asyncio, os, sys
from pathlib import Path
import numpy as np
from assistant import events
from assistant.records.recording import Consent, Recorder

async def main():
    recorder = Recorder(Path(sys.argv[1]), Consent(), on_problem=print)
    loop, frame = asyncio.get_running_loop(), 512 / 16_000
    begin_s = loop.time()
    for index in range(100_000):
        await asyncio.sleep(max(0.0, begin_s + index * frame - loop.time()))
        recorder.tap(np.full(512, 0.25, np.float32), np.zeros(512, np.float32))
        recorder.listen(events.SettingsChanged(index * frame, {"policy": "flat" * 40}))
        os.write(1, f"{index}\\n".encode())

asyncio.run(main())
"""
"""Records at the pace of a talk, and says after each frame how far it is."""


@pytest.mark.slow
def test_a_killed_recording_loses_half_a_second_at_most(tmp_path: Path) -> None:
    moments = random.Random(3)
    for kill in range(KILLS):
        said = _killed(tmp_path / f"talk-{kill}", after_s=moments.uniform(0.05, 1.6))
        path = tmp_path / f"talk-{kill}" / AUDIO_NAME
        with soundfile.SoundFile(path) as sound:  # also before anything is mended
            assert sound.read(dtype="int16").any() or said * FRAME_S < LOST_S
        record = read_record(resolve(tmp_path, f"talk-{kill}"))
        assert not record.is_open
        happened = [event.at_s for event in record.log.events]
        assert happened == [index * FRAME_S for index in range(len(happened))], "nothing between"
        heard_s = soundfile.info(path).frames / SPEECH_RATE_HZ
        for kept_s in (len(happened) * FRAME_S, heard_s):
            assert kept_s >= said * FRAME_S - LOST_S
        assert read_record(resolve(tmp_path, f"talk-{kill}")).log.repairs == ()
        assert (tmp_path / f"talk-{kill}" / LOG_NAME).read_bytes().endswith(b"\n")


def _killed(folder: Path, *, after_s: float) -> int:
    """Records into `folder`, killed so long after its beginning; returns the last frame said."""
    process = subprocess.Popen([sys.executable, "-c", RECORDS, str(folder)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        first = process.stdout.readline()
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        whole = (first + process.stdout.read()).rpartition(b"\n")[0]
    return int(whole.splitlines()[-1])
