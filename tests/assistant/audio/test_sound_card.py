"""Sound cards: choice by name, rates, queue and clock, loss and return, with a fake PortAudio."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from assistant.audio.devices import DeviceSettings, find_device
from assistant.audio.sound_card import SoundCard, SoundCardSpeaker
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip, AudioFrame
from assistant.clock import replay
from assistant.errors import DeviceError


class FakeStream:
    latency = 0.05

    def __init__(self, library: "FakePortAudio", **options: Any) -> None:
        self.options = options
        self.active = False
        self.closed = False
        library.streams.append(self)

    def start(self) -> None:
        self.active = True

    def close(self) -> None:
        self.active, self.closed = False, True


class FakePortAudio:
    class PortAudioError(Exception):
        pass

    def __init__(self, *names: tuple[str, int, int], rates: tuple[int, ...] = (16_000,)) -> None:
        self.devices = [
            {
                "name": name,
                "max_input_channels": inputs,
                "max_output_channels": outputs,
                "default_samplerate": 48_000.0,
            }
            for name, inputs, outputs in names
        ]
        self.rates = rates
        self.streams: list[FakeStream] = []
        self.restarts = 0

    def query_devices(self, kind: str | None = None) -> Any:
        if kind is None:
            return self.devices
        channels = f"max_{kind}_channels"
        for device in self.devices:
            if device[channels]:
                return device
        raise ValueError("no such device")

    def check_input_settings(self, *, samplerate: int, **_rest: Any) -> None:
        if samplerate not in self.rates:
            raise self.PortAudioError("invalid sample rate")

    check_output_settings = check_input_settings

    def InputStream(self, **options: Any) -> FakeStream:  # noqa: N802
        return FakeStream(self, **options)

    OutputStream = InputStream

    def _terminate(self) -> None:
        self.restarts += 1

    def _initialize(self) -> None:
        pass


BOTH = (("USB Headset", 1, 2), ("Laptop Microphone", 2, 0), ("Laptop Speaker", 0, 2))


def test_a_device_is_found_by_a_part_of_its_name() -> None:
    library = FakePortAudio(*BOTH)
    assert find_device(library, "laptop mic", is_input=True).name == "Laptop Microphone"
    assert find_device(library, "headset", is_input=False).index == 0
    assert find_device(library, None, is_input=True).index is None


@pytest.mark.parametrize(
    ("name", "message"),
    [("piano", "there is no microphone 'piano'"), ("e", "several microphones match 'e'")],
)
def test_a_name_that_fits_none_or_several_is_refused_with_the_choice(
    name: str, message: str
) -> None:
    with pytest.raises(DeviceError, match=message) as caught:
        find_device(FakePortAudio(*BOTH), name, is_input=True)
    assert "USB Headset" in str(caught.value)
    assert "Laptop Microphone" in str(caught.value)


def test_no_device_at_all_gives_advice() -> None:
    with pytest.raises(DeviceError, match=r"no microphone was found.*--input"):
        find_device(FakePortAudio(), None, is_input=True)
    with pytest.raises(DeviceError, match="no loudspeaker was found"):
        find_device(FakePortAudio(("only in", 1, 0)), None, is_input=False)


def test_the_rate_is_one_that_the_device_accepts() -> None:
    library = FakePortAudio(*BOTH, rates=(44_100,))
    assert find_device(library, None, is_input=True).rate_hz == 44_100
    with pytest.raises(DeviceError, match="none of the usual sample rates"):
        find_device(FakePortAudio(*BOTH, rates=(7,)), None, is_input=True)


def with_card(
    act: Callable[[SoundCard, FakePortAudio, list[tuple[str, bool]]], Any],
    library: FakePortAudio | None = None,
    settings: DeviceSettings | None = None,
) -> Any:
    """Runs `act` with an open sound card on a virtual clock."""

    async def main() -> Any:
        fake = library or FakePortAudio(*BOTH)
        changes: list[tuple[str, bool]] = []
        card = SoundCard(settings or DeviceSettings(), library=fake)
        card.follow(lambda message, lost: changes.append((message, lost)))
        try:
            return await act(card, fake, changes)
        finally:
            card.close()

    return replay(main(), workers=[])


def record(fake: FakePortAudio, count: int, value: float = 0.5) -> None:
    """The device calls back with `count` samples."""
    microphone = [stream for stream in fake.streams if "finished_callback" in stream.options][-1]
    block = np.full((count, 1), value, dtype=np.float32)
    microphone.options["callback"](block, count, None, None)


def test_the_microphone_gives_16_khz_frames_from_any_rate() -> None:
    async def act(card: SoundCard, fake: FakePortAudio, _changes: Any) -> list[AudioFrame]:
        frames = card.frames()
        for _ in range(30):
            record(fake, 480)
        return [await anext(frames) for _ in range(8)]

    frames = with_card(act, FakePortAudio(*BOTH, rates=(48_000,)))
    assert [frame.start_samples for frame in frames] == [512 * index for index in range(8)]
    assert frames[4].samples == pytest.approx(np.full(512, 0.5), abs=1e-3)


def test_sound_nobody_takes_is_dropped_oldest_first_and_counted() -> None:
    async def act(card: SoundCard, fake: FakePortAudio, _changes: Any) -> tuple[int, float]:
        for index in range(250):
            record(fake, 160, value=index / 1_000)
        await asyncio.sleep(0)
        frame = await anext(card.frames())
        return card.dropped_frames, float(frame.samples[0])

    dropped, first = with_card(act)
    assert dropped == 50
    assert first == pytest.approx(0.05)


def test_a_lost_device_is_said_and_taken_up_again_when_it_is_back() -> None:
    async def act(
        card: SoundCard, fake: FakePortAudio, changes: list[tuple[str, bool]]
    ) -> tuple[list[tuple[str, bool]], int, int]:
        frames = card.frames()
        for _ in range(4):
            record(fake, 160)
        first = await anext(frames)
        devices, fake.devices = fake.devices, []

        async def plug_in_later() -> None:
            await asyncio.sleep(5.0)
            fake.devices = devices
            await asyncio.sleep(1.5)
            for _ in range(8):
                record(fake, 160)

        later = asyncio.create_task(plug_in_later())
        second = await anext(frames)
        await later
        return changes, first.start_samples, second.start_samples

    changes, first, second = with_card(act)
    assert [lost for _, lost in changes] == [True, False]
    assert "lost" in changes[0][0]
    assert "back" in changes[1][0]
    assert second == first + 512


def test_a_device_is_back_when_its_sound_is_not_when_it_opens() -> None:
    async def act(
        card: SoundCard, fake: FakePortAudio, changes: list[tuple[str, bool]]
    ) -> tuple[list[bool], list[bool]]:
        frames = card.frames()
        for _ in range(4):
            record(fake, 160)

        async def listen() -> None:
            await anext(frames)

        await listen()
        waiting = asyncio.create_task(listen())
        await asyncio.sleep(10.0)  # lost for want of sound, then opened again and again, silent
        silent = [lost for _, lost in changes]
        while not waiting.done():
            record(fake, 160)
            await asyncio.sleep(0.01)
        return silent, [lost for _, lost in changes]

    silent, sounding = with_card(act)
    assert silent == [True], "said once, and not yet back"
    assert sounding == [True, False]


@pytest.mark.parametrize("is_taking", [True, False])
def test_a_loudspeaker_that_takes_nothing_any_more_is_lost_though_its_stream_is_open(
    is_taking: bool,
) -> None:
    async def act(
        card: SoundCard, fake: FakePortAudio, changes: list[tuple[str, bool]]
    ) -> list[tuple[str, bool]]:
        async def listen() -> None:
            async for _ in card.frames():
                pass

        listening = asyncio.create_task(listen())
        for step in range(350):
            record(fake, 160)
            if is_taking or step < 100:
                card.speaker.render(np.zeros((160, 1), dtype=np.float32), 160, None, None)
            await asyncio.sleep(0.01)
        listening.cancel()
        return changes

    changes = with_card(act)
    assert [lost for _, lost in changes][:1] == ([] if is_taking else [True])


def test_a_device_that_stays_away_ends_the_conversation() -> None:
    async def act(card: SoundCard, fake: FakePortAudio, _changes: Any) -> None:
        fake.devices = []
        with pytest.raises(DeviceError, match="did not come back"):
            await anext(card.frames())

    with_card(act, settings=DeviceSettings(give_up_s=10.0))


def render(speaker: SoundCardSpeaker, count: int) -> np.ndarray:
    out = np.full((count, 1), np.nan, dtype=np.float32)
    speaker.render(out, count, None, None)
    return out[:, 0]


def test_a_device_that_lost_step_is_counted() -> None:
    speaker = SoundCardSpeaker(16_000, ahead_s=1.0)
    out = np.zeros((160, 1), dtype=np.float32)
    for underflowed in (False, True, False):
        speaker.render(out, 160, None, SimpleNamespace(output_underflow=underflowed))
    assert speaker.slips == 1


def test_the_speaker_plays_what_is_queued_then_silence_and_counts_it() -> None:
    async def act() -> None:
        speaker = SoundCardSpeaker(16_000, ahead_s=1.0)
        await speaker.play(AudioClip(np.full(250, 0.5, dtype=np.float32), 16_000))
        assert render(speaker, 160) == pytest.approx(np.full(160, 0.5))
        assert speaker.queued_samples == 90
        last = render(speaker, 160)
        assert last[:90] == pytest.approx(np.full(90, 0.5))
        assert not last[90:].any()
        assert speaker.played_samples == 250
        assert speaker.underruns == 1
        render(speaker, 160)
        assert speaker.underruns == 1, "one gap counts once"
        assert speaker.played(480) == pytest.approx(
            np.concatenate([np.full(250, 0.5), np.zeros(230)])
        )

    replay(act(), workers=[])


def test_ducking_lowers_and_clearing_silences_at_once() -> None:
    async def act() -> None:
        speaker = SoundCardSpeaker(16_000, ahead_s=1.0)
        await speaker.play(AudioClip(np.full(1_600, 0.5, dtype=np.float32), 16_000))
        speaker.gain(-20.0)
        render(speaker, 160)
        assert render(speaker, 160) == pytest.approx(np.full(160, 0.05), rel=1e-4)
        assert speaker.clear() == 1_280
        assert not render(speaker, 160).any()
        await speaker.play(AudioClip(np.full(160, 0.1, dtype=np.float32), 16_000))
        assert render(speaker, 160) == pytest.approx(np.full(160, 0.01), rel=1e-4)

    replay(act(), workers=[])


def test_a_speaker_that_is_held_fades_and_goes_on_from_where_it_was() -> None:
    async def act() -> None:
        speaker = SoundCardSpeaker(16_000, ahead_s=1.0)
        await speaker.play(AudioClip(np.full(800, 0.5, dtype=np.float32), 16_000))
        render(speaker, 160)
        speaker.hold(True)
        fading = render(speaker, 160)
        assert (fading[0], fading[-1]) == (pytest.approx(0.5), 0.0)
        for _ in range(20):
            assert not render(speaker, 160).any()
        assert (speaker.played_samples, speaker.queued_samples, speaker.underruns) == (320, 480, 0)
        speaker.hold(False)
        render(speaker, 160)
        assert render(speaker, 160) == pytest.approx(np.full(160, 0.5))
        speaker.hold(True)
        render(speaker, 160)
        assert speaker.clear() == 0
        await speaker.play(AudioClip(np.full(160, 0.5, dtype=np.float32), 16_000))
        assert speaker.clear() == 160
        assert speaker.played_samples == 800

    replay(act(), workers=[])


def test_a_clip_longer_than_the_queue_waits_for_room() -> None:
    async def act() -> None:
        speaker = SoundCardSpeaker(16_000, ahead_s=0.25)
        wave = np.linspace(0.0, 1.0, 16_000, dtype=np.float32)
        playing = asyncio.create_task(speaker.play(AudioClip(wave, 16_000)))
        heard: list[np.ndarray] = []
        while not playing.done() or speaker.queued_samples:
            await asyncio.sleep(0.01)
            heard.append(render(speaker, 160))
        assert np.concatenate(heard)[:16_000] == pytest.approx(wave)

    replay(act(), workers=[])


@pytest.mark.parametrize("second", [-1.0, 0.0, 1.0])
def test_a_stereo_microphone_is_heard_whatever_its_second_channel_is_like(second: float) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(32_000) / SPEECH_RATE_HZ)
    sound = (tone * (np.arange(32_000) % 8_000 < 4_000)).astype(np.float32)

    async def act(card: SoundCard, fake: FakePortAudio, _changes: Any) -> list[AudioFrame]:
        microphone = next(
            stream for stream in fake.streams if "finished_callback" in stream.options
        )
        assert microphone.options["channels"] == 2
        for start in range(0, len(sound), 160):
            block = sound[start : start + 160, None] * np.array([[1.0, second]], dtype=np.float32)
            microphone.options["callback"](block, 160, None, None)
        frames = card.frames()
        return [await anext(frames) for _ in range(60)]

    frames = with_card(act, FakePortAudio(("stereo", 2, 2)))
    heard = np.concatenate([frame.samples for frame in frames])
    assert float(np.corrcoef(heard, sound[: len(heard)])[0, 1]) > 0.95
    assert np.abs(heard).max() > 0.25
