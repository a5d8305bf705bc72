import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.voice.prosody import (
    Silence,
    SilenceEditor,
    apply_gain,
    closing_pause,
    find_silences,
    trim_silence,
)

RATE = 16_000


def tone(seconds: float, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(np.arange(round(seconds * RATE)) * 0.3)).astype(np.float32)


def quiet(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def test_gain_is_exact_where_there_is_headroom() -> None:
    np.testing.assert_allclose(apply_gain(tone(0.1, 0.2), 6.0), tone(0.1, 0.2) * 1.99526, rtol=1e-4)


def test_gain_never_clips_and_keeps_the_order_of_samples() -> None:
    ramp = np.linspace(-1, 1, 1001, dtype=np.float32)

    louder = apply_gain(ramp, 5.0)

    assert float(np.abs(louder).max()) < 1.0
    assert bool(np.all(np.diff(louder) > 0))


@pytest.mark.parametrize(("words", "longest"), [("Yes.", True), ("yes,", False), ("yes", False)])
def test_pause_is_longest_after_a_sentence(words: str, longest: bool) -> None:
    pause = closing_pause(words, 1.0, RATE).duration_s

    assert (pause > 0.2) is longest
    assert closing_pause(words, 2.0, RATE).duration_s == pytest.approx(2 * pause, abs=1e-3)


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 40), st.integers(0, 80)), max_size=6),
    st.lists(st.integers(1, 25), min_size=1, max_size=40),
)
def test_silences_get_their_lengths_whatever_the_blocks(
    parts: list[tuple[int, int, int]], sizes: list[int]
) -> None:
    silences: list[Silence] = []
    stream: list[int] = []
    expected: list[int] = []
    for sound, silence, length in parts:
        numbers = list(range(len(stream) + 1, len(stream) + 1 + sound))
        stream += numbers
        expected += numbers
        silences.append(Silence(len(stream), len(stream) + silence, length))
        stream += [0] * silence
        expected += [0] * length
    editor, edited, samples = SilenceEditor(silences), list[int](), np.array(stream, np.int16)
    while len(samples):
        size = sizes[len(edited) % len(sizes)]
        edited += editor.edit(samples[:size]).tolist()
        samples = samples[size:]
    if parts and parts[-1][1] == 0:
        expected = expected[: len(expected) - parts[-1][2]]

    assert edited == expected


def test_pauses_are_found_and_plosives_left_alone() -> None:
    sentence = np.concatenate([tone(0.3), quiet(0.05), tone(0.3), quiet(0.2), tone(0.3)])

    (silence,) = find_silences(sentence, RATE, 2.0)
    longer = SilenceEditor([silence]).edit(sentence)

    assert len(longer) - len(sentence) == pytest.approx(0.2 * RATE, rel=0.02)
    assert find_silences(sentence, RATE, 1.0) == []


def test_silent_ends_are_trimmed() -> None:
    sound = np.concatenate([quiet(0.5), tone(0.2), quiet(0.5)])

    assert len(trim_silence(sound, RATE)) == pytest.approx(0.28 * RATE, rel=0.02)
    assert len(trim_silence(quiet(1.0), RATE)) == 0
