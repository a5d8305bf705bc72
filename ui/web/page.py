"""The page: Gradio draws frame and settings; talk and picture are the scripts in `static/`."""

import html
import importlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response
from starlette.responses import PlainTextResponse

from ui.realtime.hosting.engines import Resident
from ui.view import DISCLOSURE
from ui.web.examples import EXAMPLES, example_wav

STATIC = Path(__file__).parents[1] / "static"
HEAD = """
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/attune/static/attune.css">
<script type="module" src="/attune/static/attune.js"></script>
"""
CLOSED = ("/gradio_api/upload", "/gradio_api/proxy=", "/gradio_api/file=", "/gradio_api/stream")
"""Gradio's own ways for files and other hosts, which the page has no use for."""


def mount_page(api: FastAPI, resident: Resident, *, with_records: bool = False) -> None:
    """Puts the page at `/`, behind all routes that `api` has already."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    gr: Any = importlib.import_module("gradio")
    api.get("/attune/examples")(_examples)
    api.get("/attune/examples/{index}.wav")(_example)
    api.middleware("http")(_without_files)
    gr.mount_gradio_app(
        api,
        _blocks(gr, resident, with_records=with_records),
        path="/",
        theme=gr.themes.Base(
            primary_hue="slate",
            font=["system-ui", "sans-serif"],
            font_mono=["ui-monospace", "monospace"],
        ),
        head=HEAD,
        footer_links=[],
        run_history=False,
        max_file_size=1,
        ssr_mode=False,
        show_error=False,
        enable_monitoring=False,
    )


def _blocks(gr: Any, resident: Resident, *, with_records: bool) -> Any:
    content = (STATIC / "page.html").read_text(encoding="utf-8")
    content = content.replace(
        '<p id="a-disclosure"></p>', f'<p id="a-disclosure">{html.escape(DISCLOSURE)}</p>'
    )
    if resident.notice:
        content = content.replace(
            'id="a-instead" role="status" hidden>',
            f'id="a-instead" role="status">{html.escape(resident.notice)}',
        )
    # People are asked to be recorded only where that is possible, and told so where it is not.
    unused = 'id="a-nothing-kept"' if resident.records is not None else 'id="a-keeping"'
    content = content.replace(unused, f"{unused} hidden")
    if with_records:
        content = content.replace('id="a-records" hidden', 'id="a-records"')
    with gr.Blocks(title="Attune", analytics_enabled=False) as blocks:
        gr.HTML(content, js_on_load=None, apply_default_css=False, padding=False)
        with gr.Accordion("Settings", open=False, elem_id="a-settings"):
            with gr.Row():
                voice = _choice(gr, "Voice", "voice", list(resident.voices), "who speaks")
                manners = list(resident.policies)
                manner = _choice(gr, "Manner", "policy", manners, "how feelings are met")
            with gr.Row():
                model = _choice(
                    gr, "Model", "model", list(resident.models), "from the next talk on"
                )
                patience = gr.Slider(
                    0.5, 3.0, 1.0, step=0.1, label="Patience", info="how long you may pause"
                )
                _tells(patience, "patience")
            # The page presses it when the server says that other settings are in force.
            adopt = gr.Button("Adopt", visible="hidden", elem_id="a-adopt")
            shown = [voice, manner, model, patience]
            adopt.click(None, None, shown, js="() => window.attune.choices.shown")
    return blocks


def _choice(gr: Any, label: str, name: str, choices: list[str], info: str) -> Any:
    box = gr.Dropdown(choices, value=choices[0], label=label, info=info, interactive=True)
    _tells(box, name)
    return box


def _tells(component: Any, name: str) -> None:
    """Sends each change through the page's socket; the server's side of Gradio does nothing."""
    component.change(
        None, component, None, js=f"(value) => {{ window.attune?.set('{name}', value) }}"
    )


async def _examples() -> list[dict[str, str]]:
    return [
        {"name": name, "url": f"attune/examples/{index}.wav"} for index, name in enumerate(EXAMPLES)
    ]


async def _example(index: int) -> Response:
    sound = example_wav(index)
    if sound is None:
        raise HTTPException(404, "there is no such example")
    return Response(sound, media_type="audio/wav")


async def _without_files(
    request: Request, go_on: Callable[[Request], Awaitable[Response]]
) -> Response:
    if request.url.path.startswith(CLOSED):
        return PlainTextResponse("not offered here\n", 404)
    return await go_on(request)
