"""Instructions of a session that a model has no room for."""

from assistant.engines.protocols import Persona, SpeechModel
from assistant.errors import PersonaTooLong
from ui.realtime.protocol.changes import Changes

SHORT_CHARACTERS = 300
"""Instructions up to this length fit every model and are not tried."""


def refuse_long_instructions(changes: Changes, before: str, model: SpeechModel) -> None:
    """Refuses instructions that leave the talk too little of the model's context.

    Args:
        changes: What the client wants; its instructions are put back to those of `before`.
        before: The instructions in force.
        model: That will be given them.
    """
    instructions = changes.config.instructions
    if instructions == before or len(instructions) <= SHORT_CHARACTERS:
        return
    try:
        model.open(Persona(instructions))
    except PersonaTooLong as error:
        changes.refuse(f"the instructions are too long: {error}", param="session.instructions")
        changes.config = changes.config.model_copy(update={"instructions": before})
        changes.applied -= 1
