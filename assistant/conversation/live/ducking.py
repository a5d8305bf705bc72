"""How the assistant gives way to speech while it talks: softer, silent, or heard again."""

from collections.abc import Callable
from functools import partial

from assistant import events
from assistant.audio.protocols import Speaker
from assistant.conversation.question import Emit


class Ducking:
    """Lowers and stops the voice without losing anything of it; publishes each change once."""

    def __init__(self, speaker: Speaker, emit: Emit, *, duck_db: Callable[[], float]) -> None:
        """Acts on `speaker` and publishes through `emit`; `duck_db` says by how much to duck."""
        self._speaker = speaker
        self._emit = emit
        self._duck_db = duck_db
        self._is_ducked = False
        self._is_silent = False

    @property
    def is_silent(self) -> bool:
        """Whether it fell silent amid what it says."""
        return self._is_silent

    def duck(self, on: bool) -> None:
        """Speaks softly, or as loud as before."""
        if on == self._is_ducked:
            return
        self._is_ducked = on
        decibels = self._duck_db() if on else 0.0
        self._speaker.gain(decibels)
        self._emit(partial(events.Ducked, decibels=decibels))

    def fall_silent(self) -> None:
        """Stops speaking, ready to go on."""
        self._hold(True)

    def speak_again(self) -> None:
        """Goes on where it fell silent."""
        self._hold(False)

    def go_on(self) -> None:
        """Is heard again as before."""
        self._hold(False)
        self.duck(False)

    def _hold(self, on: bool) -> None:
        if on == self._is_silent:
            return
        self._is_silent = on
        self._speaker.hold(on)
        self._emit(partial(events.Yielded, yielded=on))
