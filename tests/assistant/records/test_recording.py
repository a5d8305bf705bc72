"""Records: on one clock, only with consent, whole after a crash at any moment."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant import events
from assistant.clock import replay
from assistant.engines.protocols import EmotionEstimate, SpeakingStyle, Transcript
from assistant.errors import InputError, OutputError
from assistant.event_lines import from_record, to_record
from assistant.records.mending import open_record, read_so_far
from assistant.records.recording import AUDIO_NAME, LOG_NAME, Consent, Recorder, check_records
from models.emotions import Emotion
from tests.fakes import speech_like
from tests.talking import talk

HAPPENED: list[events.Event] = [
    events.ConversationStarted(0.0, "mini", "flite", "empathetic", "2026-01-01", {"a": [1]}),
    events.SettingsChanged(0.3, {"voice": "espeak", "patience": 1.5}),
    events.SpeechStarted(0.6, start_s=0.4, while_assistant_speaks=False),
    events.UtteranceEnded(2.0, 0, 0.4, 1.7, 1.6, "silence", {"voice": "espeak"}),
    events.SettingsAsked(2.0, {"asked_pace": 0.83}),
    events.EmotionHeard(2.0, 0, EmotionEstimate((0.1, 0.1, 0.1, 0.6, 0.1), abstained=True)),
    events.WordsHeard(2.0, 0, Transcript("I “failed”\u2028my exam.", None, "decoder")),
    events.StyleChosen(2.0, 0, SpeakingStyle(Emotion.SAD, 0.5, rate=0.9)),
    events.ReplyText(2.1, 0, "I am so sorry."),
    events.ReplyStarted(2.2, 0),
    events.Interrupted(3.0, 0, "I am", "I am so sorry.", 0.5, 1),
    events.EmotionCorrected(3.5, 0, Emotion.ANGRY, "experimenter"),
    events.TurnTimed(3.6, 0, {"endpoint": 352.0}),
    events.ConversationEnded(4.0, "stopped"),
]


@pytest.mark.parametrize("event", HAPPENED, ids=lambda event: type(event).__name__)
def test_events_come_back_from_their_records(event: events.Event) -> None:
    record = json.loads(json.dumps(to_record(event)))
    assert from_record(record) == event


@pytest.mark.parametrize(
    "record", [{}, {"event": "Nonsense"}, {"event": "Muted", "at_s": 1.0, "extra": 2}]
)
def test_records_of_no_known_event_are_refused(record: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="event"):
        from_record(record)


def record(folder: Path, consent: Consent | None = None, frames: int = 100) -> None:
    """Records `HAPPENED` and a ramp on the left, its negative on the right."""

    async def main() -> Recorder:
        recorder = Recorder(folder, consent or Consent(), on_problem=pytest.fail)
        for event in HAPPENED:
            recorder.listen(event)
        for index in range(frames):
            ramp = ((index * 512 + np.arange(512)) / 100_000).astype(np.float32)
            recorder.tap(ramp, -ramp)
        return recorder

    replay(main(), workers=[]).close()


def test_what_was_recorded_is_read_back(tmp_path: Path) -> None:
    record(tmp_path / "talk")
    log = open_record(tmp_path / "talk")
    assert log.events == HAPPENED
    assert len(log.utc) == len(HAPPENED)
    assert log.repairs == ()
    audio, rate = soundfile.read(tmp_path / "talk" / AUDIO_NAME)
    assert (rate, audio.shape) == (16_000, (51_200, 2))
    assert audio[:, 0] == pytest.approx(np.arange(51_200) / 100_000, abs=1e-4)
    assert audio[:, 1] == pytest.approx(-audio[:, 0], abs=1e-4)


def test_records_are_for_their_owner_only(tmp_path: Path) -> None:
    record(tmp_path / "talk")
    for path in (tmp_path / "talk").iterdir():
        assert path.stat().st_mode & 0o077 == 0


def test_a_record_is_never_overwritten(tmp_path: Path) -> None:
    record(tmp_path / "talk")
    with pytest.raises(OutputError, match="name another folder"):
        record(tmp_path / "talk")


def test_nothing_is_kept_without_consent_to_it(tmp_path: Path) -> None:
    record(tmp_path / "talk", Consent(audio=False, words=False, emotion=False))
    assert not (tmp_path / "talk" / AUDIO_NAME).exists()
    text = (tmp_path / "talk" / LOG_NAME).read_text()
    for secret in ("failed", "sorry", "I am", "sad", "angry", "probabilities", "asked_"):
        assert secret not in text
    kept = [type(event).__name__ for event in open_record(tmp_path / "talk").events]
    assert "UtteranceEnded" in kept
    assert "Interrupted" in kept


@settings(max_examples=30, deadline=None)
@given(st.floats(0.0, 1.0))
def test_a_log_cut_off_anywhere_keeps_every_whole_line(
    tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    folder = tmp_path_factory.mktemp("record") / "talk"
    record(folder, Consent(audio=False))
    path = folder / LOG_NAME
    content = path.read_bytes()
    first = content.index(b"\n") + 1
    cut = first + round(share * (len(content) - first))
    path.write_bytes(content[:cut])
    log = open_record(folder)
    assert log.events == HAPPENED[: content[first:cut].count(b"\n")]
    assert bool(log.repairs) == (content[cut - 1 : cut] != b"\n")
    assert open_record(folder).repairs == ()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 44 + 9 * 2048))
def test_a_wav_cut_off_anywhere_is_mended(
    tmp_path_factory: pytest.TempPathFactory, size: int
) -> None:
    folder = tmp_path_factory.mktemp("record") / "talk"
    record(folder, frames=9)
    path = folder / AUDIO_NAME
    path.write_bytes(path.read_bytes()[:size])
    open_record(folder)
    assert soundfile.info(path).frames == max(0, size - 44) // 4


def test_damage_in_the_middle_is_refused_with_its_place(tmp_path: Path) -> None:
    record(tmp_path / "talk")
    path = tmp_path / "talk" / LOG_NAME
    lines = path.read_text().splitlines()
    lines[3] = lines[3][:20]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match="line 4"):
        open_record(tmp_path / "talk")
    with pytest.raises(InputError, match="cannot be read"):
        open_record(tmp_path / "nowhere")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_stops_the_record_and_is_said_once(tmp_path: Path) -> None:
    problems: list[str] = []

    async def main() -> Recorder:
        import asyncio

        recorder = Recorder(tmp_path / "talk", Consent(), on_problem=problems.append)
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, recorder.log_descriptor)
        os.close(full)
        for event in HAPPENED:
            recorder.listen(event)
            await asyncio.sleep(0.05)
        return recorder

    import asyncio

    asyncio.run(main()).close()  # says it no second time
    assert len(problems) == 1
    assert "has stopped" in problems[0]


def test_a_disk_that_hangs_stops_the_record_and_not_the_talk(tmp_path: Path) -> None:
    import asyncio

    problems: list[str] = []
    release = threading.Event()

    async def main() -> Recorder:
        recorder = Recorder(tmp_path / "talk", Consent(), on_problem=problems.append)
        hanging = recorder._worker
        hanging._limit = 3
        hanging.submit(release.wait, lambda _result, _error: None)
        for event in HAPPENED:
            recorder.listen(event)
        release.set()
        return recorder

    asyncio.run(main()).close()
    assert len(problems) == 1
    assert "takes nothing" in problems[0]


def test_what_still_grows_is_read_and_not_mended(tmp_path: Path) -> None:
    import asyncio

    async def main() -> None:
        recorder = Recorder(tmp_path / "talk", Consent(), on_problem=pytest.fail)
        recorder.listen(HAPPENED[0])
        recorder.tap(np.full(512, 0.5, np.float32), np.zeros(512, np.float32))
        while recorder.is_behind:
            await asyncio.sleep(0.01)
        before = (tmp_path / "talk" / AUDIO_NAME).read_bytes()
        assert read_so_far(tmp_path / "talk").events == HAPPENED[:1]
        assert (tmp_path / "talk" / AUDIO_NAME).read_bytes() == before
        recorder.close()

    asyncio.run(main())
    elsewhere = tmp_path / "elsewhere.wav"
    elsewhere.write_bytes(b"somebody else's")
    (tmp_path / "talk" / AUDIO_NAME).unlink()
    (tmp_path / "talk" / AUDIO_NAME).symlink_to(elsewhere)
    with pytest.raises(InputError, match="is a link"):
        read_so_far(tmp_path / "talk")
    assert elsewhere.read_bytes() == b"somebody else's"


LIMITED = """
import asyncio, resource, sys
from pathlib import Path
import numpy as np
from assistant import events
from assistant.records.recording import Consent, Recorder

