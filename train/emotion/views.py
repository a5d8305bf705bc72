"""A recording as other microphones, rooms and voice detectors would bring it; its emotion stays."""

import numpy as np

from models.features import SPEECH_RATE_HZ, Waveform
from train.synthetic.speech_cuts import some_noise
from train.synthetic.surroundings import Surroundings, faster, in_room, telephone, with_noise

SPEEDS = (0.92, 1.09)
GAIN_DB = (-26.0, 8.0)
SNR_DB = (5.0, 25.0)
TRAILING_S = 1.0
OFFSET = 0.03
"""Largest shift of the zero line, as cheap sound cards have it."""
SPEED, ROOM, TRAIL, NOISE, TELEPHONE, SHIFT = 0.5, 0.1, 0.3, 0.5, 0.2, 0.1
"""Chances of each disturbance."""
QUIET_SHARE = 0.05
"""Of the loudest level: what is below it at both ends is silence."""
FRAME = SPEECH_RATE_HZ // 100
AROUND = 10 * FRAME


def varied(
    waveform: Waveform, surroundings: Surroundings, generator: np.random.Generator
) -> Waveform:
    """Returns a recording cut, played, disturbed and amplified at random."""
    waveform = without_some_silence(waveform, generator)
    if generator.random() < SPEED:
        waveform = faster(waveform, float(generator.uniform(*SPEEDS)))
    if surroundings.rooms and generator.random() < ROOM:
        rooms = surroundings.rooms
        waveform = in_room(waveform, rooms[int(generator.integers(len(rooms)))])
    if generator.random() < TRAIL:
        silence = int(generator.uniform(0, TRAILING_S) * SPEECH_RATE_HZ)
        waveform = np.pad(waveform, (0, silence))
    if generator.random() < NOISE:
        noise = some_noise(waveform.size, surroundings, generator)
        waveform = with_noise(waveform, noise, float(generator.uniform(*SNR_DB)), generator)
    if generator.random() < TELEPHONE:
        waveform = telephone(waveform)
    gain = 10 ** (float(generator.uniform(*GAIN_DB)) / 20)
    waveform = waveform * np.float32(min(gain, 1.0 / max(float(np.abs(waveform).max()), 1e-6)))
    if generator.random() < SHIFT:
        waveform = waveform + np.float32(generator.uniform(-OFFSET, OFFSET))
    return np.clip(waveform, -1.0, 1.0).astype(np.float32)


def without_some_silence(waveform: Waveform, generator: np.random.Generator) -> Waveform:
    """Returns a recording with a random part of the silence around its speech."""
    start, end = loud_span(waveform)
    first = int(generator.integers(0, start + 1))
    return waveform[first : int(generator.integers(end, waveform.size + 1))]


def loud_span(waveform: Waveform) -> tuple[int, int]:
    """Returns the first sample and the one after the last, a tenth of a second around speech."""
    frames = waveform[: waveform.size // FRAME * FRAME].reshape(-1, FRAME)
    if not len(frames):
        return 0, waveform.size
    level = np.sqrt(np.mean(np.square(frames), axis=1))
    loud = np.flatnonzero(level > QUIET_SHARE * level.max())
    if loud.size == 0:
        return 0, waveform.size
    start = max(0, int(loud[0]) * FRAME - AROUND)
    return start, min(waveform.size, (int(loud[-1]) + 1) * FRAME + AROUND)
