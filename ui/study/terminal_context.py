"""What the pages of the terminal share: the study, the person, the devices, the screen."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from assistant.audio.protocols import Ends
from assistant.audio.waveform import Waveform
from assistant.study.run.engines import StudyEngines
from assistant.study.run.runner import Runner
from assistant.turns.settings import TalkSettings

TAB = "terminal"
OpenEnds = Callable[[ExitStack, int], Ends]
"""Opens microphone and loudspeaker for frames of so many samples; the stack gives them back."""
PlaySides = Callable[[Waveform, Waveform, int], None]
"""Plays the left and the right side of a sound of a rate in Hz, to its end."""


class Left(Exception):
    """The participant wants to stop; holds the command."""


@dataclass(frozen=True, slots=True)
class Devices:
    """What sound goes through."""

    engines: StudyEngines
    talk: TalkSettings
    """How turns are taken."""
    open_ends: OpenEnds
    play_sides: PlaySides


@dataclass(frozen=True, slots=True)
class PageContext:
    """What one page is shown with."""

    runner: Runner
    name: str
    """The participant's id."""
    devices: Devices
    ask: Callable[[str], str]
    """Shows a question and returns the line that is typed.

    Raises:
        Left: The participant wants to stop.
    """
    say: Callable[[str], None]
    """Shows a line."""
