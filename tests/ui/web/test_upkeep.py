"""The index is told of talks by the server itself, also of those that its database missed."""

import logging
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import app
from assistant.errors import OutputError
from assistant.records.index import Index, Query, Synced
from tests.assistant.records.made import make_record
from tests.assistant.records.postgres import postgres_server
from tests.ui.serving import resident
from ui.web.server import Site
from ui.web.upkeep import Carrier


class Database:
    """Stands for one that may be away."""

    def __init__(self) -> None:
        self.is_away = False
        self.told: list[set[str] | None] = []

    def sync(self, ids: Collection[str] | None) -> None:
        if self.is_away:
            raise OutputError("the index cannot be used")
        self.told.append(None if ids is None else set(ids))


async def test_it_is_told_when_a_talk_has_ended_and_not_otherwise() -> None:
    database = Database()
    carrier = Carrier(database.sync)
    for recorded in ([], [], ["one"], [], ["two", "three"]):
        carrier.note(recorded)
        await carrier.look()
    assert database.told == [None, {"one"}, {"two", "three"}], "at first of all that is there"


async def test_what_it_missed_is_carried_over_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    database = Database()
    carrier = Carrier(database.sync)
    await carrier.look()
    database.is_away = True
    with caplog.at_level(logging.WARNING):
        for recorded in (["one"], [], ["two"]):
            carrier.note(recorded)
            await carrier.look()
            assert carrier.is_behind
        assert [line.levelname for line in caplog.records] == ["ERROR"]
        database.is_away = False
        carrier.note(["three"])
        await carrier.look()
    assert database.told == [None, {"one", "two", "three"}]
    assert not carrier.is_behind
    assert "can be used again" in caplog.text


async def test_a_real_database_goes_away_and_comes_back(tmp_path: Path) -> None:
    with postgres_server() as server:

        def sync(ids: Collection[str] | None) -> Synced:
            with Index(tmp_path, server.url) as index:
                return index.sync() if ids is None else index.sync_only(ids)

        carrier = Carrier(sync)
        make_record(tmp_path / "before")
        await carrier.look()
        server.stop()
        make_record(tmp_path / "meanwhile")
        carrier.note(["meanwhile"])
        await carrier.look()
        assert carrier.is_behind
        server.start()
        make_record(tmp_path / "unsaid")
        carrier.note(["never-there"])
        await carrier.look()
        with Index(tmp_path, server.url) as index:
            found = {one.record.id for one in index.search(Query())}
        assert found == {"before", "meanwhile"}, "it reads what ended, and not the whole folder"


def test_a_server_carries_over_what_visitors_agreed_to_have_kept(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/own.sqlite"
    root = tmp_path / "records"
    root.mkdir()

    def sync(ids: Collection[str] | None) -> Synced:
        with Index(root, url) as index:
            return index.sync() if ids is None else index.sync_only(ids)

    engines = replace(resident(), records=root)
    site = Site(engines, with_page=False, carrier=Carrier(sync))
    with TestClient(site.app, base_url="http://localhost") as opened:
        for keeps in (False, True):
            with opened.websocket_connect("ws://localhost/v1/realtime") as socket:
                attune = {"keep_words": keeps}
                socket.send_json({"type": "session.update", "session": {"attune": attune}})
                while socket.receive_json()["type"] != "session.updated":
                    pass
                socket.close()
                # This client cancels what it leaves under way, which no server does.
                while "attune_conversations_active 0" not in opened.get("/metrics").text:
                    time.sleep(0.05)
        ends_s = time.monotonic() + 60
        while True:
            with Index(root, url) as index:
                listed = index.search(Query())
            if listed and listed[0].record.state == "whole":
                break
            assert time.monotonic() < ends_s, listed
            time.sleep(0.2)
        assert len(listed) == 1
        assert "attune_index_behind 0" in opened.get("/metrics").text
    engines.close()


def test_a_url_that_is_none_is_refused_before_anything_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["web", "--records", str(tmp_path), "--index", "nonsense", "--model", "missing"]
    assert app.main(asked) == app.EXIT_USAGE
    assert "postgresql://USER@HOST/NAME" in capsys.readouterr().err
