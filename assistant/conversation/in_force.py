"""The settings that are in force: every change of them is an event, every turn names them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from assistant.events import (
    ConversationStarted,
    Event,
    SettingsAsked,
    SettingsChanged,
    UtteranceEnded,
)

UNNAMED = frozenset({"instructions"})
"""Told when they change; too long to stand in every turn."""
_NOTHING = object()


class SettingsInForce:
    """Stands before a conversation's listener, which gets all events through `listen`."""

    def __init__(self, listener: Callable[[Event], None], settings: Mapping[str, Any]) -> None:
        """Begins with `settings`, plain values by name."""
        self._listener = listener
        self._settings = dict(settings)
        # Apart: they tell what was said, and are kept only with consent to words.
        self._asked: dict[str, Any] = {}

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
            event = replace(event, settings=named, asked=dict(self._asked))
        self._listener(event)

    def opening(self, at_s: float, settings: Mapping[str, Any]) -> list[Event]:
        """Returns the events that begin a record, with all `settings` that were chosen."""
        in_force = self.settings
        begun = ConversationStarted(
            at_s,
            model=in_force["model"],
            voice=in_force["voice"],
            policy=in_force["policy"],
            utc=datetime.now(UTC).isoformat(timespec="milliseconds"),
            settings=dict(settings),
            in_force=in_force,
        )
        return [begun, SettingsAsked(at_s, dict(self._asked))] if self._asked else [begun]

    def change(self, at_s: float, settings: Mapping[str, Any]) -> bool:
        """Takes `settings` from now on, and tells what differs; returns whether anything does."""
        if changes := _differing(self._settings, settings):
            self._settings |= changes
            self._listener(SettingsChanged(at_s, changes))
        return bool(changes)

    def ask(self, at_s: float, settings: Mapping[str, Any]) -> None:
        """Takes `settings` that the person asked for by voice, and tells what differs."""
        if changes := _differing(self._asked, settings):
            self._asked |= changes
            self._listener(SettingsAsked(at_s, changes))


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {name: v for name, v in after.items() if before.get(name, _NOTHING) != v}
