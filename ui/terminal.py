"""The command `talk`: a conversation in the terminal, at the microphone or with a recording."""

import asyncio
import sys
from contextlib import ExitStack, suppress

from rich.console import Console

from assistant import events
from assistant.answer import Engines
from assistant.assembly import open_engines
from assistant.clock import replay
from assistant.devices import check_devices
from assistant.replayed import FileEnds
from assistant.session import Watchers, Workers, open_talk
from assistant.settings import TalkCommandSettings
from ui.terminal_live import LiveTalk
from ui.terminal_plain import plain_lines
from ui.view import DISCLOSURE, View, reduce


def talk(settings: TalkCommandSettings) -> int:
    """Runs `talk`; returns the exit status.

    Raises:
        AssistantError: The conversation cannot be held; says why and what to do.
    """
    files = FileEnds(settings) if settings.input or settings.output else None
    if files is None:
        check_devices(settings.devices)
    _say(DISCLOSURE)
    if sys.stderr.isatty():
        print(f"loading model {settings.model} …", file=sys.stderr)
    with ExitStack() as stack:
        engines = open_engines(settings)
        stack.callback(engines.close)
        workers = Workers()
        stack.callback(workers.close)
        if files is not None and settings.pace != "real":
            view = _replay(settings, engines, workers, files)
        else:
            with LiveTalk(settings, engines, workers) as live:
                view = asyncio.run(live.run(files))
    if files is not None and view.ended == "input ended":
        files.check(len(view.turns))
    return 0


def _replay(
    settings: TalkCommandSettings, engines: Engines, workers: Workers, files: FileEnds
) -> View:
    """Holds a conversation with a recording as fast as it goes; prints plain lines."""
    view = View()

    def listen(event: events.Event) -> None:
        nonlocal view
        view = reduce(view, event)
        for line in plain_lines(view, event):
            _say(f"{event.at_s:7.1f} s  {line}")

    with ExitStack() as outputs:
        ends = files.open(outputs, rate_hz=engines.voice.sample_rate)
        conversation = open_talk(settings, engines, workers, ends, Watchers(listen))
        replay(conversation.run(), workers=list(workers), counts_work=settings.pace == "counted")
    return view


def _say(line: str) -> None:
    Console(highlight=False, markup=False, soft_wrap=not sys.stdout.isatty()).print(line)
    with suppress(BrokenPipeError):
        sys.stdout.flush()
