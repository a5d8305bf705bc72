from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from tests.models.small import tone
from train.data.manifest import Utterance, write_manifest
from train.synthetic.speech_cuts import (
    SpokenRecording,
    draw_cuts,
    find_recordings,
    heard_cut,
    pink_noise,
)
from train.synthetic.surroundings import Surroundings

QUIET = Surroundings([], [])
SILENT = Surroundings([np.zeros(16_000, np.float32)], [])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, seconds in (("a.wav", 1.0), ("b.flac", 6.0)):
        sf.write(tmp_path / name, tone(seconds), 16_000)
    (tmp_path / "notes.txt").write_text("no sound")
    return tmp_path


def test_recordings_come_from_folders_and_from_manifests_without_their_test_split(folder: Path):
    assert [(Path(r.reference).name, r.duration_s) for r in find_recordings(folder)] == [
        ("a.wav", 1.0),
        ("b.flac", 6.0),
    ]
    manifest = folder / "all.jsonl"
    kept = Utterance(id="a", audio="a.wav", duration_s=1.0)
    write_manifest(manifest, [kept, Utterance(id="b", audio="b.flac", split="test")])
    assert [(r.reference, r.root) for r in find_recordings(manifest)] == [("a.wav", folder)]


def test_a_place_without_recordings_is_named(tmp_path: Path):
    with pytest.raises(ValueError, match="holds no recordings"):
        find_recordings(tmp_path)


def test_cuts_have_all_lengths_and_lie_within_their_recordings():
    long, short = SpokenRecording("long", Path(), 20.0), SpokenRecording("short", Path(), 0.3)
    cuts = draw_cuts([[long], [short]], 400, lengths_s=(0.5, 8.0), shares=(3, 1), seed=2)
    assert cuts == draw_cuts([[long], [short]], 400, lengths_s=(0.5, 8.0), shares=(3, 1), seed=2)
    of_long = [cut for cut in cuts if cut.recording is long]
    assert 0.68 < len(of_long) / len(cuts) < 0.82
    lengths = np.array([cut.duration_s for cut in of_long])
    assert lengths.min() >= 0.5 and lengths.max() <= 8.0
    assert 0.4 < np.mean(lengths < 2.0) < 0.6, "as many below the geometric middle as above"
    assert all(0 <= c.start_s <= c.recording.duration_s - c.duration_s + 1e-9 for c in cuts)
    assert {cut.duration_s for cut in cuts if cut.recording is short} == {0.3}
    with pytest.raises(ValueError, match="2 shares for 1 sources"):
        draw_cuts([[long]], 5, lengths_s=(0.5, 8.0), shares=(3, 1))


def test_what_is_heard_is_what_was_said_with_noise_on_it(folder: Path):
    cut = draw_cuts([find_recordings(folder)], 1, lengths_s=(0.9, 0.91), seed=4)[0]
    levels: list[float] = []
    ratios: list[float] = []
    sizes: list[float] = []
    for seed in range(60):
        pair = heard_cut(cut, QUIET, np.random.default_rng(seed))
        again = heard_cut(cut, QUIET, np.random.default_rng(seed))
        assert np.array_equal(pair.heard, again.heard)
        assert pair.heard.shape == pair.clean.shape and np.abs(pair.heard).max() <= 1.0
        power = float(np.mean(np.square(pair.clean)))
        levels.append(10 * np.log10(power))
        noise = float(np.mean(np.square(pair.heard - pair.clean)))
        ratios.append(10 * np.log10(power / noise) if noise else np.inf)
        sizes.append(pair.heard.size / 16_000 - cut.duration_s)
    noisy = np.array([r for r in ratios if np.isfinite(r)])
    assert 20 < len(noisy) < 50 and noisy.min() > 4 and noisy.max() < 26
    assert max(levels) - min(levels) > 20
    assert min(sizes) < 0.01 and max(sizes) > 0.3, "some are followed by silence"


def test_noises_that_are_silent_change_nothing(folder: Path):
    cut = draw_cuts([find_recordings(folder)], 1, lengths_s=(0.9, 0.91))[0]
    for seed in range(8):
        pair = heard_cut(cut, SILENT, np.random.default_rng(seed))
        assert np.isfinite(pair.heard).all()


def test_pink_noise_has_the_same_power_in_each_octave():
    noise = pink_noise(1 << 16, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(noise)) ** 2
    octaves = [power[2**k : 2 ** (k + 1)].sum() for k in range(8, 15)]
    assert max(octaves) / min(octaves) < 1.5
    assert pink_noise(1, np.random.default_rng(0)).shape == (1,)


def test_where_words_count_most_recordings_with_words_are_taken_whole():
    known = SpokenRecording("known", Path(), 4.0, "what is said")
    long, unknown = SpokenRecording("long", Path(), 20.0, "more"), SpokenRecording("u", Path(), 4.0)
    cuts = draw_cuts([[known], [long], [unknown]], 600, lengths_s=(0.5, 8.0), with_words=True)
    of_known = [cut for cut in cuts if cut.recording is known]
    whole = [cut for cut in of_known if cut.words]
    assert all(cut.words == "what is said" and cut.duration_s == 4.0 for cut in whole)
    assert 0.8 < len(whole) / len(of_known) < 1.0
    # Of a part nobody knows the words.
    assert not any(cut.words for cut in cuts if cut.duration_s < cut.recording.duration_s)
    without = draw_cuts([[known]], 200, lengths_s=(0.5, 8.0))
    assert sum(bool(cut.words) for cut in without) < 100
