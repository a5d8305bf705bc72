"""Pictures of the report as inline SVG: no library, colours by CSS, so that dark pages fit too."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assistant.study.report.comparisons import Finding, between, signed
from assistant.study.report.measures import Measure
from assistant.study.report.table import number
from assistant.study.statistics import Comparison, Interval, moments

WIDTH = 480
"""Units of a picture; on a phone three of them are about two points of the screen."""
_LEFT, _RIGHT = 12, 12
_ROW = 64
_MOST_LINES = 60
"""People above whom lines between their two dots are no longer told apart."""
HUES = 6
"""Colours in the style sheet; further conditions begin anew."""


@dataclass(frozen=True)
class _Axis:
    """Maps scores onto the width of a picture."""

    low: float
    high: float

    def x(self, value: float) -> float:
        """Returns where `value` stands, in units from the left."""
        share = (value - self.low) / (self.high - self.low)
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def ticks(self) -> list[float]:
        """Returns about five round values that the axis shows."""
        raw = (self.high - self.low) / 5
        size = 10.0 ** math.floor(math.log10(raw))
        step = next(size * nice for nice in (1, 2, 2.5, 5, 10) if size * nice >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]


def distribution(measure: Measure) -> str:
    """Returns a row for each condition: each person a dot, box of quartiles, mean with interval.

    Dots of one person in two conditions are joined by a line, if these are the only ones.
    """
    groups = [(name, values) for name, values in measure.values.items() if values]
    if not groups:
        return ""
    axis = _axis(measure)
    height = _ROW * len(groups) + 30
    parts = [_grid(axis, height)]
    places: list[dict[str, tuple[float, float]]] = []
    for row, (_, values) in enumerate(groups):
        middle = _ROW * row + 40
        # Dots of equal scores stand beside each other, in an order that is the same each time.
        offsets = _spread([axis.x(value) for value in values.values()])
        places.append(
            {
                person: (axis.x(value), middle + offset)
                for (person, value), offset in zip(values.items(), offsets, strict=True)
            }
        )
    parts.append(_lines(places))
    for row, (name, values) in enumerate(groups):
        label = name or "asked once"
        parts.append(_row(axis, row, label, list(values.values()), list(places[row].values())))
    told = f"{measure.title}: the scores of each condition"
    return _svg(height, told, "".join(parts))


def _axis(measure: Measure) -> _Axis:
    values = [value for by_person in measure.values.values() for value in by_person.values()]
    low = min(values) if measure.low is None else measure.low
    high = max(values) if measure.high is None else measure.high
    # A scale is shown whole: cutting it makes small differences look large.
    return _Axis(low, high) if high > low else _Axis(low - 0.5, low + 0.5)


def _spread(xs: Sequence[float], size: float = 5.0, most: float = 14.0) -> list[float]:
    """Returns for each dot how far it moves up or down so that it does not cover others."""
    taken: list[tuple[float, float]] = []
    offsets: list[float] = []
    steps = [0.0] + [sign * step * size for step in (1, 2, 3) for sign in (-1, 1)]
    for x in xs:
        free = [y for y in steps if abs(y) <= most and not _covers(x, y, taken, size)]
        offset = free[0] if free else steps[len(taken) % len(steps)] % most
        taken.append((x, offset))
        offsets.append(offset)
    return offsets


def _covers(x: float, y: float, taken: Sequence[tuple[float, float]], size: float) -> bool:
    return any(abs(x - other) < size and abs(y - height) < size for other, height in taken)


def _lines(places: Sequence[dict[str, tuple[float, float]]]) -> str:
    if len(places) != 2 or len(places[0]) > _MOST_LINES:
        return ""
    joined = [(places[0][p], places[1][p]) for p in places[0] if p in places[1]]
    return "".join(_line("pair", (x1, x2), (y1, y2)) for (x1, y1), (x2, y2) in joined)


def _row(
    axis: _Axis,
    row: int,
    name: str,
    values: Sequence[float],
    places: Sequence[tuple[float, float]],
) -> str:
    middle = _ROW * row + 40
    found = moments(values)
    left, right = (axis.x(float(np.quantile(values, share))) for share in (0.25, 0.75))
    interval = ""
    if found.interval is not None:
        ends = [axis.x(min(max(end, axis.low), axis.high)) for end in _ends(found.interval)]
        interval = _line("mean", (ends[0], ends[1]), (middle, middle))
    dots = "".join(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>' for x, y in places)
    mean = axis.x(found.mean)
    corners = [(mean, middle - 6), (mean + 6, middle), (mean, middle + 6), (mean - 6, middle)]
    diamond = " ".join(f"{x:.1f},{y}" for x, y in corners)
    numbers = f"M {html.escape(number(found.mean))}, n {found.n}"
    return (
        f'<g class="hue{row % HUES}">'
        f'<text class="label" x="{_LEFT}" y="{middle - 22}">{html.escape(name)}'
        f'<tspan class="soft" dx="8">{numbers}</tspan></text>'
        f'<rect class="box" x="{left:.1f}" y="{middle - 15}" width="{max(right - left, 1):.1f}" '
        f'height="30" rx="4"/>{dots}{interval}<polygon class="middle" points="{diamond}"/></g>'
    )


def _line(kind: str, xs: tuple[float, float], ys: tuple[float, float]) -> str:
    return (
        f'<line class="{kind}" x1="{xs[0]:.1f}" x2="{xs[1]:.1f}" y1="{ys[0]:.1f}" '
        f'y2="{ys[1]:.1f}"/>'
    )


def _text(kind: str, x: float, y: float, text: str, anchor: str = "start") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{html.escape(text)}</text>"
    )


def _ends(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high


def _grid(axis: _Axis, height: int) -> str:
    lines = ""
    for tick in axis.ticks():
        x = axis.x(tick)
        anchor = "start" if x < 2 * _LEFT else "end" if x > WIDTH - 2 * _RIGHT else "middle"
        lines += _line("grid", (x, x), (22, height - 22))
        lines += _text("tick", x, height - 6, number(round(tick, 6)), anchor)
    return lines


def forest(findings: Sequence[Finding]) -> str:
    """Returns effect sizes with their intervals, around 0, the bounds of equivalence shaded.

    Findings without a comparison are left out.
    """
    shown = [(one, one.comparison) for one in findings if one.comparison is not None]
    if not shown:
        return ""
    ends = [abs(end) for _, c in shown for end in _ends(c.effect_interval)]
    # One effect with a huge interval would press all others onto the line.
    reach = min(max([*ends, 0.5]) * 1.05, 3.0)
    axis = _Axis(-reach, reach)
    height = 46 * len(shown) + 30
    parts = [
        *(_band(axis, 46 * row + 27, one, c) for row, (one, c) in enumerate(shown)),
        _grid(axis, height),
        _line("zero", (axis.x(0), axis.x(0)), (0, height - 22)),
    ]
    for row, (one, comparison) in enumerate(shown):
        parts.append(_effect(axis, 46 * row + 34, one, comparison))
    return _svg(height, "Effect sizes with their intervals", "".join(parts))


def _band(axis: _Axis, y: float, one: Finding, comparison: Comparison) -> str:
    if one.equivalence is None or comparison.difference == 0:
        return ""
    # A bound in points spans more of dz where a person's scores hang together closely.
    bound = one.equivalence.bound * comparison.effect / comparison.difference
    left, right = axis.x(max(-bound, axis.low)), axis.x(min(bound, axis.high))
    return (
        f'<rect class="band" x="{left:.1f}" y="{y}" width="{right - left:.1f}" height="14" rx="3"/>'
    )


def _effect(axis: _Axis, y: float, one: Finding, comparison: Comparison) -> str:
    ends = _ends(comparison.effect_interval)
    low, high, middle = (
        axis.x(min(max(value, axis.low), axis.high)) for value in (*ends, comparison.effect)
    )
    numbers = f"{signed(comparison.effect)} {between(*ends)}"
    kind = "sure" if one.verdict in ("different", "different, but small") else "open"
    return (
        f"{_text('label', _LEFT, y - 12, one.measure.title)}"
        f"{_text('tick', WIDTH - _RIGHT, y - 12, numbers, 'end')}"
        f'<g class="{kind}">{_line("mean", (low, high), (y, y))}'
        f'<circle class="middle" cx="{middle:.1f}" cy="{y}" r="5"/></g>'
    )


def _svg(height: int, told: str, inside: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(told)}">'
        f"{inside}</svg>"
    )
