"""The Gradio page for demos: one recording or typed question at a time, and its answer.

For Hugging Face Spaces, notebooks and `gradio_client`; who wants to talk takes the page at `/`.
Gradio's handler runs on the server's event loop: it waits there for its turn at the gate and holds
the talk there, as the live talks beside it are held.
"""

import asyncio
import atexit
import contextlib
import os
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Protocol, cast

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # is read while it is imported

import gradio as gr
from fastapi import FastAPI
from gradio.themes import Default
from starlette.datastructures import Address
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.errors import AssistantError
from ui.realtime.hosting.admission import Gate, NoRoom
from ui.realtime.hosting.engines import Resident
from ui.realtime.socket import THIS_COMPUTER
from ui.view import disclosure
from ui.web.demo_talk import LONGEST_S, DemoTalk, Shown, open_demo
from ui.web.voices import describe_voice

PATH = "/gradio"
UPLOAD, HEARTBEAT = f"{PATH}/gradio_api/upload", f"{PATH}/gradio_api/heartbeat/"
LARGEST_UPLOAD = 16 * 1024 * 1024
"""Bytes of a recording: a minute in stereo, as browsers record it."""
MOST_TALKS = 64
"""Talks that are kept; where one more begins, the oldest is forgotten."""
KEPT_S = 600
"""How long a talk is kept in which nothing is said, and an answer's sound."""
AT_ONCE = 4
LOOK_AGAIN_S = 0.5
"""How often a connection that is kept looks whether the server closes."""
ABOUT = f"""Record or upload up to {LONGEST_S} s of speech, or write. Nothing is recorded: your
recording is deleted once it is answered, and the rest within minutes after the talk."""
FONTS = ("system-ui", "sans-serif")
"""Of the visitor's own computer: others would be fetched from elsewhere."""


class Keep(Protocol):
    """Copies a file to where Gradio keeps those of a component."""

    async def __call__(self, url_or_file_path: str | Path | None) -> str | None:
        """Returns where the copy is."""
        ...


class GradioPage:
    """Answers what the page's visitors, or programs in their place, send."""

    def __init__(self, resident: Resident, gate: Gate) -> None:
        """Answers with the engines of `resident`, as many at once as `gate` lets in."""
        self._resident = resident
        self._gate = gate

    async def answer(
        self,
        recording: str | None,
        text: str,
        voice: str,
        policy: str,
        talk: DemoTalk | None,
        request: gr.Request,
    ) -> tuple[Any, ...]:
        """Answers a recording, or else a text.

        Args:
            recording: File of the speech; it is deleted once it is answered.
            text: What is asked where there is no recording.
            voice: Name of the voice that answers.
            policy: Name of the reply policy.
            talk: What was said before; None where nothing was.
            request: Who asks.

        Returns:
            What was heard, the probabilities of the emotions, the reply, the spoken answer, where
            to find help, and the talk.
        """
        if not recording and not text.strip():
            raise _error("nothing to answer: record something, or write it")
        question = Path(recording) if recording else text.strip()
        try:
            async with self._admitted(request):
                shown, talk = await self._answered(question, voice, policy, talk)
        except (AssistantError, NoRoom) as error:
            raise _error(str(error)) from error
        finally:
            if recording:
                Path(recording).unlink(missing_ok=True)
        return shown.heard, shown.emotion, shown.reply, shown.sound, shown.help, talk

    @contextlib.asynccontextmanager
    async def _admitted(self, request: gr.Request) -> AsyncGenerator[None]:
        """Takes a place among the talks for as long as an answer takes."""
        client = cast("Address | None", request.client)  # pyright: ignore[reportUnknownMemberType]
        host = client.host if client is not None else ""
        visit = self._gate.try_enter("" if host in THIS_COMPUTER else host)
        try:
            yield
        finally:
            self._gate.leave(visit)

    async def _answered(
        self, question: Path | str, voice: str, policy: str, talk: DemoTalk | None
    ) -> tuple[Shown, DemoTalk]:
        talk = talk or await open_demo(self._resident)
        if talk.is_busy:
            raise NoRoom("your last question is being answered: wait for it")
        talk.speak_with(voice, self._resident.voices[voice], policy)
        talk.is_busy = True
        try:
            return await talk.answer(question), talk
        finally:
            talk.is_busy = False


def _error(message: str) -> gr.Error:
    """Returns what a visitor is told, and nobody logs."""
    return gr.Error(message, print_exception=False)


