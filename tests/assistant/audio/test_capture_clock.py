"""Sound that arrives in bursts was captured at its own pace."""

import numpy as np
import pytest

from assistant.audio.capture_clock import CaptureClock, TimedFramer

FRAME, FRAME_S = 512, 0.032


def errors_s(
    late_s: list[float], *, pace: float = 1.0, lost: dict[int, float] | None = None
) -> "np.ndarray":
    """Returns by how much each frame's time is wrong, which comes `late_s` after its capture."""
    clock, found, gone_s, arrived_s = CaptureClock(), list[float](), 0.0, 0.0
    for number, late in enumerate(late_s):
        gone_s += (lost or {}).get(number, 0.0)
        captured_s = 100.0 + (number + 1) * FRAME_S * pace + gone_s
        arrived_s = max(arrived_s, captured_s + late)
        found.append(clock.captured_s(FRAME, arrived_s) - captured_s)
    return np.asarray(found)


@pytest.mark.parametrize("stall_ms", [50, 150, 300])
@pytest.mark.parametrize("pace", [0.9999, 1.0, 1.0001])
def test_bursts_change_nothing(stall_ms: int, pace: float) -> None:
    random = np.random.default_rng(stall_ms)
    late_s: list[float] = []
    while len(late_s) < 3_000:
        left_s = random.uniform(0.0, stall_ms / 1_000)
        late_s += [max(0.0, left_s - i * FRAME_S) for i in range(int(left_s / FRAME_S) + 1)]
        late_s += [0.0] * random.integers(5, 20)
    wrong = errors_s(late_s, pace=pace)
    assert np.abs(wrong[30:]).max() < 0.003


@pytest.mark.parametrize("lost_s", [0.05, 0.1, 1.0])
def test_lost_sound_is_noticed_within_about_a_second(lost_s: float) -> None:
    wrong = errors_s([0.0] * 200, lost={100: lost_s})
    assert np.abs(wrong[:100]).max() < 1e-6
    assert wrong[100] == pytest.approx(-lost_s)
    assert np.abs(wrong[100 + round(1.1 / FRAME_S) :]).max() < 0.002


def test_frames_of_one_piece_follow_each_other() -> None:
    framer = TimedFramer(FRAME)
    first = framer.push(np.zeros(FRAME, dtype=np.float32), 10.0)
    later = framer.push(np.zeros(2 * FRAME + 256, dtype=np.float32), 10.08)
    times = [frame.captured_s for frame in (*first, *later)]
    assert times == pytest.approx([10.0, 10.032, 10.064], abs=1e-6)
    assert [frame.start_samples for frame in (*first, *later)] == [0, 512, 1_024]
