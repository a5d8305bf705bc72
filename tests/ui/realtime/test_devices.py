"""Microphone and speaker of a socket."""

import asyncio
import tracemalloc

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip, Waveform
from assistant.clock import replay
from tests.fakes import speech_like
from ui.realtime.devices import SocketMicrophone, SocketSpeaker

SOUND = speech_like((0.1, 0.4), length_s=0.5, rate=24_000)


def heard(cuts: list[int]) -> Waveform:
    """Returns the frames that come out of sound pushed in pieces."""

    async def main() -> Waveform:
        microphone = SocketMicrophone(512)
        for piece in np.split(SOUND, sorted(cuts)):
            await microphone.push(piece, 24_000)
        microphone.end()
        frames = [frame async for frame in microphone.frames()]
        assert [frame.start_samples for frame in frames] == [512 * i for i in range(len(frames))]
        return np.concatenate([frame.samples for frame in frames])

    return asyncio.run(main())


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(0, len(SOUND)), max_size=8))
def test_any_chunking_gives_the_same_frames(cuts: list[int]) -> None:
    whole, pieces = heard([]), heard(cuts)
    length = min(len(whole), len(pieces))
    assert length >= 0.9 * len(SOUND) * SPEECH_RATE_HZ / 24_000
    np.testing.assert_allclose(pieces[:length], whole[:length], atol=1e-5)


async def test_the_buffer_is_taken_and_cleared() -> None:
    microphone = SocketMicrophone(512)
    microphone.keep_s = 120.0
    sound = speech_like((0.0, 1.0), length_s=1.0)
    await microphone.push(sound, SPEECH_RATE_HZ)
    assert microphone.kept_s == 1.0
    np.testing.assert_array_equal(microphone.take(), sound)
    assert microphone.kept_s == 0.0
    await microphone.push(sound[:800], SPEECH_RATE_HZ)
    np.testing.assert_array_equal(microphone.take(), sound[:800])


def test_a_talk_without_a_microphone_keeps_no_sound() -> None:
    async def main() -> int:
        speaker = SocketSpeaker(
            24_000,
            send=lambda sound: None,
            sent=lambda: None,
            ducked=lambda decibels: None,
            held=lambda held: None,
        )
        answer = AudioClip(speech_like((0.0, 5.0), length_s=5.0), 16_000)
        await speaker.play(answer)
        await speaker.drain()
        tracemalloc.start()
        for _ in range(40):
            await asyncio.sleep(600.0)
            await speaker.play(answer)
            await speaker.drain()
        assert abs(speaker.played_samples - 41 * 5 * 24_000) < 100
        return tracemalloc.get_traced_memory()[1]

    try:
        assert replay(main(), workers=[]) < 10e6
    finally:
        tracemalloc.stop()


async def test_all_of_a_reply_is_sent_before_it_is_played() -> None:
    sent: list[Waveform] = []
    told: list[str] = []
    speaker = SocketSpeaker(
        24_000,
        send=sent.append,
        sent=lambda: told.append("sent"),
        ducked=lambda decibels: told.append(f"{decibels:.0f} dB"),
        held=lambda held: told.append("silent" if held else "goes on"),
    )
    await speaker.play(AudioClip(speech_like((0.0, 1.0), length_s=1.0), 16_000))
    assert not speaker.change_rate(16_000)
    draining = asyncio.ensure_future(speaker.drain())
    await asyncio.sleep(0)
    assert told == ["sent"]
    assert sum(map(len, sent)) == 24_000
    speaker.gain(-18.0)
    speaker.hold(True)
    speaker.hold(False)
    assert speaker.clear() > 20_000
    assert told == ["sent", "-18 dB", "silent", "goes on"]
    draining.cancel()


async def test_what_is_cleared_is_not_heard_any_more() -> None:
    microphone = SocketMicrophone(512)
    await microphone.push(np.ones(1_024, dtype=np.float32), 16_000)
    microphone.silence_waiting()
    await microphone.push(np.full(512, 0.5, dtype=np.float32), 16_000)
    microphone.end()
    levels = [float(frame.samples.max()) async for frame in microphone.frames()]
    assert levels == [0.0, 0.0, 0.5], "its time passes all the same"
