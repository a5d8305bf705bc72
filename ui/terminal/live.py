"""A conversation in real time in a terminal: its keys, its signals, and an orderly end."""

import asyncio
import signal
import sys
from contextlib import ExitStack

from assistant import events
from assistant.conversation.live.loop import TalkLoop
from assistant.errors import OutputError
from ui.terminal.controls import Controls, Effects
from ui.terminal.display import Display
from ui.terminal.farewell import Farewell
from ui.terminal.keys import Keyboard
from ui.terminal.picture import Panel
from ui.terminal.save import Save
from ui.terminal.screen import Screen
from ui.view import View, typed_words

DRAW_S = 0.1
"""Between two pictures."""
STOP_S = 2.0
"""How long a conversation may take to end by itself when it is asked to."""
OF_KEYS = (signal.SIGINT, signal.SIGQUIT)
"""Ctrl-C and Ctrl-\\: somebody is there who pressed them."""
STOP_SIGNALS = (*OF_KEYS, signal.SIGTERM, signal.SIGHUP)


class LiveTalk:
    """A conversation in the hands of the person at the terminal."""

    def __init__(
        self, talk: TalkLoop, display: Display, farewell: Farewell, panel: Panel, *, save: Save
    ) -> None:
        """Follows `talk`, which `run` holds.

        Args:
            talk: The conversation.
            display: Shows it.
            farewell: Told when it is over and who ended it is still there.
            panel: What stands beside it in the picture.
            save: Saves it by key.
        """
        self._talk = talk
        self._display = display
        self._farewell = farewell
        self._save_talk = save
        effects = Effects(save=self._save, say=display.say, tell=display.tell)
        self._controls = Controls(talk, effects, panel)
        self._saved_turns = 0
        self._is_anybody_there = True
        # The keys first: what the person typed is looked up before it leaves the view.
        talk.follow(self._bring_back)
        talk.follow(display.hear)

    async def run(self) -> View:
        """Holds the conversation until it ends or somebody ends it; returns the last view.

        Raises:
            AssistantError: A device or a file was lost.
        """
        try:
            with ExitStack() as terminal:
                await self._hold(terminal)
        finally:
            if self._is_anybody_there:
                self._farewell.is_over(self._display.view, saved_turns=self._saved_turns)
        self._display.print_end(self._controls.panel.typed)
        return self._display.view

    async def _hold(self, terminal: ExitStack) -> None:
        """Runs the conversation with the terminal in its hands."""
        screen = self._display.open(terminal)
        holding = asyncio.create_task(self._talk.run())
        if sys.stdin.isatty():
            self._open_keyboard(holding, terminal)
        self._obey_signals(holding, terminal)
        beside = [asyncio.create_task(self._leave_when_gone(holding))]
        if screen is not None:
            beside.append(asyncio.create_task(self._draw(screen)))
        try:
            await asyncio.wait({holding})
        finally:
            for task in beside:
                task.cancel()
            await self._display.written()
        if not holding.cancelled():
            holding.result()

    def _open_keyboard(self, holding: asyncio.Task[None], terminal: ExitStack) -> None:
        loop = asyncio.get_running_loop()
        keyboard = terminal.enter_context(Keyboard())
        loop.add_reader(keyboard.fd, self._read_keys, keyboard, holding)
        terminal.callback(loop.remove_reader, keyboard.fd)
        if self._controls.panel.is_push_to_talk:
            self._display.tell("Press space, speak, and press space again to send it.")
        self._display.tell("Press ? for the keys.")

    def _obey_signals(self, holding: asyncio.Task[None], terminal: ExitStack) -> None:
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            before = signal.getsignal(number)
            if before is signal.SIG_IGN:
                continue  # as under `nohup`
            terminal.callback(signal.signal, number, before)
            loop.add_signal_handler(number, self._told_to_stop, number, holding)
            terminal.callback(loop.remove_signal_handler, number)

    async def _draw(self, screen: Screen) -> None:
        view: View | None = None
        panel: Panel | None = None
        while not screen.is_gone:
            if view is not self._display.view or panel is not self._controls.panel:
                view, panel = self._display.view, self._controls.panel
                await screen.draw(view, panel)
            await asyncio.sleep(DRAW_S)

    def _bring_back(self, event: events.Event) -> None:
        """Gives typed words back to the person who then spoke on, so that none are lost."""
        if isinstance(event, events.UtteranceJoined):
            self._controls.bring_back(typed_words(self._display.view, event.turn))

    def _read_keys(self, keyboard: Keyboard, holding: asyncio.Task[None]) -> None:
        keys = keyboard.read()
        if keys is None:
            asyncio.get_running_loop().remove_reader(keyboard.fd)
            self._is_anybody_there = False
            self._stop(holding)
            return
        for key in keys:
            self._controls.press(key, self._display.view)
            if self._talk.is_stopping:
                self._stop(holding)

    def _stop(self, holding: asyncio.Task[None]) -> None:
        """Ends the conversation at the next frame, or by force if no frame comes."""
        self._talk.stop()
        asyncio.get_running_loop().call_later(STOP_S, holding.cancel)

    def _told_to_stop(self, number: int, holding: asyncio.Task[None]) -> None:
        """Some are keys of the person's; other signals come from outside."""
        self._is_anybody_there = number in OF_KEYS
        self._stop(holding)

    async def _leave_when_gone(self, holding: asyncio.Task[None]) -> None:
        """Ends the talk where nobody reads it any more, as a hang-up does in a terminal."""
        await self._display.gone.wait()
        self._is_anybody_there = False
        self._stop(holding)

    def _save(self) -> str:
        view = self._display.view
        try:
            path = self._save_talk(view)
        except OutputError as error:
            return str(error)
        self._saved_turns = len(view.turns)
        return f"saved to {path}"
