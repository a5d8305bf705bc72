"""Frames and the ring buffer lose and invent nothing."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.audio.waveform import Framer, RingBuffer


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 700), max_size=20))
def test_frames_join_to_the_signal_and_know_their_place(lengths: list[int]) -> None:
    signal = np.arange(sum(lengths), dtype=np.float32)
    framer = Framer(128)
    frames = [
        frame for piece in np.split(signal, np.cumsum(lengths)) for frame in framer.push(piece)
    ]
    rest = framer.flush()
    joined = np.concatenate([np.zeros(0), *[frame.samples for frame in [*frames, *rest]]])
    assert np.array_equal(joined[: len(signal)], signal)
    assert not joined[len(signal) :].any()
    assert [frame.start_samples for frame in frames] == [
        index * 128 for index in range(len(frames))
    ]
    assert framer.flush() == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 50)), max_size=60))
def test_the_ring_buffer_gives_back_what_was_written_in_order(
    steps: list[tuple[bool, int]],
) -> None:
    ring = RingBuffer(64)
    written: list[float] = []
    read: list[float] = []
    for writes, count in steps:
        if writes:
            piece = np.arange(len(written), len(written) + count, dtype=np.float32)
            taken = ring.write(piece)
            assert taken == min(count, 64 - (len(written) - len(read)))
            written += piece[:taken].tolist()
        else:
            read += ring.read(count).tolist()
        assert ring.available == len(written) - len(read)
        assert ring.free == 64 - ring.available
    assert read == written[: len(read)]


def test_a_cleared_ring_buffer_never_gives_the_old_samples() -> None:
    ring = RingBuffer(8)
    ring.write(np.ones(6, dtype=np.float32))
    assert ring.read(2).tolist() == [1.0, 1.0]
    assert ring.request_clear() == 4
    assert ring.available == 0
    ring.write(np.full(2, 7.0, dtype=np.float32))
    assert ring.read(8).tolist() == [7.0, 7.0]
    assert ring.free == 8
