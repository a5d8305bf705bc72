"""The line to other assistants, and what is read off what they played."""

import json
import shutil
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from assistant.clock import replay
from benchmarks.rivals.__main__ import cut_itself, is_silent, late, report
from benchmarks.rivals.line import FRAME, RATE_HZ, AudioLine, from_bytes
from benchmarks.rooms.long_answers import NAME, SENTENCES, lines, long_answers
from tests.fakes import speech_like


def test_what_is_played_lies_where_the_clock_stood_and_comes_back_as_echo() -> None:
    async def talk() -> tuple[AudioLine, list[bytes]]:
        line = AudioLine(np.zeros(30 * FRAME, np.float32), echo_db=-20.0)
        frames: list[bytes] = []
        async for frame in await line.frames():
            frames.append(frame)
            if len(frames) == 5:
                line.play(np.full(40 * FRAME, 0.5, np.float32))
            if len(frames) == 15:
                assert line.waiting_s > 0.3
                assert len(line.clear()) == 15 * FRAME, "what was never heard"
        return line, frames

    line, frames = replay(talk(), workers=())
    assert len(frames) == 30
    sounds = np.flatnonzero(line.heard)
    assert sounds[0] >= 5 * FRAME
    assert len(sounds) == sounds[-1] - sounds[0] + 1
    assert 0.15 < len(sounds) / RATE_HZ < 0.5, "what was cut is not heard"
    heard = from_bytes(b"".join(frames))
    first = np.flatnonzero(heard)[0]
    assert first >= sounds[0] + round(0.08 * RATE_HZ)
    assert heard[first + 10] == pytest.approx(0.05, abs=0.001)


def test_sound_beyond_the_recording_is_not_written() -> None:
    async def talk() -> AudioLine:
        line = AudioLine(np.zeros(3 * FRAME, np.float32))
        async for _ in await line.frames():
            line.play(np.full(2 * FRAME, 0.5, np.float32))
        return line

    line = replay(talk(), workers=())
    assert len(line.heard) == 3 * FRAME


@pytest.mark.parametrize(
    ("spans", "is_cut"),
    [
        ([(1.0, 9.9)], False),
        ([(1.0, 4.0), (4.5, 9.8)], False),  # a pause between sentences
        ([(1.0, 4.0), (5.0, 9.9)], True),
        ([(1.0, 4.0)], True),
        ([(0.1, 0.4)], None),  # before the turn was over
        ([], None),
    ],
)
def test_answers_that_fall_silent_by_themselves(
    spans: list[tuple[float, float]], is_cut: bool | None
) -> None:
    assert cut_itself(spans, from_s=0.5, length_s=10.0) is is_cut


def test_silence_behind_an_uh_huh() -> None:
    assert is_silent([(1.0, 5.0)], from_s=5.1)
    assert not is_silent([(1.0, 5.5)], from_s=5.1)
    assert not is_silent([(1.0, 5.0), (5.5, 7.0)], from_s=5.1)


def test_systems_stand_side_by_side_and_a_busy_machine_is_told(tmp_path: Path) -> None:
    event = [{"text": "[TURN-TAKING]", "timestamp": [1.0, 1.4]}]
    for system, echo_db in (("theirs", None), ("echoing", -10.0)):
        folder = tmp_path / system / "v1_0" / "candor_turn_taking" / "1"
        folder.mkdir(parents=True)
        (folder / "turn_taking.json").write_text(json.dumps(event))
        sf.write(folder / "input.wav", np.zeros(8 * RATE_HZ), RATE_HZ)
        sf.write(folder / "output.wav", speech_like((2.0, 4.0), length_s=8.0), RATE_HZ)
        (folder / "line.json").write_text('{"late_s": 0.4}')
        facts = {"name": "them 1.0", "settings": "its defaults", "echo_db": echo_db}
        (tmp_path / system / "system.json").write_text(json.dumps(facts))
    assert late(tmp_path / "theirs") == (1, 1)
    text = report([tmp_path / "theirs", tmp_path / "echoing"])
    assert "| them 1.0 | – |" in text
    assert "| them 1.0, echo -10 dB | – | – | – | – | – |" in text
    assert "- them 1.0: its defaults." in text
    assert "in 1 of 1 talks sound came too late" in text


def test_the_server_of_long_answers_is_one_that_attune_can_ask() -> None:
    with long_answers() as url:
        with urllib.request.urlopen(f"{url}/models") as answer:
            assert json.load(answer)["data"] == [{"id": NAME}]
        request = urllib.request.Request(
            f"{url}/chat/completions", b'{"stream": true}', {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            told = [json.loads(line[6:]) for line in answer if line[6:7] == b"{"]
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in told)
    assert sum(line in text for line in lines()) >= min(SENTENCES, len(lines()))


@pytest.mark.skipif(not shutil.which("flite"), reason="needs flite")
def test_an_answer_outlasts_every_sample() -> None:
    from benchmarks.rivals.line import answer, spoken

    assert sum(len(spoken(sentence)) for sentence in answer()) > 20 * RATE_HZ
