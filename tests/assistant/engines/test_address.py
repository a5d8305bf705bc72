import pytest

from assistant.engines.address import USUAL, read_address


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
        ("http://localhost:1234/v1/", "http://localhost:1234/v1"),
        ("https://llm.example.org/api/v1/chat/completions", "https://llm.example.org/api/v1"),
        ("http://[::1]:8080", "http://[::1]:8080/v1"),
    ],
)
def test_an_address_is_taken_as_people_write_it(text: str, url: str) -> None:
    assert read_address(text).url == url


@pytest.mark.parametrize("text", ["", "ftp://x", "http://", "http://x:y", "http://u:p@x/v1", "a b"])
def test_what_is_no_address_is_told_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=USUAL["Ollama"]):
        read_address(text)


@pytest.mark.parametrize(
    ("text", "is_here"),
    [
        ("localhost:1", True),
        ("127.0.0.9", True),
        ("[::1]:1", True),
        ("192.168.1.4:1", False),
        ("localhost.example.org", False),
        ("https://api.example.org", False),
    ],
)
def test_what_leaves_this_machine_is_known(text: str, is_here: bool) -> None:
    assert read_address(text).is_here is is_here


def test_the_remedy_names_how_the_usual_servers_are_started() -> None:
    assert "ollama serve" in read_address(USUAL["Ollama"]).start
    assert read_address("192.168.1.4:11434").start == "start it"
