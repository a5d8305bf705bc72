"""What axe-core finds on a page in a browser."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def faults_of(page: Any) -> list[Any]:
    """Returns what axe-core finds on the page as it is now."""
    package = importlib.util.find_spec("axe_playwright_python")
    if package is None or package.origin is None:
        pytest.skip("axe-playwright-python is not installed")
    if not await page.evaluate("Boolean(window.axe)"):
        script = Path(package.origin).with_name("axe.min.js")
        await page.evaluate(script.read_text(encoding="utf-8"))
    options = {"runOnly": {"type": "tag", "values": RULES}}
    found = await page.evaluate("(options) => axe.run(document, options)", options)
    assert len(found["passes"]) > 5
    return [
        (fault["id"], [node["html"][:120] for node in fault["nodes"]])
        for fault in found["violations"]
    ]
