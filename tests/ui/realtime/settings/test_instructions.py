from dataclasses import replace
from typing import Any

from assistant.engines.protocols import Persona
from assistant.errors import PersonaTooLong
from tests.fakes import ScriptedModel
from tests.ui.driving import Client, drive
from tests.ui.serving import resident

MOST = 1_000


class Narrow(ScriptedModel):
    def open(self, persona: Persona) -> Any:
        if persona.system is not None and len(persona.system) > MOST:
            raise PersonaTooLong(f"it has room for {MOST} characters")
        return super().open(persona)


def test_instructions_without_room_are_refused_alone() -> None:
    async def act(client: Client) -> None:
        audio = {"output": {"speed": 0.9}}
        await client.send("session.update", session={"instructions": "x" * 1_001, "audio": audio})
        updated = (await client.until("session.updated"))[-1]
        assert updated["session"]["instructions"] == ""
        assert updated["session"]["audio"]["output"]["speed"] == 0.9
        error = await client.error()
        assert "room for 1000 characters" in error["message"]
        assert error["param"] == "session.instructions"
        updated = await client.update(instructions="y" * MOST)
        assert updated["session"]["instructions"] == "y" * MOST

    drive(act, replace(resident(), models={"mini": Narrow(["I am here."])}))
