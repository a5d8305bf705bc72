"""Word errors over hours heard: what is needed, and the picture."""

from pathlib import Path

import pytest

from train.metrics import Figure
from train.nano_curve import NanoCurveSettings, Point, draw, nano_curve


def test_a_run_without_states_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no trained words: run `python -m train nano`"):
        nano_curve(NanoCurveSettings(run=tmp_path))


def test_the_points_are_drawn(tmp_path: Path) -> None:
    errors = [0.9, 0.4, 0.2]
    points = [
        Point(10.0 * n, {"people": Figure(e, e - 0.1, e + 0.1, 50)}) for n, e in enumerate(errors)
    ]
    draw(points, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
