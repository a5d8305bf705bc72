"""End of turn in the field's measures: how often pauses are cut, at which latency.

Every silence of 200 ms and more within a turn is a pause that the assistant must wait out; the
silence behind the turn is its end. A way to find ends gives each of them one score, 200 ms into the
silence. What a product makes of it has three numbers: where the score reaches a threshold the turn
ends after a short silence, else after a long one. Each choice of the three is one point: its
*latency* is the mean silence before true ends are found, its *false cut-offs* the share of pauses
that are taken for ends. Published is what the best choice reaches: fewest cut-offs at a mean
latency of 300 and of 600 ms, least latency at 5 % cut-offs, as LiveKit's eot-bench reads its
curves. That choice is made on the same pauses, for every way alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from assistant.turns.marks import Boundary, TurnMark
from benchmarks.endpointing.pauses import FRAME, FRAME_MS, AnalysedRecording

SCORED_MS = 224.0
"""Into a silence, in whole frames: when it is scored, and the shortest that counts."""
SHORT_MS = tuple(np.arange(SCORED_MS, 1_025.0, 2 * FRAME_MS))
LONG_MS = tuple(np.arange(SCORED_MS, 3_040.0, FRAME_MS))
THRESHOLDS = 60
BUDGETS_MS = (300.0, 600.0)
CUT_OFFS = 0.05

PUBLISHED = (
    ("LiveKit turn detector v1 (cloud)", "9.9 %", "4.5 %", "543"),
    ("turn-1 (GPU)", "10.6 %", "4.5 %", "553"),
    ("turn-1-mini (device)", "22.6 %", "–", "849"),
    ("LiveKit v1-mini (device)", "27.8 %", "–", "1070"),
    ("Smart Turn v3.2", "35.2 %", "14.8 %", "1051"),
    ("silence", "55.6 %", "21.7 %", "1600"),
)
"""On eot-bench, English, of the cards of turn-1, turn-1-mini and TurnWave: other recordings."""


@dataclass(frozen=True, slots=True)
class ScoredSilence:
    """A pause within a turn, or the silence behind it."""

    item: AnalysedRecording
    mark: TurnMark
    """What a judge is given: the turn so far, scored in this silence."""
    length_ms: float
    """Infinite behind a turn."""

    @property
    def is_end(self) -> bool:
        """Whether the turn is over."""
        return self.length_ms == np.inf


@dataclass(frozen=True, slots=True)
class Point:
    """One choice of a threshold and two silences, and what comes of it."""

    latency_ms: float
    cut_offs: float
    threshold: float
    short_ms: float
    long_ms: float


def silences(items: Sequence[AnalysedRecording]) -> list[ScoredSilence]:
    """Returns all silences that count, in the order of the recordings."""
    found: list[ScoredSilence] = []
    for item in items:
        voiced = item.voiced
        for place, after in zip(voiced, [*voiced[1:], -1], strict=True):
            length_ms = np.inf if after < 0 else FRAME_MS * float(after - place - 1)
            if length_ms >= SCORED_MS:
                found.append(ScoredSilence(item, _mark(int(voiced[0]), int(place)), length_ms))
    return found


def _mark(first: int, last: int) -> TurnMark:
    """The turn from its first to its last frame with speech, heard so far as it is scored."""
    over = (last + 1) * FRAME
    heard = over + round(SCORED_MS * 16)
    start = max(0, first - 6) * FRAME  # a lead as the endpointer gives one
    return TurnMark(Boundary.PAUSED, heard, start, heard, over)


def curve(scores: Sequence[float | None], found: Sequence[ScoredSilence]) -> list[Point]:
    """Returns all points of one way.

    Args:
        scores: Of each silence, in [0, 1]; None where the way has none.
        found: The silences.
    """
    values = np.array([np.nan if score is None else score for score in scores])
    lengths = np.array([silence.length_ms for silence in found])
    known = values[~np.isnan(values)]
    levels = np.quantile(known, np.linspace(0, 1, THRESHOLDS)) if len(known) else np.zeros(0)
    points: list[Point] = []
    for threshold in (*np.unique(levels).tolist(), np.inf):
        sure = values >= threshold  # what has no score is not sure
        ends = _share(sure[lengths == np.inf])
        quick, slow = (lengths[(lengths != np.inf) & (sure == flag)] for flag in (True, False))
        pauses = max(1, len(quick) + len(slow))
        cut_short, cut_long = _longer(quick, SHORT_MS), _longer(slow, LONG_MS)
        for (short, cut), (long, more) in product(cut_short, cut_long):
            if long >= short:
                latency = ends * short + (1 - ends) * long
                points.append(Point(latency, (cut + more) / pauses, threshold, short, long))
    return points


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else 0.0


def _longer(lengths: NDArray[np.float64], silences_ms: Sequence[float]) -> list[tuple[float, int]]:
    """Returns each silence with how many pauses are longer than it."""
    ordered = np.sort(lengths)
    places = np.searchsorted(ordered, silences_ms, side="right")
    longer = (len(ordered) - places).tolist()
    return [(float(silence), count) for silence, count in zip(silences_ms, longer, strict=True)]


def fewest_cut_offs(points: Sequence[Point], budget_ms: float) -> Point | None:
    """Returns the point with the fewest cut-offs whose mean latency is within a budget."""
    within = [point for point in points if point.latency_ms <= budget_ms]
    return min(within, key=lambda p: (p.cut_offs, p.latency_ms)) if within else None


def least_latency(points: Sequence[Point], cut_offs: float = CUT_OFFS) -> Point | None:
    """Returns the quickest point with so few cut-offs."""
    within = [point for point in points if point.cut_offs <= cut_offs]
    return min(within, key=lambda p: (p.latency_ms, p.cut_offs)) if within else None


HEAD = [
    "end of turn by",
    *(f"cut-offs at {budget:.0f} ms" for budget in BUDGETS_MS),
    f"latency ms at {CUT_OFFS:.0%} cut-offs",
    "reached with: threshold, short ms, long ms",
]


def row(title: str, points: Sequence[Point]) -> list[str]:
    """Returns the row of one way."""
    cells = [fewest_cut_offs(points, budget) for budget in BUDGETS_MS]
    best = least_latency(points)
    how = f"{best.threshold:.2f}, {best.short_ms:.0f}, {best.long_ms:.0f}" if best else "–"
    return [
        title,
        *("–" if cell is None else f"{cell.cut_offs:.1%}" for cell in cells),
        "–" if best is None else f"{best.latency_ms:.0f}",
        how,
    ]
