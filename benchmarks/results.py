"""`benchmarks/RESULTS.md`: one section for each benchmark, rewritten by its own command."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
_HEAD = """# Results

Each section is written by the command it names; figures of one section come from one run.
"""


def machine() -> str:
    """Returns processor, cores, memory and system in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{_processor()}, {cores} cores, {memory_gb:.0f} GiB, Python "
        f"{platform.python_version()}, {platform.system()}; load average {load:.1f} at the end"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8", errors="replace") if info.exists() else ""
    name = re.search(r"^model name\s*: (.+)$", text, re.M)
    extensions = [flag for flag in ("avx2", "avx512_bf16", "amx_bf16") if f" {flag}" in text]
    return " ".join([name[1] if name else platform.processor(), *extensions])


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Returns a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def write_section(title: str, command: str, body: str, path: Path = RESULTS) -> None:
    """Puts a section into RESULTS.md in place of the one of the same title, or at the end."""
    date = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    section = f"## {title}\n\n`{command}`, {date}, on {machine()}.\n\n{body.strip()}\n"
    text = path.read_text(encoding="utf-8") if path.exists() else _HEAD
    parts = re.split(r"(?m)^(?=## )", text)
    for index, part in enumerate(parts):
        if part.startswith(f"## {title}\n"):
            parts[index] = section
            break
    else:
        parts.append(section)
    path.write_text("\n".join(part.strip() + "\n" for part in parts), encoding="utf-8")
    print(section)


def percentile(values: Sequence[float], share: float) -> float:
    """Returns the `share` quantile (0 to 1) by linear interpolation."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def p50_p95(values: Sequence[float], digits: int = 0) -> str:
    """Returns ``p50 / p95`` of `values`; a dash where there are none."""
    if not values:
        return "–"
    return f"{percentile(values, 0.5):.{digits}f} / {percentile(values, 0.95):.{digits}f}"
