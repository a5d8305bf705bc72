"""What a run shows and leaves behind: progress bar, loss history, TensorBoard, loss curves."""

import json
import logging
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

logger = logging.getLogger(__name__)

HISTORY = "history.jsonl"
REDRAW_S = 30.0
"""Least time between two drawings of the loss curves; the last is drawn at the end."""


class TrainingReport:
    """Writes down the course of a run; on processes other than the first it does nothing."""

    def __init__(self, folder: Path, *, title: str, active: bool, from_step: int) -> None:
        self._folder = folder
        self._active = active
        self._bar: Any = None
        self._drawn_s = time.monotonic()
        self._pace = ""
        if not active:
            return
        self._history = folder / HISTORY
        _cut_history(self._history, from_step)
        from torch.utils.tensorboard import SummaryWriter

        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=from_step or None)
        if sys.stderr.isatty():
            self._bar = _progress_bar()
            self._task = self._bar.add_task(title, total=1.0, rest="")
            self._bar.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._active:
            if self._bar is not None:
                self._bar.stop()
            self._board.close()
            draw_curves(self._history, self._folder / "losses.png")

    def moved(self, fraction: float, *, terms: str, steps_per_s: float, elapsed_s: float) -> None:
        """Shows how far the run is, with its loss terms, speed and the time that is left."""
        left_s = elapsed_s * (1 - fraction) / fraction if fraction else 0.0
        self._pace = f"{steps_per_s:.2f} steps/s, {fraction:.0%}, {left_s / 60:.1f} min left"
        if self._bar is not None:
            rest = f"{terms}  {steps_per_s:.2f} steps/s"
            self._bar.update(self._task, completed=fraction, rest=rest)

    def wrote(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """Records values of `kind` (``train`` or ``valid``) at a step."""
        if not self._active:
            return
        line = {"step": step, "kind": kind, **values}
        with self._history.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        for name, value in values.items():
            self._board.add_scalar(f"{kind}/{name}", value, step)
        shown = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        if self._bar is not None and kind != "train":
            self._bar.console.print(f"step {step}  {kind}  {shown}")
        elif self._bar is None:
            logger.info("step %d  %s  %s  (%s)", step, kind, shown, self._pace)
        if kind != "train" and time.monotonic() - self._drawn_s > REDRAW_S:
            draw_curves(self._history, self._folder / "losses.png")
            self._drawn_s = time.monotonic()


def read_history(path: Path) -> list[dict[str, Any]]:
    """Returns the lines of a history file; a last line cut by a kill is left out."""
    lines: list[dict[str, Any]] = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(line))
            except json.JSONDecodeError:
                logger.warning("%s: a line cut short is left out", path)
    return lines


def draw_curves(history: Path, picture: Path) -> None:
    """Draws one panel for each value in the history, training and validation together."""
    series: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for line in read_history(history):
        for name, value in line.items():
            if name not in ("step", "kind"):
                kinds = series.setdefault(name, {})
                kinds.setdefault(line["kind"], []).append((line["step"], value))
    if not series:
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.4 * len(series)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(series), 1, squeeze=False)[:, 0]
    for panel, (name, kinds) in zip(panels, series.items(), strict=True):
        for kind, points in kinds.items():
            steps, values = zip(*points, strict=True)
            panel.plot(steps, values, label=kind, marker="." if len(steps) < 30 else "")
        panel.set_title(name)
        panel.set_xlabel("optimiser steps")
        panel.legend()
        panel.grid(alpha=0.3)
    figure.savefig(picture, dpi=100)


def _cut_history(path: Path, from_step: int) -> None:
    """Keeps what was written up to `from_step`: what came after it will be trained again."""
    kept = [line for line in read_history(path) if line["step"] <= from_step]
    part = path.with_name(path.name + ".part")
    part.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
    part.replace(path)


def _progress_bar() -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TextColumn("{task.fields[rest]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
