"""What every run of the tests ends with."""

import signal
from collections import Counter
from pathlib import Path

import pytest


def pytest_configure() -> None:
    """Lets programs that tests start hear Ctrl-C, also where the run itself is in the background.

    A shell starts background jobs with it ignored, and whoever they start inherits that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which no pretrained part is or can be had; returns the folder of its parts."""
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ATTUNE_PARTS", str(nothing))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(nothing))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path / "home" / ".attune" / "parts"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names each reason for skipping once, with the number of tests that it kept from running."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    if reasons:
        terminalreporter.section("skipped")
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count:4} {'test' if count == 1 else 'tests'}: {reason}")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Returns why a test, or all tests of a file, were skipped."""
    longrepr = report.longrepr
    text = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return text.removeprefix("Skipped: ")
