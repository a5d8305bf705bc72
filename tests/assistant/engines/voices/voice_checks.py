"""What the tests of voices share: opening them, and measuring what they say."""

import numpy as np
import pytest

from assistant.audio.waveform import Waveform, resample
from assistant.engines.protocols import Cancel, SpeakingStyle, TextToSpeech
from assistant.engines.table import open_voice
from assistant.errors import EngineUnavailable

LAST_RESORT_VOICE = "flite"
"""Speaks where a test needs any real voice: the default one would have to be fetched."""
VOICES = (
    "flite:slt",
    "espeak",
    pytest.param("flite:rms", marks=pytest.mark.slow),
    pytest.param("flite:awb", marks=pytest.mark.slow),
    pytest.param("flite:kal16", marks=pytest.mark.slow),
    pytest.param("espeak:en-us+f3", marks=pytest.mark.slow),
)


def voice_or_skip(name: str) -> TextToSpeech:
    """Returns the voice; skips the test where it is not installed."""
    try:
        return open_voice(name)
    except EngineUnavailable as error:
        pytest.skip(str(error))


def spoken(voice: TextToSpeech, text: str, style: SpeakingStyle | None = None) -> Waveform:
    """Returns all that the voice says, as one waveform."""
    clips = list(voice.synthesize(text, style or SpeakingStyle(), Cancel()))
    return np.concatenate([clip.samples for clip in clips]) if clips else np.zeros(0, np.float32)


def assert_alike(one: Waveform, other: Waveform) -> None:
    """Checks that two waveforms say the same in the same way, but for the breath noise."""
    assert len(one) == pytest.approx(len(other), rel=0.02)
    blocks = min(len(one), len(other)) // 400
    levels = [
        np.abs(each[: blocks * 400]).reshape(blocks, 400).mean(axis=1) for each in (one, other)
    ]
    assert float(np.corrcoef(levels[0], levels[1])[0, 1]) > 0.9


def level_db(waveform: Waveform) -> float:
    """Returns the level of what is not silent, in decibels of full scale."""
    loud = waveform[np.abs(waveform) > 0.01].astype(np.float64)
    return float(10 * np.log10(np.mean(loud**2)))


def longest_silence_s(waveform: Waveform, sample_rate: int) -> float:
    """Returns the longest inner stretch without sound, in seconds."""
    loud = np.flatnonzero(np.abs(waveform) > 0.01)
    return float(np.diff(loud).max()) / sample_rate


def pitch_hz(waveform: Waveform, sample_rate: int) -> tuple[float, float]:
    """Returns the median and the spread (10 to 90 %) of the pitch, in Hz and semitones."""
    parselmouth = pytest.importorskip("parselmouth", reason="praat-parselmouth is not installed")
    sound = parselmouth.Sound(waveform.astype(np.float64), sample_rate)
    f0 = sound.to_pitch(pitch_floor=60, pitch_ceiling=400).selected_array["frequency"]
    voiced = f0[f0 > 0]
    low, middle, high = np.quantile(voiced, [0.1, 0.5, 0.9])
    return float(middle), float(12 * np.log2(high / low))


def recognised(waveform: Waveform, sample_rate: int) -> str:
    """Returns what PocketSphinx hears."""
    pocketsphinx = pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    at_16k = resample(waveform, from_hz=sample_rate, to_hz=16_000)
    padded = np.concatenate([np.zeros(4800), at_16k, np.zeros(4800)])
    decoder = pocketsphinx.Decoder(samprate=16_000, loglevel="FATAL")
    decoder.start_utt()
    decoder.process_raw((padded * 32767).astype(np.int16).tobytes(), full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return hypothesis.hypstr if hypothesis else ""
