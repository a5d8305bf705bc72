"""The page: plain HTML, CSS and JavaScript in `static/`; the server fills in what it knows.

`page.html` and `attune.js` are where it begins. `talk/` holds what goes to and fro, `screen/` how a
talk is drawn, `sound/` microphone and playing, `panels/` what opens beside a talk, `app/` what is
installed and what is seen offline, `look/` style sheets and letters.
"""

import html
from pathlib import Path
from string import Template
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

from assistant.empathy import load_policy
from assistant.errors import AssistantError
from ui.realtime.hosting.engines import Resident
from ui.view import disclosure
from ui.web.examples import EXAMPLES, example_wav
from ui.web.voices import VoiceSamples, describe_voice

STATIC = Path(__file__).parents[1] / "static"
APP = STATIC / "app"
APART = frozenset(
    {
        "attune.js",
        "app/offline.js",
        "app/worker.js",
        "sound/capture-worklet.js",
        "sound/player-worklet.js",
    }
)
"""Scripts that the page's own modules do not import."""
ALWAYS_ASKED = {"cache-control": "no-cache"}
"""A browser asks whether a file has changed, so that no page is half old after an update."""
SCRIPTS = {"content-security-policy": "script-src 'self'; worker-src 'self'"}
"""Beside the policy of the whole server: this page runs files of its own, and nothing else."""
STYLES = ("attune", "layout", "talk", "panels")


class FreshFiles(StaticFiles):
    """Files whose answer says that they are to be asked for again."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        """Returns one file, or that it has not changed."""
        response = super().file_response(*args, **options)
        response.headers.update(ALWAYS_ASKED)
        return response


class Page:
    """The page at `/`, what makes it an app, and what it offers beside the talk."""

    def __init__(self, resident: Resident, *, with_records: bool = False) -> None:
        """Prepares the page for the engines in `resident`; it may lead to the recorded talks."""
        self._resident = resident
        self._samples = VoiceSamples(resident)
        self._html = page_html(resident, with_records=with_records)
        self.router = APIRouter()
        for path, answer in {
            "/": self._page,
            "/manifest.webmanifest": self._manifest,
            "/worker.js": self._worker,
            "/favicon.ico": self._icon,
            "/attune/examples": self._examples,
            "/attune/examples/{index}.wav": self._example,
            "/attune/offers": self._offers,
            "/attune/sample.wav": self._sample,
        }.items():
            self.router.get(path, response_model=None)(answer)

    async def _page(self) -> HTMLResponse:
        return HTMLResponse(self._html, headers=ALWAYS_ASKED | SCRIPTS)

    async def _manifest(self) -> FileResponse:
        return FileResponse(
            APP / "manifest.json", media_type="application/manifest+json", headers=ALWAYS_ASKED
        )

    async def _worker(self) -> FileResponse:
        # Its address is the root's: a worker serves what lies beside and below it.
        return FileResponse(APP / "worker.js", media_type="text/javascript", headers=ALWAYS_ASKED)

    async def _icon(self) -> FileResponse:
        return FileResponse(APP / "icon-192.png")

    async def _examples(self) -> list[dict[str, str]]:
        return [
            {"name": name, "url": f"attune/examples/{index}.wav"}
            for index, name in enumerate(EXAMPLES)
        ]

    async def _example(self, index: int) -> Response:
        sound = example_wav(index)
        if sound is None:
            raise HTTPException(404, "there is no such example")
        return Response(sound, media_type="audio/wav")

    async def _offers(self) -> dict[str, Any]:
        """Returns what can be chosen, each with a name and a sentence that says what it is."""
        return {
            "voices": [describe_voice(name).as_json() for name in self._resident.voices],
            "policies": [
                {"name": name, "title": policy.name.capitalize(), "about": policy.description}
                for name, policy in ((n, load_policy(n)) for n in self._resident.policies)
            ],
            "models": list(self._resident.models),
        }

    async def _sample(self, voice: str) -> Response:
        if voice not in self._resident.voices:
            raise HTTPException(404, "there is no such voice")
        try:
            return Response(await self._samples.wav(voice), media_type="audio/wav")
        except AssistantError as error:
            raise HTTPException(503, str(error)) from error


def page_html(resident: Resident, *, with_records: bool) -> str:
    """Returns the page for the engines in `resident`."""
    template = Template((STATIC / "page.html").read_text(encoding="utf-8"))
    notice, keeps = resident.notice or "", resident.records is not None
    return template.substitute(
        styles=_styles(),
        preloads=_preloads(),
        disclosure=html.escape(disclosure(resident.sends_words_to)),
        private=html.escape(_private(resident)),
        notice=html.escape(notice),
        notice_hidden="" if notice else " hidden",
        # People are asked to be recorded only where that is possible, and told so where it is not.
        nothing_kept_hidden=" hidden" if keeps else "",
        keeping_hidden="" if keeps else " hidden",
        records_hidden="" if with_records else " hidden",
        memory_hidden="" if resident.remembered is not None else " hidden",
    )


def _private(resident: Resident) -> str:
    """Returns the line in the page's head that says where the person's words go."""
    if resident.sends_words_to is None:
        return "Nothing leaves this computer"
    return f"Your words go to {resident.sends_words_to}"


def _styles() -> str:
    """Returns the style sheets: in the page itself, so that it is painted with its first bytes."""
    texts = [(STATIC / "look" / f"{name}.css").read_text(encoding="utf-8") for name in STYLES]
    return "\n".join(texts).replace('url("', 'url("attune/static/look/')


def _preloads() -> str:
    """Names all modules in the page's head: otherwise each is known once another has come."""
    names = sorted(file.relative_to(STATIC).as_posix() for file in STATIC.rglob("*.js"))
    return "\n  ".join(
        f'<link rel="modulepreload" href="attune/static/{name}">'
        for name in names
        if name not in APART
    )
