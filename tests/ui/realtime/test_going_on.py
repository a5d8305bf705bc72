"""Going on with an earlier talk over the socket."""

import dataclasses
from pathlib import Path
from typing import Any

from assistant.records.reading import find_records, read_record
from tests.assistant.records.made import make_record
from tests.fakes import ScriptedModel
from tests.ui.calling import line
from tests.ui.driving import Client, drive
from tests.ui.realtime.test_session import ask
from tests.ui.serving import resident, serving


def said_to(engines: Any) -> list[str]:
    """All that the model was told, in its order."""
    model = engines.models["mini"]
    assert isinstance(model, ScriptedModel)
    return [str(one) for one in model.dialogues[-1].utterances]


def test_a_recorded_talk_becomes_items_and_the_new_record_names_it(tmp_path: Path) -> None:
    make_record(tmp_path / "yesterday")
    engines = dataclasses.replace(resident(), records=tmp_path, shown_records=tmp_path)
    with serving(engines) as (host, _site), line(host) as client:
        client.send("attune.talk.continue", record="yesterday")
        added = [client.until("conversation.item.added")["item"]["role"] for _ in range(6)]
        assert added == ["user", "assistant"] * 3
        told = client.until("attune.talk.continued")
        assert told["record"] == "yesterday"
        assert told["turns"][0]["words"] == "I failed my driving test."
        client.send("session.update", session={"attune": {"keep_words": True}})
        client.say("Q?")
        client.until("response.done")
    assert said_to(engines)[0] == "I failed my driving test."
    assert said_to(engines)[-1] == "Q?"
    (new,) = (one for one in find_records(tmp_path) if one.id != "yesterday")
    assert read_record(new).continues == "yesterday"


def test_a_talk_that_the_client_still_has_is_gone_on_with() -> None:
    engines = resident()

    async def act(client: Client) -> None:
        turns = [{"words": "My name is Anna.", "heard": "Hello Anna."}, {"words": "Yes."}]
        await client.send("attune.talk.continue", turns=turns)
        told = (await client.until("attune.talk.continued"))[-1]
        assert told["record"] is None
        await ask(client, "What is my name?")
        await client.until("response.done")

    drive(act, engines)
    assert said_to(engines) == ["My name is Anna.", "Yes.", "What is my name?"]


def test_what_cannot_be_gone_on_with_is_refused(tmp_path: Path) -> None:
    make_record(tmp_path / "secret")
    # Talks are recorded here, but nobody who comes by may see them.
    engines = dataclasses.replace(resident(), records=tmp_path)

    async def act(client: Client) -> None:
        for fields in (
            {"record": "secret"},
            {"record": 7},
            {},
            {"turns": []},
            {"turns": [{"words": ""}]},
        ):
            await client.send("attune.talk.continue", **fields)
            await client.until("error")
        await ask(client)
        await client.until("response.done")
        await client.send("attune.talk.continue", turns=[{"words": "Late."}])
        error = (await client.until("error"))[-1]["error"]
        assert error["code"] == "session_in_use"

    drive(act, engines)
    assert said_to(engines) == ["Hello."]
