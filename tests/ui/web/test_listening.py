import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from assistant.errors import DeviceError
from ui.web import listening

HERE = "127.0.0.1"


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The usual port, at which another program listens."""
    with closing(listening.listen(HERE, 0)) as other:
        port = int(other.getsockname()[1])
        monkeypatch.setattr(listening, "USUAL_PORT", port)
        yield port


def test_a_busy_port_is_answered_by_the_next_free_one(
    taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(listening.listen(HERE, None)) as found:
        port = found.getsockname()[1]
        assert taken < port < taken + listening.PORTS_TRIED
        with closing(socket.create_connection((HERE, port), timeout=5)):
            pass
    assert capsys.readouterr().err == f"port {taken} is in use, so this is port {port}\n"


def test_a_port_that_was_asked_for_is_no_other(taken: int) -> None:
    with pytest.raises(DeviceError, match=f"port {taken} .* is in use .*--port"):
        listening.listen(HERE, taken)


def test_no_free_port_is_said(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "PORTS_TRIED", 1)
    with pytest.raises(DeviceError, match="--port"):
        listening.listen(HERE, None)


def test_an_address_that_is_not_here_is_said() -> None:
    with pytest.raises(DeviceError, match="--host"):
        listening.listen("192.0.2.1", 0)
