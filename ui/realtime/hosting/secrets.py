"""Keys that open the realtime socket for a while, so that a page needs no password."""

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass

from ui.realtime.protocol.config import SessionConfig
from ui.realtime.protocol.messages import Json

SHORTEST_S, USUAL_S, LONGEST_S = 10, 600, 7_200
"""How long a key holds, as the protocol has it."""
MOST_KEYS = 1_024
"""Keys that hold at a time; where one more is asked for, the oldest is forgotten."""


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """One key."""

    value: str
    expires_at: float
    """UTC, in seconds since 1970."""
    session: Json
    """Settings that a session opened with it begins with."""


class ClientSecrets:
    """The keys that were handed out and hold."""

    def __init__(self) -> None:
        """Starts without any."""
        self._secrets: OrderedDict[str, ClientSecret] = OrderedDict()

    def create(self, config: SessionConfig, holds_s: int) -> ClientSecret:
        """Makes a key that opens sessions with the settings that are set in `config`."""
        value = f"ek_{secrets.token_urlsafe(32)}"
        session = config.model_dump(exclude_unset=True)
        secret = ClientSecret(value, time.time() + holds_s, session)
        self._secrets[value] = secret
        while len(self._secrets) > MOST_KEYS:
            self._secrets.popitem(last=False)
        return secret

    def find(self, value: str | None) -> ClientSecret | None:
        """Returns the key `value` where it holds; it may be used more than once."""
        secret = self._secrets.get(value or "")
        if secret is not None and secret.expires_at <= time.time():
            del self._secrets[secret.value]
            return None
        return secret
