"""One conversation put together: engines and devices in, a loop to run out."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from assistant.audio.echo import EchoMode
from assistant.audio.protocols import Ends
from assistant.conversation.conversation import Conversation
from assistant.conversation.earlier import Earlier, tell
from assistant.conversation.engines import Engines
from assistant.conversation.live.loop import TalkLoop
from assistant.engines.protocols import Persona
from assistant.turns.settings import TalkSettings


def open_conversation(
    engines: Engines,
    *,
    persona: str | None = None,
    told: Callable[[], Mapping[str, Any]] | None = None,
) -> Conversation:
    """Returns a conversation in which nothing was said yet.

    Args:
        engines: What answers.
        persona: The system line of the prompt; None for the model's own.
        told: Gives all settings for the first event; see `Conversation`.
    """
    known = engines.remembered.read().told if engines.remembered is not None else ""
    dialogue = engines.model.open(Persona(persona, known))
    return Conversation(engines, dialogue, scorer=engines.model.scorer(), told=told)


def open_talk(
    engines: Engines,
    ends: Ends,
    talk: TalkSettings,
    *,
    persona: str | None = None,
    told: Callable[[], Mapping[str, Any]] | None = None,
    earlier: Earlier | None = None,
) -> TalkLoop:
    """Returns a live conversation that is ready to be followed and run.

    The detector of `engines` must not be in use by another conversation.

    Args:
        engines: What answers.
        ends: Where sound comes from and goes to.
        talk: How turns are taken.
        persona: The system line of the prompt; None for the model's own.
        told: Gives all settings for the first event; see `Conversation`.
        earlier: The talk that this one goes on from.
    """
    conversation = open_conversation(engines, persona=persona, told=told)
    loop = TalkLoop(conversation, ends, talk)
    if earlier is not None:
        loop.go_on_from(earlier, partial(tell, conversation.memory.dialogue, earlier.past))
    return loop


def turn_taking(talk: TalkSettings, echo: EchoMode) -> TalkSettings:
    """Returns how turns are taken where `echo` is kept out in its way."""
    if echo == "push-to-talk":
        return talk.model_copy(update={"turns": "push-to-talk"})
    return talk
