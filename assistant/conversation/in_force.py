"""The settings that are in force: every change of them is an event, every turn names them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from assistant.events import ConversationStarted, Event, SettingsChanged, UtteranceEnded

UNNAMED = frozenset({"instructions"})
"""Told when they change; too long to stand in every turn."""


class SettingsInForce:
    """Stands before a conversation's listener, which gets all events through `listen`."""

    def __init__(self, listener: Callable[[Event], None], settings: Mapping[str, Any]) -> None:
        """Begins with `settings`, plain values by name."""
        self._listener = listener
        self._settings = dict(settings)

    @property
    def settings(self) -> dict[str, Any]:
        """Those of the next answer."""
        return dict(self._settings)

    def name(self, settings: Mapping[str, Any]) -> None:
        """Adds `settings` that are in force from the start; those that are there already stay."""
        # Behind those: turns are told in this order wherever they are shown.
        self._settings = {**self._settings, **settings, **self._settings}

    def listen(self, event: Event) -> None:
        """Passes an event on; a turn that is over gets the settings it is answered under."""
        if isinstance(event, UtteranceEnded):
            named = {key: self._settings[key] for key in self._settings if key not in UNNAMED}
            event = replace(event, settings=named)
        self._listener(event)

    def opening(self, at_s: float, settings: Mapping[str, Any]) -> ConversationStarted:
        """Returns the event that begins a record, with all `settings` that were chosen."""
        in_force = self.settings
        return ConversationStarted(
            at_s,
            model=in_force["model"],
            voice=in_force["voice"],
            policy=in_force["policy"],
            utc=datetime.now(UTC).isoformat(timespec="milliseconds"),
            settings=dict(settings),
            in_force=in_force,
        )

    def change(self, at_s: float, settings: Mapping[str, Any]) -> bool:
        """Takes `settings` from now on, and tells what differs; returns whether anything does."""
        nothing = object()
        changes = {k: v for k, v in settings.items() if self._settings.get(k, nothing) != v}
        if changes:
            self._settings |= changes
            self._listener(SettingsChanged(at_s, changes))
        return bool(changes)