async def main():
    recorder = Recorder(Path(sys.argv[1]), Consent(), on_problem=print)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    for index in range(200):
        recorder.tap(np.full(512, 0.5, np.float32), np.zeros(512, np.float32))
        recorder.listen(events.SettingsChanged(index * 0.032, {"policy": "flat" * index}))
        await asyncio.sleep(0)
    while recorder.is_behind:
        await asyncio.sleep(0.01)
    return recorder

asyncio.run(main()).close()
"""
"""Room for so many bytes in each file, and not one more: writes end in the middle."""


@pytest.mark.parametrize("room", [300, 5_000, 20_011, 51_200, 100_001])
def test_what_fits_on_a_full_disk_is_whole(tmp_path: Path, room: int) -> None:
    told = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "talk"), str(room)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.count("has stopped") == 1, "said once"
    assert told.stderr == ""
    raw = (tmp_path / "talk" / LOG_NAME).read_bytes()
    assert raw.endswith(b"\n"), "whole lines, without any mending"
    happened = open_record(tmp_path / "talk").events
    assert [event.at_s for event in happened] == [index * 0.032 for index in range(len(happened))]
    size = (tmp_path / "talk" / AUDIO_NAME).stat().st_size
    assert (size - 44) % 2_048 == 0, "whole frames"
    assert max(len(raw), size) <= room
    assert soundfile.info(tmp_path / "talk" / AUDIO_NAME).frames == (size - 44) // 4


def test_a_disk_that_is_full_at_the_very_end_is_said_once(tmp_path: Path) -> None:
    """On the event loop where it still runs by then, else by who closes the recording."""
    told: list[str] = []

    async def main() -> Recorder:
        recorder = Recorder(tmp_path / "talk", Consent(), on_problem=told.append)
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, recorder.log_descriptor)
        os.close(full)
        recorder.listen(HAPPENED[0])
        return recorder

    recorder = replay(main(), workers=[])
    try:
        recorder.close()
    except OutputError as error:
        told.append(str(error))
    assert len(told) == 1
    assert "has stopped" in told[0]


def test_a_folder_where_nothing_can_be_recorded_is_named(tmp_path: Path) -> None:
    check_records(tmp_path / "new" / "records")
    assert list((tmp_path / "new" / "records").iterdir()) == []
    (tmp_path / "file").write_text("no folder")
    for folder in (tmp_path / "file", tmp_path / "file" / "records", Path("/proc/records")):
        with pytest.raises(OutputError, match=f"nothing can be recorded in {folder} .*--records"):
            check_records(folder)


def test_a_whole_conversation_lies_on_one_clock(tmp_path: Path) -> None:
    wave = speech_like((0.5, 1.5), length_s=4.0)
    result = talk(wave, record_to=tmp_path / "talk")
    log = open_record(tmp_path / "talk")
    assert log.events == [e for e in result.happened if not isinstance(e, events.LevelMeasured)]
    audio, rate = soundfile.read(tmp_path / "talk" / AUDIO_NAME)
    assert audio[: len(wave), 0] == pytest.approx(wave, abs=1e-4)
    (started,) = result.of(events.ReplyStarted)
    onset_s = np.flatnonzero(np.abs(audio[:, 1]) > 0.05)[0] / rate
    assert onset_s == pytest.approx(started.at_s, abs=0.04)


KILLED = """
import asyncio, sys
from pathlib import Path
import numpy as np
from assistant import events
from assistant.records.recording import Consent, Recorder

async def main():
    recorder = Recorder(Path(sys.argv[1]), Consent(), on_problem=print)
    for index in range(60):
        recorder.tap(np.full(512, 0.5, np.float32), np.zeros(512, np.float32))
        recorder.listen(events.Muted(index * 0.032, True))
    while recorder.is_behind:
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_nothing_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "talk")], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    log = open_record(tmp_path / "talk")
    assert len(log.events) == 60
    assert soundfile.info(tmp_path / "talk" / AUDIO_NAME).frames == 60 * 512
