import numpy as np

from tests.models.small import tone
from train.emotion.views import loud_span, varied, without_some_silence
from train.synthetic.surroundings import Surroundings, telephone

QUIET = Surroundings([], [])


def power(wave: np.ndarray, low: float, high: float) -> float:
    spectrum = np.abs(np.fft.rfft(wave)) ** 2
    hertz = np.fft.rfftfreq(len(wave), 1 / 16_000)
    return float(spectrum[(hertz >= low) & (hertz < high)].sum())


def test_a_telephone_passes_its_band_alone() -> None:
    noise = np.random.default_rng(0).normal(size=16_000).astype(np.float32) * 0.1
    heard = telephone(noise)
    assert len(heard) == len(noise)
    assert power(heard, 400, 3200) > 0.9 * power(noise, 400, 3200)
    for low, high in ((0, 150), (4200, 8000)):
        assert power(heard, low, high) < 0.01 * power(noise, low, high)


def test_only_silence_is_cut() -> None:
    wave = np.pad(tone(1.0), (8_000, 12_000))
    start, end = loud_span(wave)
    assert 5_000 < start <= 8_000 and 24_000 - 100 <= end < 28_000
    for seed in range(8):
        cut = without_some_silence(wave, np.random.default_rng(seed))
        assert float(np.square(cut).sum()) > 0.999 * float(np.square(wave).sum())


def test_variations_differ_are_repeatable_and_stay_within_full_scale() -> None:
    wave = np.pad(tone(1.0, level=0.9), (4_000, 4_000))
    heard = [varied(wave, QUIET, np.random.default_rng(seed)) for seed in range(12)]
    again = varied(wave, QUIET, np.random.default_rng(3))
    assert np.array_equal(heard[3], again)
    assert len({(len(one), float(np.abs(one).max())) for one in heard}) == 12
    for one in heard:
        assert one.dtype == np.float32 and np.isfinite(one).all() and np.abs(one).max() <= 1.0
    levels = [float(np.abs(one).max()) for one in heard]
    assert max(levels) > 4 * min(levels)


def test_silence_and_the_shortest_sound_are_taken() -> None:
    for wave in (np.zeros(8_000, np.float32), tone(0.005)):
        for seed in range(12):
            assert np.isfinite(varied(wave, QUIET, np.random.default_rng(seed))).all()
