"""Where LLM servers are found, and whether what is said to one leaves this machine."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

USUAL = {
    "Ollama": "http://127.0.0.1:11434/v1",
    "LM Studio": "http://127.0.0.1:1234/v1",
    "llama.cpp": "http://127.0.0.1:8080/v1",
    "vLLM": "http://127.0.0.1:8000/v1",
}
"""Where well-known servers listen when nobody tells them otherwise."""
STARTED_BY = {11434: "`ollama serve`", 1234: "`lms server start`", 8080: "`llama-server -m …`"}


@dataclass(frozen=True, slots=True)
class Address:
    """Of an OpenAI-compatible server."""

    url: str
    """Ends in the path that everything lies below, mostly /v1."""
    host: str
    port: int | None = None

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def shown(self) -> str:
        """Host and port."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    @property
    def start(self) -> str:
        """How to start what usually listens there."""
        usual = STARTED_BY.get(self.port or 0) if self.is_here else None
        return f"start it ({usual})" if usual else "start it"


def read_address(text: str) -> Address:
    """Returns the address that a person wrote: with or without http:// and /v1.

    Raises:
        ValueError: It is none.
    """
    whole = text.strip()
    whole = whole if "://" in whole else f"http://{whole}"
    try:
        parts = urlsplit(whole)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    is_odd = parts.query or parts.fragment or parts.username
    if parts.scheme not in ("http", "https") or not host or " " in host or is_odd:
        raise ValueError(f"must be the address of a server, such as {USUAL['Ollama']}, not {text}")
    path = parts.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
    return Address(f"{parts.scheme}://{parts.netloc}{path}", host, port)
