"""Rooms to measure in: loudspeaker, walls, noise and people, on the clock of the conversation."""

import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from scipy.signal import butter, sosfilt

from assistant.audio.file_devices import FileMicrophone, FileSpeaker
from assistant.audio.playout import SampleQueue
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioFrame, Waveform, resample

LEVEL_DB = -26.0
"""Level of a person's speech at the microphone."""
ONSET_S, ONSET_SHARE = 0.2, 0.6
"""So much of so long is audible where somebody begins to speak."""
AUDIBLE = 0.16
"""Level from which a sound is, against the loudest parts of the recording: -16 dB."""


def read(path: Path) -> Waveform:
    """Returns a recording as mono at 16 kHz."""
    samples, rate = sf.read(path, dtype="float32", always_2d=True)
    return resample(samples.mean(axis=1), from_hz=rate, to_hz=SPEECH_RATE_HZ)


def at_level(waveform: Waveform, level_db: float) -> Waveform:
    """Returns `waveform` scaled to a level in dB relative to full scale."""
    power = float(np.mean(np.square(waveform))) + 1e-12
    return (waveform * 10 ** (level_db / 20) / np.sqrt(power)).astype(np.float32)


def trimmed(waveform: Waveform) -> Waveform:
    """Returns `waveform` from its first audible speech to its last loud sound.

    Speech begins where most of the following 200 ms lies within 16 dB of the loudest parts (the
    95th percentile): a click, a smack of the lips or breath before it is not what a listener takes
    for somebody speaking. The end is the last sound within 12 dB of them.
    """
    level = np.convolve(np.abs(waveform), np.ones(160) / 160, "same")
    loudest = np.percentile(level, 95)
    window = round(ONSET_S * SPEECH_RATE_HZ)
    audible = np.cumsum(np.concatenate([[0], level > AUDIBLE * loudest]))
    share = (audible[window:] - audible[:-window]) / window
    begins = np.flatnonzero((share > ONSET_SHARE) & (level[: len(share)] > AUDIBLE * loudest))
    loud = np.flatnonzero(level > 0.25 * loudest)
    return waveform[begins[0] if len(begins) else loud[0] : loud[-1] + 1]


def voices(data: Path, seed: int) -> Iterator[Waveform]:
    """Yields recordings of different speakers, trimmed, in an order that `seed` fixes."""
    files = sorted((data / "asr" / "librispeech-speakers").rglob("*.opus"))
    random.Random(seed).shuffle(files)
    for path in files:
        yield at_level(trimmed(read(path)), LEVEL_DB)


@dataclass(frozen=True, slots=True)
class Unrest:
    """How far the echo does not keep the time of what was played."""

    drift_ppm: float = 0.0
    """By which the loudspeaker's clock is faster than the microphone's."""
    jump_ms: float = 0.0
    """By which a driver is late from one moment on, and in time again from the next one on."""
    jump_every_s: float = 10.0

    def __str__(self) -> str:
        jumps = f"{self.jump_ms:g} ms late or not every {self.jump_every_s:g} s"
        return f"drift {self.drift_ppm:g} ppm, {jumps}"


class Room:
    """The way from the loudspeaker to the microphone: distortion, delay, clocks, walls."""

    def __init__(
        self,
        response: Waveform,
        *,
        drive: float,
        delay_ms: float,
        echo_db: float,
        unrest: Unrest | None = None,
    ) -> None:
        """Takes an impulse response.

        Args:
            response: Of the room, 16 kHz.
            drive: How hard the loudspeaker is driven; 1 is clean, 3 distorts plainly.
            delay_ms: Of the sound card.
            echo_db: Level of the echo where the assistant plays at -20 dB, relative to the level
                of a person's speech.
            unrest: Of the clocks and the driver; None for none.
        """
        self._unrest = unrest or Unrest()
        self._phase, self._last = 0.0, np.zeros(1, dtype=np.float32)
        self._gap, self._is_late, self._heard = 0, False, 0
        response = response[: round(0.8 * SPEECH_RATE_HZ)]
        response = response / np.sqrt(np.sum(np.square(response)))
        self._response = response * 10 ** ((echo_db + LEVEL_DB + 20.0) / 20)
        self._drive = drive
        band: Any = butter(2, [180, 7_000], "bandpass", fs=SPEECH_RATE_HZ, output="sos")
        self._band = band
        self._band_state = np.zeros((self._band.shape[0], 2))
        self._tail = np.zeros(len(response) - 1)
        self._waiting = SampleQueue()
        self._waiting.push(np.zeros(round(delay_ms * 16), dtype=np.float32))

    def play(self, samples: Waveform) -> None:
        """Takes what the loudspeaker is given."""
        if not len(samples):
            return
        sound, self._band_state = sosfilt(self._band, samples, zi=self._band_state)
        drive = self._drive
        sound = np.tanh(drive * sound) / drive + 0.05 * (drive - 1.0) * np.square(sound)
        size = 1 << (len(sound) + len(self._response) - 1).bit_length()
        spread = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(self._response, size))
        spread = spread[: len(sound) + len(self._tail)]
        spread[: len(self._tail)] += self._tail[: len(spread)]
        self._tail = spread[len(sound) :]
        self._waiting.push(spread[: len(sound)].astype(np.float32))

    def echo(self, samples: int) -> Waveform:
        """Returns the next `samples` of echo at the microphone."""
        self._jump(samples)
        pace = 1.0 + self._unrest.drift_ppm * 1e-6
        times = self._phase + pace * np.arange(samples + 1)
        whole = int(times[-1])
        sound = np.concatenate([self._last, self._arriving(whole)])
        self._phase, self._last = float(times[-1]) - whole, sound[-1:]
        return np.interp(times[:-1], np.arange(len(sound)), sound).astype(np.float32)

    def _jump(self, samples: int) -> None:
        every = round(self._unrest.jump_every_s * SPEECH_RATE_HZ)
        is_due = self._heard // every != (self._heard + samples) // every
        self._heard += samples
        size = round(self._unrest.jump_ms * SPEECH_RATE_HZ / 1_000)
        if is_due and size:
            if self._is_late:
                self._waiting.pop(size)
            else:
                self._gap += size
            self._is_late = not self._is_late

    def _arriving(self, samples: int) -> Waveform:
        late = min(self._gap, samples)
        self._gap -= late
        sound = self._waiting.pop(samples - late)
        return np.pad(sound, (late, samples - late - len(sound)))


class RoomMicrophone:
    """A microphone that hears people, noise and the assistant's own loudspeaker."""

    def __init__(self, people: Waveform, room: Room, noise_db: float = -60.0) -> None:
        self.dropped_frames = 0
        self.speaker: FileSpeaker | None = None
        """Set before the conversation begins."""
        self._people = FileMicrophone([people])
        self._room = room
        self._noise = np.random.default_rng(0)
        self._noise_level = 10 ** (noise_db / 20)

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yields what is heard."""
        async for frame in self._people.frames():
            if self.speaker is not None:
                _ = self.speaker.queued_samples  # plays up to now
            count = len(frame.samples)
            noise = self._noise_level * self._noise.standard_normal(count)
            heard = frame.samples + self._room.echo(count) + noise.astype(np.float32)
            yield AudioFrame(np.clip(heard, -1.0, 1.0).astype(np.float32), frame.start_samples)
