"""Takes every state of the page, to be looked at: three sizes, light and dark, in sheets.

    python docs/images/states.py FOLDER [--only desktop-light …]

No model is loaded: the states are made by the events that make them in a talk. Of the records and
of a study there is one page each.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import soundfile
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.assistant.records.made import TALK, make_record
from tests.assistant.study.small_study import make_study
from tests.fakes import speech_like
from tests.ui.browsing import CHROMIUM, FLAGS, page_server
from tests.ui.states import states
from tests.ui.study.serving_study import serving_study

SIZES = {"desktop": (1440, 900), "wide": (1920, 1080), "phone": (390, 844)}
SCHEMES = ("light", "dark")
COLUMNS = {"desktop": 4, "wide": 4, "phone": 6}
GAP = 8
CELL = {"desktop": 720, "wide": 720, "phone": 330}


@asynccontextmanager
async def page_of(browsers: Any, microphone: Path, size: str, scheme: str) -> AsyncGenerator[Any]:
    """Yields an empty page of that size."""
    width, height = SIZES[size]
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"]
    browser = await browsers.chromium.launch(executable_path=CHROMIUM, args=flags)
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        bypass_csp=True,
        has_touch=size == "phone",
        is_mobile=size == "phone",
    )
    page = await context.new_page()
    page.set_default_timeout(120_000)
    yield page
    await browser.close()


async def pictures(page: Any, folder: Path, addresses: tuple[str, str]) -> list[Path]:
    """Takes all states; returns the pictures in their order."""
    taken: list[Path] = []

    async def take(name: str) -> None:
        taken.append(folder / f"{len(taken) + 1:02}-{name}.png")
        await page.screenshot(path=taken[-1])

    attune, study = addresses
    await page.goto(attune, wait_until="commit")
    await page.wait_for_selector("#attune[data-state=ready]")
    await page.wait_for_selector("#a-latest:not([hidden])")
    async for name in states(page):
        await take(name)
    await page.goto(f"{attune}records")
    await take("history")
    await page.click("a[href*='yesterday']")
    await page.wait_for_load_state()
    await take("record")
    await page.goto(f"{study}/?PROLIFIC_PID=anna")
    await page.wait_for_selector("text=Next")
    await take("study")
    return taken


def sheet(pictures_of: list[Path], size: str) -> Image.Image:
    """Returns the pictures beside each other."""
    width, height = SIZES[size]
    cell = CELL[size]
    tall = round(cell * height / width)
    columns = COLUMNS[size]
    rows = -(-len(pictures_of) // columns)
    whole = Image.new("RGB", (columns * (cell + GAP), rows * (tall + GAP)), "#888")
    for index, file in enumerate(pictures_of):
        row, column = divmod(index, columns)
        small = Image.open(file).convert("RGB").resize((cell, tall), Image.Resampling.LANCZOS)
        whole.paste(small, (column * (cell + GAP), row * (tall + GAP)))
    return whole


async def take_all(folder: Path, wanted: list[str], scratch: Path, addresses: Any) -> None:
    """Takes each size in each scheme."""
    from playwright.async_api import async_playwright

    microphone = scratch / "microphone.wav"
    soundfile.write(microphone, speech_like(length_s=60.0, rate=48_000), 48_000)
    async with async_playwright() as browsers:
        for name in [f"{size}-{scheme}" for size in SIZES for scheme in SCHEMES]:
            if wanted and name not in wanted:
                continue
            size, scheme = name.split("-")
            (folder / name).mkdir(parents=True, exist_ok=True)
            async with page_of(browsers, microphone, size, scheme) as page:
                taken = await pictures(page, folder / name, addresses)
            sheet(taken, size).save(folder / f"{name}.png")
            print(folder / f"{name}.png", flush=True)


def main() -> None:
    """Takes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        scratch = Path(made)
        now = datetime.now(UTC)
        make_record(scratch / "records" / "yesterday-1", TALK, began=now - timedelta(days=1))
        make_record(scratch / "records" / "older-1", TALK[1:], began=now - timedelta(days=4))
        study = make_study(scratch / "study")
        with (
            page_server(
                reply="I see.",
                records=scratch / "records",
                memory=scratch / "memory.json",
            ) as attune,
            serving_study(study) as (host, _),
        ):
            addresses = (attune, f"http://{host}")
            asyncio.run(take_all(options.folder, options.only, scratch, addresses))


if __name__ == "__main__":
    main()
