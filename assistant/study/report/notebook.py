"""The notebook and the script that redo the analysis from the export, filled in for one study."""

import json
import os
import re
from pathlib import Path
from typing import Any

from assistant.study.report.analysis import Analysis

_TEMPLATE = Path(__file__).with_name("notebook.md")
_CODE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def script(analysis: Analysis, out: Path) -> str:
    """Returns the analysis as a script: the prose of the notebook stands in comments."""
    parts = ['"""Redoes the analysis of this study from its export."""\n']
    for kind, text in _cells(analysis, out):
        if kind == "code":
            parts.append(text)
        else:
            parts.append("".join(f"# {line}".rstrip() + "\n" for line in text.splitlines()))
    return "\n".join(parts)


def notebook(analysis: Analysis, out: Path) -> str:
    """Returns the analysis as a Jupyter notebook (format 4.5), not yet run."""
    cells = [
        _cell(number, kind, text) for number, (kind, text) in enumerate(_cells(analysis, out), 1)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _cell(number: int, kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": kind,
        "id": f"cell-{number}",
        "metadata": {},
        "source": text.rstrip("\n").splitlines(keepends=True),
    }
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _cells(analysis: Analysis, out: Path) -> list[tuple[str, str]]:
    """Returns the cells in their order: first the settings of this study, then the template's."""
    cells = [("code", _settings(analysis, out))]
    parts = _CODE.split(_TEMPLATE.read_text(encoding="utf-8"))
    # Split by a pattern with one group: prose and code take turns.
    for place, text in enumerate(parts):
        if text.strip():
            cells.append(("code" if place % 2 else "markdown", text.strip("\n") + "\n"))
    return cells


def _settings(analysis: Analysis, out: Path) -> str:
    export, plan = analysis.export, analysis.export.plan
    # Relative, so that both folders can be moved or sent together.
    way = os.path.relpath(export.folder.resolve(), out.resolve())
    keys = {
        f"{instrument.name}.{scale.name}": {
            "items": {
                item.name: (item.minimum, item.maximum)
                for item in instrument.items
                if item.name in scale.items
            },
            "reversed": list(scale.reversed),
        }
        for instrument in analysis.instruments.known.values()
        for scale in instrument.scales
        if len(scale.items) > 1
    }
    return "\n".join(
        [
            "from pathlib import Path",
            "",
            'HERE = Path(__file__).parent if "__file__" in globals() else Path()',
            f"EXPORT = HERE / {way!r}",
            f"CONDITIONS = {list(export.conditions)!r}",
            f"ALPHA = {plan.alpha!r}",
            f"SMALLEST_EFFECT = {plan.smallest_effect!r}",
            f"BOUNDS = {dict(plan.bounds)!r}",
            f"PRIMARY = {list(plan.primary)!r}",
            f"KEYS = {keys!r}",
            "",
        ]
    )