def gradio_blocks(resident: Resident, gate: Gate) -> gr.Blocks:
    """Returns the page."""
    page = GradioPage(resident, gate)
    with gr.Blocks(title="Attune", analytics_enabled=False, delete_cache=(60, KEPT_S)) as blocks:
        gr.Markdown(
            f"# Attune\n{disclosure(resident.sends_words_to)}\n\n{ABOUT}\n\n{resident.notice or ''}"
        )
        help_ = gr.Textbox(label="Help", interactive=False, lines=2)
        with gr.Row():
            with gr.Column():
                asked = _questions(resident)
            with gr.Column():
                heard = gr.Textbox(label="What was heard", interactive=False)
                emotion = gr.Label(label="How it sounded (a guess)")
                reply = gr.Textbox(label="Reply", interactive=False)
                spoken = gr.Audio(
                    label="Spoken answer", format="wav", autoplay=True, buttons=["download"]
                )
        said = gr.Chatbot(label="What was said", render_markdown=False, buttons=["copy"])
        talk = gr.State(None, time_to_live=KEPT_S)
        answered = asked["send"].click(
            page.answer,
            [*(asked[name] for name in ("recording", "text", "voice", "policy")), talk],
            [heard, emotion, reply, spoken, help_, talk],
            api_name="answer",
            concurrency_limit=AT_ONCE,
        )
        answered.success(
            _what_was_said,
            talk,
            [said, asked["recording"], asked["text"]],
            api_visibility="private",
        )
        gr.Button("Start anew").click(
            _anew, None, [heard, emotion, reply, spoken, help_, talk, said], api_name="start_anew"
        )
    blocks.state_session_capacity = MOST_TALKS
    return blocks


def _questions(resident: Resident) -> dict[str, Any]:
    """Draws what a visitor fills in; returns the parts by name."""
    recording = gr.Audio(
        label="Speak", sources=["microphone", "upload"], type="filepath", editable=False
    )
    recording.async_move_resource_to_block_cache = _uploaded_only(
        recording.async_move_resource_to_block_cache
    )
    voices = [(describe_voice(name).title, name) for name in resident.voices]
    return {
        "recording": recording,
        "text": gr.Textbox(label="Or write"),
        "voice": gr.Dropdown(voices, value=resident.default_voice, label="Voice"),
        "policy": gr.Dropdown(
            list(resident.policies), value=resident.policies[0], label="Reply policy"
        ),
        "send": gr.Button("Answer", variant="primary"),
    }


def _uploaded_only(keep: Keep) -> Keep:
    """Returns `keep` for files alone: Gradio would fetch an address for whoever names one."""

    async def keep_file(url_or_file_path: str | Path | None) -> str | None:
        if "://" in str(url_or_file_path):
            raise _error("send the recording itself: addresses are not fetched")
        return await keep(url_or_file_path)

    return keep_file


def _what_was_said(talk: DemoTalk) -> tuple[list[dict[str, str]], None, str]:
    """Returns the course of the talk, and empties what was asked."""
    return list(talk.said), None, ""


def _anew() -> tuple[Any, ...]:
    return "", None, "", None, "", None, []


class EndsWithServer:
    """Hangs up the connection that each open page of Gradio keeps, once the server closes."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        """Serves `app` until `gate` closes."""
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        is_kept = scope["type"] == "http" and scope["path"].startswith(HEARTBEAT)

        async def receive_or_end() -> Message:
            message = asyncio.ensure_future(receive())
            while not message.done():
                if self._gate.is_closing:
                    message.cancel()
                    return {"type": "http.disconnect"}
                await asyncio.wait({message}, timeout=LOOK_AGAIN_S)
            return message.result()

        await self._app(scope, receive_or_end if is_kept else receive, send)


def mount_gradio(api: FastAPI, resident: Resident, gate: Gate) -> ASGIApp:
    """Adds the page to the server, at `PATH`; returns the server that has it."""
    _keep_to_oneself()
    gr.mount_gradio_app(  # pyright: ignore[reportUnknownMemberType]
        api,
        gradio_blocks(resident, gate),
        PATH,
        footer_links=["api"],
        max_file_size=LARGEST_UPLOAD,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=Default(font=FONTS, font_mono=("ui-monospace", "monospace")),
    )
    return EndsWithServer(api, gate)


def _keep_to_oneself() -> None:
    """Has Gradio keep sound in a folder that nobody else can read, and that goes with us."""
    folder = tempfile.TemporaryDirectory(prefix="attune-gradio-")
    atexit.register(folder.cleanup)
    os.environ["GRADIO_TEMP_DIR"] = folder.name
