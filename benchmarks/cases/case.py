"""What a case reports: what was expected, what was seen, and whether both agree."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation."""

    is_right: bool
    text: str
    """What was expected, and what was seen."""


@dataclass
class Case:
    """One situation under way; a case's `run` fills it."""

    findings: list[Expectation] = field(default_factory=list[Expectation])
    notes: list[str] = field(default_factory=list[str])

    def expect(self, is_right: bool, text: str) -> None:
        """Notes whether what `text` says of the situation holds."""
        self.findings.append(Expectation(bool(is_right), text))
        print(f"    {'right' if is_right else 'WRONG'}  {text}", flush=True)

    def note(self, text: str) -> None:
        """Prints a figure that is neither right nor wrong."""
        self.notes.append(text)
        print(f"           {text}", flush=True)

    @property
    def is_right(self) -> bool:
        """Whether something was expected, and all of it held."""
        return bool(self.findings) and all(finding.is_right for finding in self.findings)


def missing(programs: Sequence[str]) -> list[str]:
    """Returns the programs that a case needs and that are not installed."""
    return [program for program in programs if shutil.which(program) is None]
