"""The models as the official client lists them, and keys that open the socket for a while."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.ui.serving import serving
from ui.realtime.hosting.secrets import MOST_KEYS, ClientSecrets
from ui.realtime.protocol.changes import changed
from ui.realtime.protocol.config import SessionConfig

openai = pytest.importorskip("openai")
# The client opens its socket in a way that its own library has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used as:DeprecationWarning")
PASSWORD = "anna:correct horse"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(password=PASSWORD) as (host, _site):
        yield host


def client(address: str, key: str = "correct horse") -> Any:
    return openai.OpenAI(api_key=key, base_url=f"http://{address}/v1", max_retries=0)


def test_the_models_are_listed(address: str) -> None:
    (model,) = client(address).models.list().data
    assert (model.id, model.object, model.owned_by) == ("mini", "model", "attune")
    assert client(address).models.retrieve("mini").id == "mini"
    with pytest.raises(openai.NotFoundError, match="mini"):
        client(address).models.retrieve("gpt-realtime")


def test_a_key_opens_the_socket_with_its_settings_and_nothing_else(address: str) -> None:
    session = {
        "type": "realtime",
        "model": "gpt-realtime",
        "instructions": "Be brief.",
        "audio": {"input": {"turn_detection": None}, "output": {"voice": "other"}},
    }
    made = client(address).realtime.client_secrets.create(
        session=session, expires_after={"anchor": "created_at", "seconds": 60}
    )
    assert made.value.startswith("ek_")
    assert made.session.model == "mini"
    assert made.session.instructions == "Be brief."
    for _ in range(2):
        with client(address, made.value).realtime.connect(model="mini") as connection:
            created = connection.recv()
            assert created.type == "session.created"
            assert created.session.instructions == "Be brief."
            assert created.session.audio.output.voice == "other"
            assert created.session.audio.input.turn_detection is None
            connection.session.update(session={"type": "realtime", "instructions": "Be long."})
            while (event := connection.recv()).type != "session.updated":
                pass
            assert event.session.instructions == "Be long."
    for call in (client(address, made.value).models.list, secret_by(address, made.value)):
        with pytest.raises(openai.AuthenticationError):
            call()


def secret_by(address: str, key: str) -> Any:
    return client(address, key).realtime.client_secrets.create


def test_a_key_brings_along_what_was_asked_for_and_nothing_else() -> None:
    asked = changed(SessionConfig(), {"type": "realtime", "max_output_tokens": 9}).config
    secret = ClientSecrets().create(asked, 60)
    assert secret.session == {"type": "realtime", "max_output_tokens": 9}


def test_what_is_no_key_opens_nothing(address: str) -> None:
    with (
        pytest.raises(Exception, match=r"401|403"),
        client(address, "ek_guessed").realtime.connect(model="mini") as connection,
    ):
        connection.recv()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"session": {"audio": {"output": {"speed": 9}}}}, "speed"),
        ({"session": {"type": "translation"}}, "type"),
        ({"session": {"attune": {"keep_words": True}}}, "recorded"),
        ({"session": {"attune": {"policy": "rude"}}}, "rude"),
        ({"session": []}, "session"),
        ({"expires_after": {"anchor": "created_at", "seconds": 1}}, "10 to 7200"),
        ({"expires_after": {"seconds": True}}, "10 to 7200"),
        ({"expires_after": 60}, "created_at"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(address: str, options: Any, said: str) -> None:
    with pytest.raises(openai.BadRequestError, match=said):
        client(address).realtime.client_secrets.create(**options)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"[" * 100_000, b"\xff", b'{"session": {"tools": [NaN]}}']
)
def test_a_body_that_is_no_object_is_refused(address: str, body: bytes) -> None:
    headers = {"Authorization": "Bearer correct horse", "Content-Type": "application/json"}
    url = f"http://{address}/v1/realtime/client_secrets"
    with pytest.raises(HTTPError) as refused, urlopen(Request(url, body, headers)):
        pass
    assert refused.value.code == 400
    assert json.load(refused.value)["error"]["message"]


def test_without_a_password_a_key_is_made_too_and_any_is_accepted() -> None:
    with serving() as (address, _site):
        made = client(address, "none").realtime.client_secrets.create()
        for key in (made.value, "anything"):
            with client(address, key).realtime.connect(model="mini") as connection:
                assert connection.recv().type == "session.created"


def test_a_key_holds_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1_000.0
    monkeypatch.setattr("ui.realtime.hosting.secrets.time.time", lambda: now_s)
    secrets = ClientSecrets()
    secret = secrets.create(SessionConfig(), 60)
    now_s += 59
    assert secrets.find(secret.value) is secret
    now_s += 1
    assert secrets.find(secret.value) is None
    assert secrets.find("") is None
    assert secrets.find(None) is None


def test_the_oldest_key_is_forgotten_where_there_are_too_many() -> None:
    secrets = ClientSecrets()
    first, second, *_, last = [secrets.create(SessionConfig(), 60) for _ in range(MOST_KEYS + 1)]
    assert secrets.find(first.value) is None
    assert secrets.find(second.value) is second
    assert secrets.find(last.value) is last
