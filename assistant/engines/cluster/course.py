"""What an owner tells a replica of a conversation: all of it, as text, with every question.

The process that owns a conversation holds what must survive a replica: who the assistant is, what
was said, and of each answer what was heard. It goes along with every question, a few kilobytes, so
that any replica can answer it; the one that answered before has most of it in its KV cache.
"""

from dataclasses import dataclass
from typing import Any

from assistant.audio.waveform import Waveform
from assistant.engines.protocols import Persona

APPLICATION = "attune"
"""The application of replicas that is meant where none is named."""
VERSION = 2
"""Of these records. Owner and replica must be of one version, or neither knows what it is told."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A turn of the person, and what was heard of the answer."""

    numbers: tuple[int, ...]
    """Of what was said in it, counted through the conversation: two parts can make one turn."""
    said: str
    reply: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A part of the turn that is not answered yet."""

    number: int
    said: str = ""
    """Typed, or written down by the model; empty while it is being heard."""
    utterance: Waveform | None = None
    """16 kHz, where it was spoken and is sent along."""
    is_spoken: bool = False
    """Whether it was spoken: it must be heard then, since words do not say how it sounded."""


@dataclass(frozen=True, slots=True)
class Course:
    """One conversation as its owner knows it."""

    talk: str
    """Names the conversation, uniquely in the cluster; requests that share it go to one replica."""
    persona: Persona
    tools: tuple[dict[str, Any], ...] = ()
    """Functions that may be called; see `SpeechModel.open_with_tools`."""
    answered: tuple[Answered, ...] = ()
    asked: tuple[Asked, ...] = ()
    version: int = VERSION
    """Of the owner: replicas may have been replaced by others since it asked for theirs."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a replica says of itself to who connects."""

    version: int
    name: str
    """Of the model."""
    call_marks: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """What a replica tells who looks after it; nothing of what people said."""

    engine: str
    replica: str
    """Its name, unique in the cluster."""
    requests: int
    """Begun so far."""
    waiting: int
    """Steps asked for and not done yet."""
    busy_s: float
    """Seconds at work so far."""
    talks: int = 0
    """Conversations that are kept warm."""
    prefilled: int = 0
    """Conversations under way that it took in from their text so far."""


class NotHeard(Exception):
    """The replica does not know the question that it shall answer: it must hear it first."""
