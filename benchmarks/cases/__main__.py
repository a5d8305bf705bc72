"""Situations that users of voice assistants report, held one after the other and judged.

    python -m benchmarks.cases [NAME …] [--list]

Each file beside this one is a case: its docstring says what should happen, `NEEDS` which programs
it takes, and `run` holds it. The exit status is 1 where something is not as it should be.
"""

import argparse
import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from benchmarks.cases.case import Case, missing

PARTS = {"__init__", "__main__", "browser", "case", "client", "slow_line", "speech", "talks"}
"""Modules here that are no cases."""


def names() -> list[str]:
    """Returns the cases in alphabetical order."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem not in PARTS)


def title(module: ModuleType) -> str:
    """Returns what should happen, in one line."""
    return (module.__doc__ or module.__name__).strip().splitlines()[0]


def main() -> int:
    """Holds the cases that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="cases; all where none is named")
    parser.add_argument("--list", action="store_true", help="only name the cases")
    options = parser.parse_args()
    chosen = options.names or names()
    if options.list:
        for name in chosen:
            print(f"{name}: {title(_module(name))}", flush=True)
        return 0
    wrong = [
        name for name in chosen if not (_held(name) if len(chosen) == 1 else _held_apart(name))
    ]
    if len(chosen) > 1:
        print(f"\nwrong: {', '.join(wrong)}" if wrong else "\nall right")
    return bool(wrong)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"benchmarks.cases.{name}")


def _held_apart(name: str) -> bool:
    """Holds a case in a process of its own; returns whether all is right.

    The engines of one case, 3 GB, would stay in memory beside those of the next, and a case that
    breaks would end them all.
    """
    command = [sys.executable, "-m", "benchmarks.cases", name]
    return subprocess.run(command, check=False).returncode == 0


def _held(name: str) -> bool:
    """Holds a case here; returns whether all is right, or it cannot be held."""
    module = _module(name)
    print(f"{name}: {title(module)}", flush=True)
    if absent := missing(getattr(module, "NEEDS", ())):
        print(f"    not held: {', '.join(absent)} not installed")
        return True
    case = Case()
    module.run(case)
    return case.is_right


if __name__ == "__main__":
    sys.exit(main())
