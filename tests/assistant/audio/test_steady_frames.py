"""Frames that do not come: time goes on, turns end, and what comes late is heard once."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from assistant import events
from assistant.audio.steady_frames import GRACE_S, MOST_S, SteadyFrames
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioFrame, Waveform
from assistant.clock import replay
from tests.fakes import speech_like
from tests.talking import Talk, ends, talk

FRAME = 512
FRAME_S = FRAME / SPEECH_RATE_HZ
QUESTION = speech_like((0.2, 1.2), length_s=1.25)


class Halting:
    """Sends pieces of sound at their own pace, with nothing at all between them."""

    def __init__(self, *pieces: tuple[float, Waveform], catches_up: bool = False) -> None:
        """Takes seconds without a frame and the sound after them; `catches_up` sends it at once."""
        self.dropped_frames = 0
        self._pieces = pieces
        self._catches_up = catches_up

    async def frames(self) -> AsyncIterator[AudioFrame]:
        clock, due_s = 0, asyncio.get_running_loop().time()
        for gap_s, sound in self._pieces:
            await asyncio.sleep(gap_s)
            if not self._catches_up:
                due_s = asyncio.get_running_loop().time()
            for start in range(0, len(sound) - FRAME + 1, FRAME):
                due_s += FRAME_S
                await asyncio.sleep(max(0.0, due_s - asyncio.get_running_loop().time()))
                yield AudioFrame(sound[start : start + FRAME], clock)
                clock += FRAME


def taken(microphone: Halting) -> list[tuple[float, AudioFrame]]:
    """Returns the frames, and when each came."""

    async def take() -> list[tuple[float, AudioFrame]]:
        loop = asyncio.get_running_loop()
        return [(loop.time(), f) async for f in SteadyFrames(microphone, FRAME).frames()]

    return replay(take(), workers=[])


def held(*pieces: tuple[float, Waveform], catches_up: bool = False) -> Talk:
    devices = ends(Halting(*pieces, catches_up=catches_up))
    return talk(QUESTION, devices=devices, replies=["I see."])


def test_a_question_without_a_frame_after_it_is_answered_soon() -> None:
    result = held((0.0, QUESTION), (30.0, QUESTION[:FRAME]))
    (started,) = result.of(events.ReplyStarted)
    assert started.at_s < 1.25 + 2.0


@pytest.mark.parametrize("gap_s", [2.0, 3.0, 8.0, 200.0])
def test_questions_with_nothing_between_them_are_turns_of_their_own(gap_s: float) -> None:
    result = held((0.0, QUESTION), (gap_s, QUESTION), (gap_s, QUESTION))
    assert len(result.history.turns) == 3
    assert len(result.of(events.UtteranceEnded)) == 3
    assert result.of(events.UtteranceJoined) == []


@pytest.mark.parametrize("gap_s", [0.1, 0.5, 0.9])
def test_a_hiccup_of_the_network_changes_nothing(gap_s: float) -> None:
    sound = speech_like((0.2, 3.0), length_s=6.0)
    cut = 60 * FRAME
    pieces = ((0.0, sound[:cut]), (gap_s, sound[cut:]))
    frames = [frame for _, frame in taken(Halting(*pieces, catches_up=True))]
    heard = np.concatenate([frame.samples for frame in frames])
    assert len(heard) == cut + (len(sound) - cut) // FRAME * FRAME, "nothing was put in"
    np.testing.assert_allclose(heard, sound[: len(heard)], atol=0.005)
    smooth, late = held((0.0, sound)), held(*pieces, catches_up=True)
    spans = [[(t.start_s, t.end_s) for t in r.history.turns] for r in (smooth, late)]
    assert spans[0] == spans[1]


def test_what_comes_late_after_silence_took_its_place_is_heard_once() -> None:
    sound = speech_like((0.2, 1.0), (3.0, 4.0), length_s=7.0)
    cut = round(2.0 / FRAME_S) * FRAME
    frames = taken(Halting((0.0, sound[:cut]), (3.0, sound[cut:]), catches_up=True))
    heard = np.concatenate([frame.samples for _, frame in frames])
    silence_s = (len(heard) - len(sound)) / SPEECH_RATE_HZ
    assert 0.5 < silence_s < 3.1
    loud = np.abs(heard) > 0.1
    assert int(loud.sum()) == int((np.abs(sound) > 0.1).sum())


def test_the_clock_follows_the_wall_clock_while_nothing_comes() -> None:
    frames = taken(Halting((0.0, QUESTION), (10.0, QUESTION)))
    starts = [frame.start_samples for _, frame in frames]
    assert starts == list(range(0, FRAME * len(frames), FRAME)), "no sample twice, none left out"
    behind_s = [at_s - (f.start_samples + FRAME) / SPEECH_RATE_HZ for at_s, f in frames]
    assert max(behind_s) < GRACE_S + 0.1
    assert abs(behind_s[-1]) < 0.1


def test_silence_is_made_for_a_while_only_and_not_before_the_first_frame() -> None:
    frames = taken(Halting((100.0, QUESTION), (1_000.0, QUESTION)))
    made_s = len(frames) * FRAME_S - 2 * len(QUESTION) / SPEECH_RATE_HZ
    assert abs(made_s - MOST_S) < 2 * GRACE_S
    assert np.any(frames[0][1].samples)


def test_an_offset_and_odd_samples_do_not_get_through() -> None:
    spoilt = QUESTION + np.float32(0.02)
    spoilt[5_000] = np.nan
    frames = taken(Halting((0.0, spoilt)))
    heard = np.concatenate([frame.samples for _, frame in frames])
    assert np.isfinite(heard).all()
    assert abs(float(np.median(heard[:3_000]))) < 0.004


def test_a_microphone_that_breaks_says_so() -> None:
    class Broken(Halting):
        async def frames(self) -> AsyncIterator[AudioFrame]:
            yield AudioFrame(QUESTION[:FRAME], 0)
            raise RuntimeError("gone")

    with pytest.raises(RuntimeError, match="gone"):
        taken(Broken())
