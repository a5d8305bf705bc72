"""The picture of a talk that a page shows: what changed of it is sent, and not too often."""

import asyncio

from assistant import events
from ui.realtime.translation import Translator
from ui.view import View, reduce
from ui.view_json import ViewChanges

SHOW_EVERY_S = 0.05


class SentView:
    """What is to be shown, and what of it the client knows; sent to clients that ask for it."""

    def __init__(self, translator: Translator) -> None:
        """Sends by `translator`, whose settings say whether the client wants it."""
        self._translator = translator
        self._view = View()
        self._sent = ViewChanges()
        self._is_due = False

    @property
    def view(self) -> View:
        """What is to be shown."""
        return self._view

    def follow(self, event: events.Event) -> None:
        """Takes in what happened; it is sent by `show`."""
        self._view = reduce(self._view, event)

    def begin_anew(self) -> None:
        """The client knows nothing of it."""
        self._sent = ViewChanges()

    def show(self) -> None:
        """Sends what changed."""
        self._is_due = False
        if not self._translator.config.attune.view:
            return
        if change := self._sent.change(self._view):
            self._translator.send({"type": "attune.view", "change": change})

    def show_soon(self) -> None:
        """Tokens come faster than anybody reads: a few of them are shown together."""
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(SHOW_EVERY_S, self.show)
