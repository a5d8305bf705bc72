"""What keys do to a conversation and to the picture of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from models.emotions import Emotion
from ui.terminal.keys import PASTED, Action, KeyCommand, command_of, key_help
from ui.terminal.picture import Panel
from ui.view import View

LONGEST_TYPED = 2_000
"""Characters that a typed turn may have."""
SPEAK, SENT = "Speak, then press space to send it.", "Sent."


class ControlledTalk(Protocol):
    """What a person can do to a conversation; `TalkLoop` does it."""

    def interrupt(self) -> None:
        """Silences the assistant."""
        ...

    def mute(self, muted: bool) -> None:
        """Closes or opens the microphone."""
        ...

    def press(self, pressed: bool) -> None:
        """The key to talk goes down or up."""
        ...

    def type_text(self, text: str) -> None:
        """Answers typed words."""
        ...

    def correct_emotion(self, turn: int, emotion: Emotion) -> None:
        """Takes the person's word for an emotion."""
        ...

    def stop(self) -> None:
        """Ends the conversation."""
        ...


@dataclass(frozen=True, slots=True)
class Effects:
    """What a key may do beyond the conversation itself."""

    save: Callable[[], str]
    """Saves the talk and returns a sentence about it."""
    say: Callable[[str], None]
    """Shows a sentence."""
    tell: Callable[[str], None]
    """Says what the picture shows by itself; for screens without one."""


class Controls:
    """Carries out keys; holds the panel that the picture shows beside the conversation."""

    def __init__(self, talk: ControlledTalk, effects: Effects, panel: Panel) -> None:
        self.panel = panel
        self._talk = talk
        self._effects = effects

    def press(self, key: str, view: View) -> None:
        """Carries out one key, given what the person sees."""
        if key.startswith(PASTED):
            self._paste(key.removeprefix(PASTED))
            return
        if self.panel.typed is not None:
            self._write(key, self.panel.typed)
            return
        if key == "\x1b":
            self._set(is_help_open=False, shown_turns=None)
            return
        command = command_of(key)
        if command is not None:
            self._obey(command, view)

    def bring_back(self, text: str) -> None:
        """Offers words once more that were sent and found no answer, because of who spoke on."""
        if not text:
            return
        if self.panel.typed:
            self._effects.say(f"not answered: {text}")
            return
        self._set(typed=text)
        self._effects.say("what you wrote was not answered: Enter sends it again")

    def _obey(self, command: KeyCommand, view: View) -> None:
        match command.action:
            case Action.TALK if self.panel.is_push_to_talk:
                pressed = not self.panel.is_pressed
                self._set(is_pressed=pressed)
                self._talk.press(pressed)
                self._effects.tell(SPEAK if pressed else SENT)
            case Action.TALK | Action.INTERRUPT:
                self._talk.interrupt()
            case Action.MUTE:
                self._set(is_pressed=False)
                self._talk.press(False)
                self._talk.mute(not view.is_muted)
            case Action.CORRECT:
                self._correct(command.emotion, view)
            case Action.TYPE:
                self._set(typed="", is_help_open=False)
                self._effects.tell("Write, then press Enter to send it, or Esc to leave it.")
            case Action.SAVE:
                self._effects.say(self._effects.save())
            case Action.BACK:
                shown = self._shown(view) - 1
                self._set(shown_turns=max(1, shown) if view.turns else None)
            case Action.ON:
                shown = self._shown(view) + 1
                self._set(shown_turns=shown if shown < len(view.turns) else None)
            case Action.HELP:
                self._set(is_help_open=not self.panel.is_help_open)
                self._effects.tell(key_help())
            case Action.QUIT:
                self._talk.stop()

    def _shown(self, view: View) -> int:
        """Returns how many turns from the first on are shown: all, unless one looks back."""
        count = len(view.turns)
        return count if self.panel.shown_turns is None else min(count, self.panel.shown_turns)

    def _correct(self, emotion: Emotion | None, view: View) -> None:
        turn = view.last_heard_turn
        if turn is None or emotion is None:
            self._effects.say("nothing was heard yet that could be corrected")
            return
        self._talk.correct_emotion(turn, emotion)
        self._effects.say(f"noted: that was {emotion.label}; it counts from the next turn on")

    def _write(self, key: str, typed: str) -> None:
        """Takes a key while the person writes."""
        match key:
            case "\r" | "\n":
                self._set(typed=None)
                if typed.strip():
                    self._talk.type_text(typed.strip())
            case "\x1b" | "\x03":
                self._set(typed=None)
            case "\x7f" | "\b":
                self._set(typed=typed[:-1])
            case "\x15":
                self._set(typed="")
            case _ if len(key) == 1 and key.isprintable() and len(typed) < LONGEST_TYPED:
                self._set(typed=typed + key)
            case _:
                pass

    def _paste(self, text: str) -> None:
        """Adds pasted text to what is written, on one line; Enter sends it as ever."""
        line = "".join(c if c.isprintable() else " " for c in text)
        typed = (self.panel.typed or "") + line
        self._set(typed=typed[:LONGEST_TYPED], is_help_open=False)
        if len(typed) > LONGEST_TYPED:
            self._effects.say(f"only the first {LONGEST_TYPED} characters were kept")

    def _set(self, **changes: object) -> None:
        self.panel = replace(self.panel, **changes)  # pyright: ignore[reportArgumentType]
