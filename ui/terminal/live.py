"""A conversation in real time in a terminal: picture or plain lines, keys, and an orderly end."""

import asyncio
import os
import signal
import sys
from contextlib import ExitStack, suppress
from functools import partial

from rich.console import Console

from assistant import events
from assistant.assembly import Engines
from assistant.conversation.loop import TalkLoop
from assistant.errors import AssistantError, OutputError
from assistant.files.replayed import FileEnds
from assistant.session import Ends, Watchers, Workers, open_card, open_talk, turn_taking
from assistant.settings import TalkCommandSettings
from assistant.worker import Worker
from ui.shown import one_line
from ui.terminal.controls import Controls, Effects
from ui.terminal.farewell import Farewell
from ui.terminal.keys import Keyboard
from ui.terminal.picture import ASCII, UNICODE, Panel
from ui.terminal.plain import plain_lines, talk_lines
from ui.terminal.save import save
from ui.terminal.screen import HeldErrors, Screen
from ui.view import View, noticed, reduce, typed_words

DRAW_S = 0.1
"""Between two pictures."""
STOP_S = 2.0
"""How long a conversation may take to end by itself when it is asked to."""
LAST_LINES_S = 1.0
"""How long the last lines may take to reach a slow terminal."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class LiveTalk:
    """One conversation and all that a terminal has to do with it."""

    def __init__(
        self,
        settings: TalkCommandSettings,
        engines: Engines,
        workers: Workers,
        farewell: Farewell,
        *,
        is_recording: bool = False,
    ) -> None:
        """Prepares the terminal's side; the conversation is opened by `run`.

        `farewell` is told when the conversation is over and who ended it is still there.
        """
        self._settings = settings
        self._engines = engines
        self._workers = workers
        self._console = Console(highlight=False)
        self._is_picture = _shows_picture(self._console, settings)
        self._is_recording = is_recording
        self._farewell = farewell
        self._saved_turns = 0
        self._is_anybody_there = True
        self._worker = Worker("screen")
        self._view = View()
        self._talk: TalkLoop | None = None
        self._watchers: Watchers | None = None
        self._controls: Controls | None = None
        self._holding: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Ends the thread that draws, unless a stopped terminal holds it."""
        if not self._worker.waiting:
            self._worker.close()

    async def run(self, watchers: Watchers, files: FileEnds | None) -> View:
        """Holds the conversation until it ends or somebody ends it; returns the last view.

        Raises:
            AssistantError: A device or a file was lost.
        """
        with ExitStack() as outputs:
            ends = self._open_ends(files, outputs)
            self._watchers = watchers = watchers.with_listener(self._hear)
            self._talk = open_talk(self._settings, self._engines, self._workers, ends, watchers)
            effects = Effects(save=self._save, say=self.say, tell=self._tell)
            self._controls = Controls(self._talk, effects, self._panel())
            try:
                with ExitStack() as terminal:
                    await self._hold(terminal)
            finally:
                if self._is_anybody_there:
                    self._farewell.is_over(self._view, saved_turns=self._saved_turns)
        self._print_end()
        return self._view

    def _open_ends(self, files: FileEnds | None, outputs: ExitStack) -> Ends:
        if files is not None:
            rate, frame = self._engines.voice.sample_rate, self._engines.detector.frame_samples
            return files.open(outputs, rate_hz=rate, frame_samples=frame)
        return open_card(
            self._settings,
            outputs,
            frame_samples=self._engines.detector.frame_samples,
            on_change=self._on_device_change,
        )

    def _panel(self) -> Panel:
        return Panel(
            is_push_to_talk=turn_taking(self._settings).turns == "push-to-talk",
            is_recording=self._is_recording,
            glyphs=UNICODE if self._console.encoding.startswith("utf") else ASCII,
        )

    def _on_device_change(self, message: str, lost: bool) -> None:
        assert self._talk is not None and self._watchers is not None
        self._watchers.listen(events.DeviceChanged(self._talk.clock_s, message, lost))

    async def _hold(self, terminal: ExitStack) -> None:
        """Runs the conversation with the terminal in its hands."""
        assert self._talk is not None
        loop = asyncio.get_running_loop()
        screen = self._open_terminal(terminal)
        self._holding = asyncio.create_task(self._talk.run())
        for number in STOP_SIGNALS:
            before = signal.getsignal(number)
            if before is signal.SIG_IGN:
                continue  # as under `nohup`
            terminal.callback(signal.signal, number, before)
            loop.add_signal_handler(number, self._told_to_stop, number)
            terminal.callback(loop.remove_signal_handler, number)
        drawing = asyncio.create_task(self._draw(screen)) if screen is not None else None
        try:
            await asyncio.wait({self._holding})
        finally:
            if drawing is not None:
                drawing.cancel()
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_LINES_S):
                    while self._worker.waiting:
                        await asyncio.sleep(0.02)
        if not self._holding.cancelled():
            self._holding.result()

    def _open_terminal(self, terminal: ExitStack) -> Screen | None:
        loop = asyncio.get_running_loop()
        screen: Screen | None = None
        terminal.enter_context(HeldErrors())
        if self._is_picture:
            screen = terminal.enter_context(Screen(self._console, self._worker))
        if sys.stdin.isatty():
            keyboard = terminal.enter_context(Keyboard())
            loop.add_reader(keyboard.fd, self._read_keys, keyboard)
            terminal.callback(loop.remove_reader, keyboard.fd)
            if self._settings.echo == "push-to-talk":
                self._tell("Press space, speak, and press space again to send it.")
            self._tell("Press ? for the keys.")
        return screen

    async def _draw(self, screen: Screen) -> None:
        assert self._controls is not None
        view: View | None = None
        panel: Panel | None = None
        while not screen.is_gone:
            if view is not self._view or panel is not self._controls.panel:
                view, panel = self._view, self._controls.panel
                await screen.draw(view, panel)
            await asyncio.sleep(DRAW_S)

    def _hear(self, event: events.Event) -> None:
        if isinstance(event, events.UtteranceJoined) and self._controls is not None:
            self._controls.bring_back(typed_words(self._view, event.turn))
        self._view = reduce(self._view, event)
        if not self._is_picture:
            for line in plain_lines(self._view, event):
                self._print(line)

    def _read_keys(self, keyboard: Keyboard) -> None:
        assert self._controls is not None
        keys = keyboard.read()
        if keys is None:
            asyncio.get_running_loop().remove_reader(keyboard.fd)
            self._is_anybody_there = False
            self._stop()
            return
        for key in keys:
            self._controls.press(key, self._view)
            if self._talk is not None and self._talk.is_stopping:
                self._stop()

    def _stop(self) -> None:
        """Ends the conversation at the next frame, or by force if no frame comes."""
        assert self._talk is not None
        self._talk.stop()
        if self._holding is not None:
            asyncio.get_running_loop().call_later(STOP_S, self._holding.cancel)

    def _told_to_stop(self, number: int) -> None:
        """Ctrl-C is a key of the person's; other signals come from outside."""
        self._is_anybody_there = number == signal.SIGINT
        self._stop()

    def _save(self) -> str:
        try:
            path = save(self._view, self._settings.saves)
        except OutputError as error:
            return str(error)
        self._saved_turns = len(self._view.turns)
        return f"saved to {path}"

    def say(self, text: str) -> None:
        """Shows a sentence beside the conversation."""
        self._view = noticed(self._view, text)
        self._tell(text)

    def _tell(self, text: str) -> None:
        if not self._is_picture:
            self._print(text)

    def _print(self, text: str) -> None:
        with suppress(AssistantError):  # a terminal that takes no lines any more is not waited for
            self._worker.submit(partial(_write_line, text), self._after_line)

    def _after_line(self, _result: None, error: BaseException | None) -> None:
        """Ends the talk where nobody reads it any more, as a hang-up does in a terminal."""
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self._is_anybody_there = False
            self._stop()

    def _print_end(self) -> None:
        """Leaves a last word on the screen where the picture was."""
        if self._is_picture:
            over = plain_lines(self._view, events.ConversationEnded(0.0, ""))
            for line in [*talk_lines(self._view), *over]:
                _write_line(line)
        if self._controls is not None and self._controls.panel.typed:
            _write_line(f"Written and not sent: {one_line(self._controls.panel.typed)}")


def _shows_picture(console: Console, settings: TalkCommandSettings) -> bool:
    return console.is_terminal and not console.is_dumb_terminal and not settings.plain


def _write_line(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    try:
        print(text.encode(encoding, "replace").decode(encoding), flush=True)
    except BrokenPipeError:
        raise
    except OSError:
        return  # the terminal has gone: its hang-up ends the talk
