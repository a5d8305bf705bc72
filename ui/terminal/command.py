"""The command `talk`: a conversation in the terminal, at the microphone or with a recording."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import ExitStack

from rich.console import Console

from assistant import events
from assistant.assembly import Engines, open_engines, open_help
from assistant.audio.sound_card import check_devices
from assistant.clock import replay
from assistant.errors import OutputError
from assistant.files.replayed import FileEnds
from assistant.records.recording import Consent, Recorder
from assistant.session import Watchers, Workers, open_talk
from assistant.settings import TalkCommandSettings
from ui.parts import shown
from ui.saved_talk import saved_talk
from ui.terminal.consent import ask_consent, new_folder
from ui.terminal.farewell import Farewell, orderly_end
from ui.terminal.healing import heal
from ui.terminal.live import LiveTalk
from ui.terminal.plain import plain_lines
from ui.terminal.save import save
from ui.view import DISCLOSURE, View, reduce


def talk(settings: TalkCommandSettings) -> int:
    """Runs `talk`; returns the exit status.

    Raises:
        AssistantError: The conversation cannot be held; says why and what to do.
    """
    heal()
    files = FileEnds(settings) if settings.input or settings.output else None
    if files is None:
        check_devices(settings.devices)
    open_help(settings)  # a wrong setting is told before anything is asked or loaded
    _say(DISCLOSURE)
    consent = ask_consent(settings)
    if sys.stderr.isatty():
        print("loading model and voice …", file=sys.stderr)
    farewell = Farewell(lambda view: _saved(view, settings))
    with orderly_end(), ExitStack() as stack:
        stack.callback(farewell.offer)
        engines = open_engines(settings, shown)
        stack.callback(engines.close)
        if engines.notice:
            _say(engines.notice)
        workers = Workers()
        stack.callback(workers.close)
        if files is not None and settings.pace != "real":
            watchers = _watchers(settings, consent, _say, stack)
            view = _replay(settings, engines, workers, watchers, files)
        else:
            is_recording = consent is not None
            live = LiveTalk(settings, engines, workers, farewell, is_recording=is_recording)
            stack.callback(live.close)
            watchers = _watchers(settings, consent, live.say, stack)
            view = asyncio.run(live.run(watchers, files))
    if files is not None and view.ended == "input ended":
        files.check(len(view.turns))
    return 0


def _watchers(
    settings: TalkCommandSettings,
    consent: Consent | None,
    say: Callable[[str], None],
    stack: ExitStack,
) -> Watchers:
    """Returns who follows the conversation besides the screen; `stack` closes the recording."""
    if consent is None:
        return Watchers()
    recorder = Recorder(new_folder(settings.records), consent, on_problem=say)
    stack.callback(_say, f"The talk is recorded in {recorder.folder}.")
    stack.callback(recorder.close)
    return Watchers((recorder.listen,), recorder.tap)


def _saved(view: View, settings: TalkCommandSettings) -> str:
    """Saves a talk; where that is not possible, it is printed."""
    try:
        return f"Saved to {save(view, settings.saves)}."
    except OutputError as error:
        return f"{saved_talk(view, 'md')}\n{error}"


def _replay(
    settings: TalkCommandSettings,
    engines: Engines,
    workers: Workers,
    watchers: Watchers,
    files: FileEnds,
) -> View:
    """Holds a conversation with a recording as fast as it goes; prints plain lines."""
    view = View()

    def listen(event: events.Event) -> None:
        nonlocal view
        view = reduce(view, event)
        for line in plain_lines(view, event):
            _say(f"{event.at_s:7.1f} s  {line}")

    async def hold() -> None:
        with ExitStack() as outputs:
            frame, rate = engines.detector.frame_samples, engines.voice.sample_rate
            ends = files.open(outputs, rate_hz=rate, frame_samples=frame)
            await open_talk(settings, engines, workers, ends, watchers.with_listener(listen)).run()

    replay(hold(), workers=list(workers), counts_work=settings.pace == "counted")
    return view


def _say(line: str) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=not sys.stdout.isatty())
    try:
        console.print(line)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError:
        pass  # the terminal was closed; the hang-up ends the talk
