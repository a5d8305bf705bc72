"""What a visitor waits for: first paint of the page, requests until it is ready, jumps of layout.

    python -m benchmarks.web_browser.paint [--visits 12] [--write]

Each visit is a new Chromium profile, with nothing cached, on the machine of the server. *First
paint* and *first content* are the browser's own (Paint Timing), *ready* is when the page may be
talked to. *Jumps* is the cumulative layout shift (Layout Instability) until two seconds after Talk
was pressed: 0 is none, 0.1 what the web calls good.
"""

import argparse
import asyncio
import shutil
from typing import Any

from benchmarks.cases.browser import press_talk
from benchmarks.cases.client import server
from benchmarks.results import p50_p95, table, write_section
from benchmarks.web_browser.__main__ import FLAGS

SIZES = ((1440, 900), (390, 844))
WATCH = """() => {
  window.jumps = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.jumps += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
}"""
TOLD = """() => ({
  ...Object.fromEntries(performance.getEntriesByType("paint").map((e) => [e.name, e.startTime])),
  requests: 1 + performance.getEntriesByType("resource").length,
})"""
AFTER_TALK_S = 2.0


async def visit(browsers: Any, port: int, size: tuple[int, int]) -> dict[str, float]:
    """Returns the figures of one visit."""
    browser = await browsers.chromium.launch(
        executable_path=shutil.which("chromium"), headless=True, args=list(FLAGS)
    )
    page = await browser.new_page(viewport={"width": size[0], "height": size[1]})
    await page.goto(f"http://127.0.0.1:{port}/")
    await page.evaluate(WATCH)
    await page.wait_for_selector("#attune[data-state=ready]")
    ready_ms = await page.evaluate("performance.now()")
    told: dict[str, float] = await page.evaluate(TOLD)
    await press_talk(page)
    await page.wait_for_timeout(1_000 * AFTER_TALK_S)
    jumps = await page.evaluate("window.jumps")
    await browser.close()
    return {**told, "ready": ready_ms, "jumps": jumps}


async def visits(port: int, count: int) -> list[list[str]]:
    """Returns a row for each size of the window."""
    from playwright.async_api import async_playwright

    rows: list[list[str]] = []
    async with async_playwright() as browsers:
        for size in SIZES:
            seen = [await visit(browsers, port, size) for _ in range(count)]
            names = ("first-paint", "first-contentful-paint", "ready")
            times = [p50_p95([one[name] for one in seen]) for name in names]
            requests, jumps = (max(one[name] for one in seen) for name in ("requests", "jumps"))
            rows.append([f"{size[0]} × {size[1]}", *times, f"{requests:.0f}", f"{jumps:.3f}"])
    return rows


def main() -> None:
    """Measures and prints; `--write` puts it into RESULTS.md."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visits", type=int, default=12, help="of each size")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with server() as port:
        rows = asyncio.run(visits(port, options.visits))
    head = ["window", "first paint, ms (p50 / p95)", "first content", "ready"]
    body = table([*head, "requests", "jumps, at most"], rows)
    print(body)
    if options.write:
        command = f"python -m benchmarks.web_browser.paint --visits {options.visits}"
        write_section("First sight of the page", command, body)


if __name__ == "__main__":
    main()
