"""Stretches of speech of any length, as a microphone brings them: loud or soft, in noise or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.features import SPEECH_RATE_HZ, Waveform
from train.corpora.files import AUDIO
from train.data.audio_files import audio_duration_s, read_audio
from train.data.manifest import read_manifest
from train.synthetic.surroundings import Surroundings, in_room, with_noise

LEVEL_DB = (-45.0, -15.0)
"""Loudness of what is said, against full scale, drawn from evenly."""
SNR_DB = (5.0, 25.0)
NOISY, ROOMY, TRAILED, WHITE = 0.6, 0.1, 0.5, 0.2
"""Chances of noise, of a room, of silence or noise alone behind the speech, of white noise."""
WHOLE = 0.85
"""Share of the recordings with known words that are taken whole where words count."""
TRAILING_S = 0.8
"""Longest stretch behind the speech that belongs to the recording."""


@dataclass(frozen=True, slots=True)
class SpokenRecording:
    """A recording of speech."""

    reference: str
    """As in `train.data.audio_files`."""
    root: Path
    duration_s: float
    words: str = ""
    """What is said in it, where that is known."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch of a recording."""

    recording: SpokenRecording
    start_s: float
    duration_s: float

    @property
    def words(self) -> str:
        """What is said in it; empty where that is not known, or it is only a part."""
        return self.recording.words if self.duration_s == self.recording.duration_s else ""


@dataclass(frozen=True, slots=True)
class Disturbed:
    """The same stretch as it was said, and as it was heard."""

    clean: Waveform
    heard: Waveform
    words: str = ""
    """As of `Cut`."""
    draw: float = 0.0
    """From [0, 1), for what is to be done with some of them only."""


def find_recordings(source: Path) -> list[SpokenRecording]:
    """Returns the recordings of a folder, or of a manifest but for its test split.

    Raises:
        ValueError: There is none.
    """
    if source.is_dir():
        paths = sorted(p for p in source.rglob("*") if p.suffix.lower() in AUDIO)
        found = [SpokenRecording(str(p), Path(), audio_duration_s(str(p))) for p in paths]
    else:
        utterances = read_manifest(source, check_audio=False).utterances
        found = [
            SpokenRecording(
                u.audio, source.parent, u.duration_s or audio_duration_s(u.audio), u.text
            )
            for u in utterances
            if u.split != "test"
        ]
    if not found:
        raise ValueError(
            f"{source} holds no recordings: give a folder of sound files, or a manifest"
        )
    return found


def draw_cuts(
    sources: Sequence[Sequence[SpokenRecording]],
    count: int,
    *,
    lengths_s: tuple[float, float],
    shares: Sequence[float] = (),
    with_words: bool = False,
    seed: int = 1,
) -> list[Cut]:
    """Returns `count` stretches whose lengths are spread evenly on a logarithmic scale.

    Args:
        sources: Recordings by source.
        count: How many.
        lengths_s: Shortest and longest; a shorter recording is taken whole.
        shares: Of each source; empty: all as much.
        with_words: Most recordings whose words are known are taken whole: of a part nobody knows
            which words are in it.
        seed: Of the draw.

    Raises:
        ValueError: The shares do not fit the sources.
    """
    if shares and len(shares) != len(sources):
        raise ValueError(f"{len(shares)} shares for {len(sources)} sources of recordings")
    generator = np.random.default_rng(seed)
    chances = np.array(shares or [1.0] * len(sources), dtype=np.float64)
    cuts: list[Cut] = []
    for source in generator.choice(len(sources), size=count, p=chances / chances.sum()):
        recording = sources[source][int(generator.integers(len(sources[source])))]
        wanted = float(np.exp(generator.uniform(*np.log(lengths_s))))
        if with_words and recording.words and generator.random() < WHOLE:
            wanted = lengths_s[1]
        duration = min(wanted, recording.duration_s)
        start = float(generator.uniform(0.0, recording.duration_s - duration))
        cuts.append(Cut(recording, start, duration))
    return cuts


def heard_cut(cut: Cut, surroundings: Surroundings, generator: np.random.Generator) -> Disturbed:
    """Returns a stretch at a random level, perhaps in a room, in noise, and before a silence.

    Raises:
        ValueError: The recording cannot be read.
    """
    whole = read_audio(cut.recording.reference, cut.recording.root)
    start = int(cut.start_s * SPEECH_RATE_HZ)
    speech = whole[start : start + max(1, int(cut.duration_s * SPEECH_RATE_HZ))]
    if surroundings.rooms and generator.random() < ROOMY:
        speech = in_room(speech, _one_of(surroundings.rooms, generator))
    speech = levelled(speech, float(generator.uniform(*LEVEL_DB)))
    if generator.random() < TRAILED:
        speech = np.pad(speech, (0, int(generator.uniform(0, TRAILING_S) * SPEECH_RATE_HZ)))
    noisy = speech
    if generator.random() < NOISY:
        noise = some_noise(speech.size, surroundings, generator)
        noisy = with_noise(speech, noise, float(generator.uniform(*SNR_DB)), generator)
    return Disturbed(speech, np.clip(noisy, -1.0, 1.0), cut.words, float(generator.random()))


def pink_noise(size: int, generator: np.random.Generator) -> Waveform:
    """Returns noise of equal power in each octave."""
    spectrum = np.fft.rfft(generator.standard_normal(max(size, 2)))
    spectrum[0] = 0.0
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    return np.fft.irfft(spectrum, max(size, 2))[:size].astype(np.float32)


def some_noise(size: int, surroundings: Surroundings, generator: np.random.Generator) -> Waveform:
    """Returns white or pink noise, or one of the surroundings."""
    kind = generator.random()
    if kind < WHITE:
        return generator.standard_normal(size).astype(np.float32)
    if kind < 2 * WHITE or not surroundings.noises:
        return pink_noise(size, generator)
    return _one_of(surroundings.noises, generator)


def levelled(speech: Waveform, level_db: float) -> Waveform:
    """Returns speech at a level against full scale, or as near to it as it can be unclipped."""
    root_mean_square = max(float(np.sqrt(np.mean(np.square(speech)))), 1e-6)
    peak = max(float(np.abs(speech).max()), 1e-6)
    factor = min(10 ** (level_db / 20) / root_mean_square, 0.99 / peak)
    return (speech * factor).astype(np.float32)


def _one_of(waveforms: Sequence[Waveform], generator: np.random.Generator) -> Waveform:
    return waveforms[int(generator.integers(len(waveforms)))]
