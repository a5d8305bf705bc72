"""Recordings as other microphones, rooms and lines would bring them, alike in each run."""

import zlib

import numpy as np

from models.features import Waveform
from train.evaluation.settings import ArrivalSettings
from train.synthetic.surroundings import telephone


def as_it_arrives(waveform: Waveform, settings: ArrivalSettings, name: str) -> Waveform:
    """Returns a recording as it comes to the model: what is around it, the line, the sound card.

    Args:
        waveform: (N,).
        settings: What is done to it.
        name: Of the utterance: noise is drawn from it.
    """
    if settings.noise_db is not None:
        waveform = with_pink_noise(waveform, settings.noise_db, name)
    if settings.telephone:
        waveform = telephone(waveform)
    if settings.gain_db:
        waveform = waveform * np.float32(10 ** (settings.gain_db / 20))
    if settings.offset:
        waveform = waveform + np.float32(settings.offset)
    return waveform


def with_pink_noise(waveform: Waveform, below_db: float, name: str) -> Waveform:
    """Returns a waveform with noise of equal power in each octave.

    Args:
        waveform: (N,).
        below_db: How far the noise lies below the speech, by mean power.
        name: Of the utterance: the noise is drawn from it.
    """
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    white = np.fft.rfft(generator.standard_normal(len(waveform)))
    white[0] = 0.0
    white[1:] /= np.sqrt(np.arange(1, len(white)))
    noise = np.fft.irfft(white, len(waveform))
    power = float(np.mean(np.square(waveform))) / 10 ** (below_db / 10)
    level = (power / max(float(np.mean(np.square(noise))), 1e-20)) ** 0.5
    return (waveform + level * noise).astype(np.float32)
