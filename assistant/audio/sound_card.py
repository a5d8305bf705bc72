"""Sound cards through PortAudio: a microphone and a speaker that survive being unplugged.

Callbacks run on PortAudio's threads; they copy and return. Conversion of rates, waiting and
reconnection happen on the event loop.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.audio.capture_clock import TimedFramer, passed_s
from assistant.audio.channels import ToMono
from assistant.audio.devices import DeviceSettings, find_device, sound_library
from assistant.audio.playout import PlayedReference, StreamResampler
from assistant.audio.protocols import DeviceListener
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip, AudioFrame, RingBuffer, Waveform
from assistant.errors import DeviceError

BLOCK_S = 0.01
"""Length of one callback's sound."""
STALLED_S = 2.0
"""A microphone that gives nothing, or a speaker that takes nothing, for so long is taken for lost:
a device may go without its stream ever saying so."""
OUTPUT_LATENCY_S = 0.1
"""Sound that waits in the device. What PortAudio calls low is 20 ms on a sound server: there a busy
machine lost step thirty times a second, with 60 ms once in ten seconds, with 100 ms never."""
RETRY_S = 1.0
"""Pause between two attempts to reconnect."""


class SoundCard:
    """A microphone and a speaker that are opened, lost and reopened together."""

    def __init__(
        self,
        settings: DeviceSettings,
        *,
        frame_samples: int = 512,
        library: Any = None,
    ) -> None:
        """Finds and opens both devices.

        Args:
            settings: Which devices.
            frame_samples: Length of the microphone's frames at 16 kHz.
            library: `sounddevice`, or what stands for it in a test.

        Raises:
            DeviceError: A device is missing or cannot be opened; the message names the remedy.
        """
        self.dropped_frames = 0
        self._settings = settings
        self._listeners: list[DeviceListener] = []
        self._frame_samples = frame_samples
        self._library: Any = library or sound_library()
        self._output = find_device(self._library, settings.speaker, is_input=False)
        self.speaker = SoundCardSpeaker(self._output.rate_hz, settings.ahead_s)
        self._blocks: deque[tuple[NDArray[np.float32], float]] = deque(maxlen=round(2.0 / BLOCK_S))
        """What the microphone gave, and when."""
        self._arrived = asyncio.Event()
        self._streams: list[Any] = []
        self._is_sounding = False
        self._rendered = 0
        self._rendered_at_s = 0.0
        self._open()

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yields 16 kHz frames; a device that is lost is waited for, and said.

        Raises:
            DeviceError: It did not come back in time.
        """
        framer = TimedFramer(self._frame_samples)
        gives_up_at_s: float | None = None
        while True:
            resampler = StreamResampler(SPEECH_RATE_HZ)
            mixer = ToMono(self._input.rate_hz)
            while await self._has_sound():
                if gives_up_at_s is not None and self._is_sounding:
                    self._tell(f"the sound device is back ({self._input.name})", lost=False)
                    gives_up_at_s = None
                while self._blocks:
                    raw, came_s = self._blocks.popleft()
                    block = AudioClip(mixer.mix(raw), self._input.rate_hz)
                    for frame in framer.push(resampler.push(block), came_s):
                        yield frame
            framer.begin_anew()
            if gives_up_at_s is None:
                gives_up_at_s = asyncio.get_running_loop().time() + self._settings.give_up_s
                names = " or ".join(dict.fromkeys((self._input.name, self._output.name)))
                self._tell(
                    f"the sound device was lost ({names}): Attune reconnects when it is back",
                    lost=True,
                )
            await self._reconnect(gives_up_at_s)

    def follow(self, listener: DeviceListener) -> None:
        """Tells `listener` from now on that a device was lost or is back."""
        self._listeners.append(listener)

    def _tell(self, message: str, *, lost: bool) -> None:
        for listener in self._listeners:
            listener(message, lost)

    def close(self) -> None:
        """Gives the devices back."""
        for stream in self._streams:
            try:
                stream.close()
            except self._library.PortAudioError:
                continue  # a lost device cannot be closed properly
        self._streams = []

    async def _has_sound(self) -> bool:
        """Waits for sound; False when a device is lost."""
        if self._speaker_stalls():
            return False
        if self._blocks:
            return True
        self._arrived.clear()
        try:
            async with asyncio.timeout(STALLED_S):
                await self._arrived.wait()
        except TimeoutError:
            return False
        return bool(self._blocks) and all(stream.active for stream in self._streams)

    def _speaker_stalls(self) -> bool:
        now_s = asyncio.get_running_loop().time()
        if self.speaker.rendered != self._rendered:
            self._rendered, self._rendered_at_s = self.speaker.rendered, now_s
        return now_s - self._rendered_at_s >= STALLED_S

    async def _reconnect(self, gives_up_at_s: float) -> None:
        """Opens the devices anew; they are back when sound arrives, which takes a while longer."""
        self.close()
        while True:
            await asyncio.sleep(RETRY_S)
            # PortAudio lists devices once, when it starts
            self._library._terminate()
            self._library._initialize()
            try:
                self._open()
            except DeviceError as error:
                if asyncio.get_running_loop().time() > gives_up_at_s:
                    raise DeviceError(f"the sound device did not come back: {error}") from error
                continue
            return

    def _open(self) -> None:
        library = self._library
        loop = asyncio.get_running_loop()
        self._is_sounding = False
        self._input = find_device(library, self._settings.microphone, is_input=True)
        self._output = find_device(library, self._settings.speaker, is_input=False)

        def take(indata: Any, _frames: int, _time: Any, status: Any) -> None:
            has_lost = bool(status and status.input_overflow)
            loop.call_soon_threadsafe(self._take, indata.copy(), loop.time(), has_lost)

        def lost() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._arrived.set)

        try:
            speaker = library.OutputStream(
                device=self._output.index,
                samplerate=self.speaker.sample_rate,
                channels=1,
                dtype="float32",
                blocksize=round(BLOCK_S * self.speaker.sample_rate),
                latency=OUTPUT_LATENCY_S,
                callback=self.speaker.render,
            )
            self._streams = [speaker]
            microphone = library.InputStream(
                device=self._input.index,
                samplerate=self._input.rate_hz,
                channels=self._input.channels,
                dtype="float32",
                blocksize=round(BLOCK_S * self._input.rate_hz),
                latency="low",
                callback=take,
                finished_callback=lost,
            )
            self._streams.append(microphone)
            self.speaker.expect(latency_s=float(speaker.latency))
            speaker.start()
            microphone.start()
        except (library.PortAudioError, ValueError) as error:
            self.close()
            raise DeviceError(
                f"the sound device cannot be opened ({error}): close other programs that use it, "
                "or choose another with --devices.microphone and --devices.speaker"
            ) from error
        self._rendered_at_s = loop.time()

    def _take(self, block: NDArray[np.float32], came_s: float, has_lost: bool) -> None:
        if has_lost or len(self._blocks) == self._blocks.maxlen:
            self.dropped_frames += 1  # lost by the device, or the oldest block falls out
        self._blocks.append((block, came_s))
        self._is_sounding = True
        self._arrived.set()


class SoundCardSpeaker:
    """The speaker's queue and clock; `render` is PortAudio's callback."""

    def __init__(self, sample_rate: int, ahead_s: float) -> None:
        self.sample_rate = sample_rate
        self.latency_s = 0.0
        self.underruns = 0
        self.slips = 0
        self.rendered = 0
        """Callbacks so far."""
        self.played_samples = 0
        self._ring = RingBuffer(round(ahead_s * sample_rate))
        self._past = RingBuffer(2 * sample_rate)
        self._reference = PlayedReference(sample_rate)
        self._resampler = StreamResampler(sample_rate)
        self._factor = 1.0
        self._wanted_factor = 1.0
        self._is_held = False
        self._is_replying = False
        self._was_sounding = False

    def expect(self, *, latency_s: float) -> None:
        """The device was opened; a sound is heard so long after it was rendered."""
        self.latency_s = latency_s
        self._reference.lead_s = latency_s / 2.0

    @property
    def queued_samples(self) -> int:
        """Samples of clips waiting to be played."""
        return self._ring.available

    async def play(self, clip: AudioClip) -> None:
        """Queues `clip`; waits while the queue is full."""
        self._is_replying = True
        await self._queue(self._resampler.push(clip))

    async def drain(self) -> None:
        """Waits until all that is queued has been played."""
        await self._queue(self._resampler.flush())
        self._is_replying = False
        while self._ring.available:
            await asyncio.sleep(self._ring.available / self.sample_rate + BLOCK_S)
        await asyncio.sleep(self.latency_s)

    def gain(self, decibels: float) -> None:
        """Ducks or restores what is playing, within one callback."""
        self._wanted_factor = 10.0 ** (decibels / 20.0)

    def hold(self, held: bool) -> None:
        """Falls silent in the middle of what is playing, or goes on; fades within one callback."""
        self._is_held = held

    def clear(self) -> int:
        """Drops what is queued; returns the samples that were never heard."""
        self._resampler.reset()
        self._is_replying = False
        return self._ring.request_clear()

    def played(self, samples: int, *, captured_s: float | None = None) -> Waveform:
        """Takes the next `samples` at 16 kHz of what was played, up to `captured_s`."""
        self._reference.push(self._past.read(self._past.available))
        return self._reference.take(samples, late_s=passed_s(captured_s))

    def render(self, outdata: Any, frames: int, _time: Any, status: Any) -> None:
        """Fills `outdata`, (frames, 1), with what is queued; zeros where too little is."""
        self.rendered += 1
        if status and status.output_underflow:
            self.slips += 1
        is_held = self._is_held
        wanted = 0.0 if is_held else self._wanted_factor
        sound = self._ring.read(0 if is_held and self._factor == 0.0 else frames)
        count = len(sound)
        if count < frames and self._is_replying and self._was_sounding and not is_held:
            self.underruns += 1
        self._was_sounding = count == frames
        ramp = np.linspace(self._factor, wanted, frames, dtype=np.float32)
        self._factor = wanted
        outdata[:count, 0] = sound * ramp[:count]
        outdata[count:, 0] = 0.0
        self.played_samples += count
        self._past.write(outdata[:, 0])

    async def _queue(self, samples: Waveform) -> None:
        while len(samples):
            samples = samples[self._ring.write(samples) :]
            if len(samples):
                await asyncio.sleep(min(len(samples), self._ring.capacity // 4) / self.sample_rate)
