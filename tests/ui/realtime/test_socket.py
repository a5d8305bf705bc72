"""The socket on a real port: isolation, places, coming back, clients that misbehave, counts."""

import gc
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.ui.calling import line, read
from tests.ui.serving import LONG, resident, serving, spoken
from ui.realtime.hosting.admission import AdmissionSettings
from ui.realtime.protocol.messages import LARGEST_EVENT_BYTES
from ui.realtime.session import Session
from ui.web.server import Site


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Site]]:
    engines = resident(replies=[LONG])
    with serving(engines, admission=AdmissionSettings(most=3, line=1, resume_s=30)) as found:
        yield found


def test_talks_at_once_do_not_touch(server: tuple[str, Site]) -> None:
    host, _ = server
    with line(host) as one, line(host) as two:
        one.say("the first secret")
        two.say("the second secret")
        first, second = one.until("conversation.item.added"), two.until("conversation.item.added")
        assert first["item"]["content"][0]["text"] == "the first secret"
        assert second["item"]["content"][0]["text"] == "the second secret"
        two.send("conversation.item.retrieve", item_id=first["item"]["id"])
        assert two.until("error")["error"]["code"] == "item_not_found"
        two.send("response.cancel")
        assert two.until("response.done")["response"]["status"] == "cancelled"
        assert one.until("response.done")["response"]["status"] == "completed"


def test_when_all_places_are_taken(server: tuple[str, Site]) -> None:
    host, site = server
    with line(host) as one, line(host), line(host):
        one.until("session.created")
        with line(host) as refused:
            assert refused.until("error")["error"]["code"] == "no_capacity"
            with pytest.raises(ConnectionClosed) as closed:
                refused.until("never")
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1013
        with line(host, "?wait=1") as waiting:
            assert waiting.until("attune.waiting")["place"] == 1
            one.socket.close()
            assert waiting.until("session.created")
    assert site.conversations.gate.waiting == 0


def test_a_page_that_lost_its_connection_goes_on(server: tuple[str, Site]) -> None:
    host, _ = server
    with line(host, "?keep=1") as before:
        name = before.until("session.created")["session"]["id"]
        before.send("session.update", session={"attune": {"view": True}})
        before.say("keep this")
        before.until("output_audio_buffer.started")
        before.socket.close(1001)
    with line(host, f"?keep=1&session={name}") as after:
        assert after.until("session.created")["session"]["id"] == name
        change = after.until("attune.view")["change"]
        assert change["turns"]["0"]["words"] == "keep this"
        assert change["turns"]["0"]["interrupted"]
    with line(host, f"?session={name}") as ended:
        assert ended.until("session.created")["session"]["id"] != name


def test_messages_that_are_too_large(server: tuple[str, Site]) -> None:
    host, _ = server
    with line(host) as client:
        client.until("session.created")
        client.send("x", fill="a" * (LARGEST_EVENT_BYTES + 1))
        assert client.until("error")["error"]["code"] == "event_too_large"
        client.socket.send(b"\x00" * 1_000)
        assert client.until("error")["error"]["code"] == "invalid_event"
        with pytest.raises(ConnectionClosed):
            client.send("x", fill="a" * (LARGEST_EVENT_BYTES + 200_000))
            client.until("never")
    assert json.loads(read(host, "/health"))["status"] == "ok"


def test_sound_that_comes_all_at_once_and_out_of_order(server: tuple[str, Site]) -> None:
    host, _ = server
    with line(host) as client:
        client.send("response.cancel")
        assert client.until("error")["error"]["code"] == "response_cancel_not_active"
        for _ in range(4):
            client.send("input_audio_buffer.append", audio=spoken(tail_s=0.3))
        client.send("input_audio_buffer.append", audio=spoken(tail_s=2.0))
        assert client.until("response.done")["response"]["status"] in ("completed", "cancelled")


def test_counts_hold_nothing_that_was_said(server: tuple[str, Site]) -> None:
    host, _ = server
    with line(host) as client:
        client.say("my secret is seventeen")
        client.until("response.done")
        text = read(host, "/metrics")
    assert "attune_conversations_active 1" in text
    assert "attune_answer_ms_count" in text
    assert "secret" not in text
    assert "word1" not in text
    assert "word1" not in read(host, "/health")


def test_foreign_pages_and_names_stay_outside(server: tuple[str, Site]) -> None:
    host, _ = server
    with pytest.raises(InvalidStatus), line(host, origin="http://evil.example"):
        pass
    with pytest.raises(InvalidStatus), line(host, additional_headers={"Host": "evil.example"}):
        pass
    request = urllib.request.Request(f"http://{host}/health", headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert refused.value.code == 421
    refused.value.close()


def test_many_connections_leave_nothing_behind(server: tuple[str, Site]) -> None:
    host, site = server
    for _ in range(40):
        with line(host) as client:
            client.until("session.created", "error")
    with line(host, "?wait=1") as last:
        last.until("session.created")
        assert site.conversations.gate.active <= 2


@pytest.fixture
def frozen() -> Iterator[None]:
    """Leaves nothing but what comes from now on to the collector, which does not run by itself."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.usefixtures("frozen")
def test_a_conversation_that_is_over_leaves_nothing_behind(server: tuple[str, Site]) -> None:
    host, _ = server
    with line(host) as talk:
        talk.say("Hello.")
        talk.until("output_audio_buffer.started")
        assert sessions() == 1
    until_s = time.monotonic() + 60.0
    while sessions() and time.monotonic() < until_s:
        time.sleep(0.05)
    assert sessions() == 0


def sessions() -> int:
    """Returns how many conversations are in memory."""
    return sum(isinstance(item, Session) for item in gc.get_objects())
