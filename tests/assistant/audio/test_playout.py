"""Playback: clips of one reply join without seams; the reference stays in step."""

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.audio.playout import PlayedReference, SampleQueue, StreamResampler, level_db
from assistant.audio.waveform import AudioClip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=40))
def test_the_queue_gives_back_what_was_put_in(steps: list[tuple[bool, int]]) -> None:
    queue = SampleQueue()
    written, read = 0, 0
    for writes, count in steps:
        if writes:
            queue.push(np.arange(written, written + count, dtype=np.float32))
            written += count
        else:
            taken = queue.pop(count)
            assert taken.tolist() == list(range(read, read + len(taken)))
            assert len(taken) == min(count, written - read)
            read += len(taken)
        assert len(queue) == written - read


@pytest.mark.parametrize("cuts", [[1_000], [10, 500, 501, 3_000]])
def test_a_reply_in_pieces_sounds_like_the_whole(cuts: list[int]) -> None:
    wave = np.sin(np.arange(8_000) / 20).astype(np.float32)
    resampler = StreamResampler(48_000)
    pieces = [resampler.push(AudioClip(piece, 16_000)) for piece in np.split(wave, cuts)]
    joined = np.concatenate([*pieces, resampler.flush()])
    whole = soxr.resample(wave, 16_000, 48_000)
    assert len(joined) == len(whole)
    assert joined == pytest.approx(whole, abs=1e-3)


def test_the_reference_gives_equal_lengths_and_keeps_the_order() -> None:
    reference = PlayedReference(16_000)
    wave = np.arange(1, 2_001, dtype=np.float32)
    taken: list[np.ndarray] = []
    for start in range(0, 2_000, 500):
        reference.push(wave[start : start + 500])
        taken.append(reference.take(512))
    joined = np.concatenate(taken)
    assert len(joined) == 4 * 512
    assert joined[joined > 0].tolist() == wave.tolist()


def test_frames_that_are_taken_late_get_what_was_played_until_they_were_captured() -> None:
    reference = PlayedReference(16_000)
    wave = np.arange(1, 16_001, dtype=np.float32)
    reference.push(wave[:512])
    assert reference.take(512)[-1] == 512
    reference.push(wave[512:])
    for end in range(1_024, 16_000, 512):
        late_s = (16_000 - end) / 16_000
        assert reference.take(512, late_s=late_s)[-1] == end
    assert reference.corrections == 0


def test_levels() -> None:
    assert level_db(np.ones(100, dtype=np.float32)) == pytest.approx(0.0, abs=1e-6)
    assert level_db(np.full(100, 0.1, dtype=np.float32)) == pytest.approx(-20.0)
    assert level_db(np.zeros(100, dtype=np.float32)) == -100.0
