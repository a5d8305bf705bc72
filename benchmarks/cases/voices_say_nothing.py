"""Where there is nothing to say, one is told so; in a talk, by a word of the assistant's."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from assistant.assembly import open_engines
from assistant.audio.waveform import AudioClip
from assistant.conversation.answering import Answering
from assistant.conversation.conversation import Conversation
from assistant.conversation.engines import Engines
from assistant.engines.protocols import Cancel, Dialogue, Persona, TextDelta
from assistant.settings import ReplySettings
from assistant.voice.speakable import ASK_AGAIN
from benchmarks.cases.case import Case

NEEDS = ("flite",)
TEXTS = {
    "😀😀": "nothing to say in this text",
    "...": "nothing to say in this text",
    "*sighs*": "nothing to say in this text",
    "日本語": "--voice espeak:",
    "Спасибо": "--voice espeak:ru",
}
ANSWERS = ("🙂", "…", "", "<think>Hm.</think>")


def run(case: Case) -> None:
    """Lets the command say nothing, and a model answer it."""
    with tempfile.TemporaryDirectory() as folder:
        for text, remedy in TEXTS.items():
            _say(case, text, remedy, Path(folder) / "said.wav")
    engines = open_engines(ReplySettings(text="Hello.", voice="flite"))
    try:
        for answer in ANSWERS:
            asyncio.run(_answer(case, engines, answer))
    finally:
        engines.close()


def _say(case: Case, text: str, remedy: str, out: Path) -> None:
    command = [sys.executable, "app.py", "voices", "say", text, "--voice", "flite"]
    done = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True)
    message = done.stderr.strip().splitlines()[-1:]
    case.expect(
        done.returncode == 1 and remedy in "".join(message) and not out.exists(),
        f"{text!r}: status 1, no file, {remedy!r}; seen: {done.returncode}, {message}",
    )


class _Says:
    """A dialogue of the model's own that answers what it is told."""

    def __init__(self, dialogue: Dialogue, answer: str) -> None:
        self._dialogue, self._answer = dialogue, answer

    def __getattr__(self, name: str) -> object:
        return getattr(self._dialogue, name)

    def reply(self, cancel: Cancel) -> Iterator[TextDelta]:
        yield from (TextDelta(character) for character in self._answer)


async def _answer(case: Case, engines: Engines, answer: str) -> None:
    clips: list[AudioClip] = []
    dialogue = _Says(engines.model.open(Persona()), answer)
    conversation = Conversation(engines, dialogue)  # pyright: ignore[reportArgumentType]
    made = await Answering(conversation).answer("Hello.", clips.append)
    loud = bool(clips) and float(np.abs(np.concatenate([c.samples for c in clips])).max()) > 0.05
    case.expect(
        loud and made.reply.endswith(ASK_AGAIN),
        f"an answer {answer!r} is heard as {ASK_AGAIN!r}; seen: {made.reply!r}, loud: {loud}",
    )
