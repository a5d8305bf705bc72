"""How well a person is heard by the microphone: level, noise, speech, and sound that was lost."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np

from assistant.audio.devices import DeviceSettings
from assistant.audio.playout import level_db
from assistant.audio.sound_card import SoundCard
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioFrame, Waveform
from assistant.checks.machine import Check, State
from assistant.engines.protocols import VoiceActivityDetector
from assistant.errors import AssistantError

LISTEN_S = 5.0
"""How long the microphone is listened to."""
ARRIVE_S = 3.0
"""How much longer its sound may take to arrive."""
SPEECH = 0.5
"""Probability from which a frame counts, as in talk (`EndpointingSettings.start_threshold`)."""
LEAST_SPEECH_S = 0.5
"""Speech from which its level says something: a word or two."""
SILENT_DB, FAINT_DB, NOISY_DB = -75.0, -45.0, 12.0
"""Level of a microphone that hears nothing; of speech that is too faint; and how far speech must
lie above the noise."""
CLIPPED, CLIPPED_SHARE = 0.99, 0.001
"""Magnitude from which a sample was cut off, and the share of such samples that is told."""


@dataclass(frozen=True, slots=True)
class Levels:
    """What was heard, in dB of full scale."""

    loudest_db: float
    noise_db: float
    """Of the quiet tenth of the frames."""
    speech_db: float | None
    """Of the frames with speech; None where there was hardly any."""
    clipped_share: float
    dropped_frames: int


def examine(settings: DeviceSettings, detector: VoiceActivityDetector) -> Check:
    """Listens to the microphone and returns the finding."""
    try:
        return judge(asyncio.run(_listen(settings, detector)))
    except AssistantError as error:
        return Check("microphone test", State.MISSING, "nothing is heard", str(error))
    except TimeoutError:
        remedy = "choose another microphone with --devices.microphone, or start the sound server"
        return Check("microphone test", State.MISSING, "it gives no sound", remedy)


async def _listen(settings: DeviceSettings, detector: VoiceActivityDetector) -> Levels:
    card = SoundCard(settings, frame_samples=detector.frame_samples)
    try:
        async with asyncio.timeout(LISTEN_S + ARRIVE_S):
            frames = await taken(card.frames(), LISTEN_S)
        return measure(frames, detector, card.dropped_frames)
    finally:
        card.close()


async def taken(frames: AsyncIterator[AudioFrame], seconds: float) -> list[Waveform]:
    """Returns the frames of the first `seconds`."""
    found: list[Waveform] = []
    async for frame in frames:
        found.append(frame.samples)
        if sum(map(len, found)) >= seconds * SPEECH_RATE_HZ:
            break
    return found


def measure(frames: list[Waveform], detector: VoiceActivityDetector, dropped: int) -> Levels:
    """Returns the levels in `frames` (16 kHz)."""
    sound = np.concatenate(frames)
    levels = [level_db(frame) for frame in frames]
    speech = [frame for frame in frames if detector.probability(frame) >= SPEECH]
    is_speech = sum(map(len, speech)) >= LEAST_SPEECH_S * SPEECH_RATE_HZ
    return Levels(
        loudest_db=max(levels),
        noise_db=float(np.percentile(levels, 10)),
        speech_db=level_db(np.concatenate(speech)) if is_speech else None,
        clipped_share=float(np.mean(np.abs(sound) >= CLIPPED)),
        dropped_frames=dropped,
    )


def judge(levels: Levels) -> Check:
    """Returns how good `levels` are, and what to do about it."""
    found = f"loudest {levels.loudest_db:.0f} dB, noise {levels.noise_db:.0f} dB"
    if levels.speech_db is not None:
        found += f", speech {levels.speech_db:.0f} dB"
    if levels.dropped_frames:
        found += f", {levels.dropped_frames} pieces lost"
    state, remedy = _remedy(levels)
    return Check("microphone test", state, found, remedy)


def _remedy(levels: Levels) -> tuple[State, str]:
    speech_db = levels.speech_db
    if levels.loudest_db < SILENT_DB:
        return State.MISSING, (
            "it is silent: open it in the system's sound settings, or choose another with "
            "--devices.microphone"
        )
    if speech_db is None:
        return State.OPTIONAL, "no speech was heard: run this again and speak all the time"
    if levels.clipped_share > CLIPPED_SHARE:
        return State.OPTIONAL, "it is overdriven: lower its level in the system's sound settings"
    if speech_db < FAINT_DB:
        return State.OPTIONAL, "you are faint: come closer, or raise its level"
    if speech_db - levels.noise_db < NOISY_DB:
        return State.OPTIONAL, "the room is noisy: come closer, or use a headset"
    if levels.dropped_frames:
        return State.OPTIONAL, "sound was lost: close other programs"
    return State.WORKS, ""
