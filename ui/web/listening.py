"""The port of the web server: the one that was asked for, or else the first that is free."""

import errno
import socket
import sys

from assistant.errors import DeviceError

USUAL_PORT, PORTS_TRIED = 7860, 20


def listen(host: str, port: int | None) -> socket.socket:
    """Returns a socket that is bound to `port`; where none is named, to one from 7860 on.

    Raises:
        DeviceError: The port is taken, or this computer has no such address.
    """
    if port is not None:
        return _bound(host, port)
    for tried in range(USUAL_PORT, USUAL_PORT + PORTS_TRIED):
        try:
            listening = _bound(host, tried)
        except _Taken:
            continue
        if tried != USUAL_PORT:
            print(f"port {USUAL_PORT} is in use, so this is port {tried}", file=sys.stderr)
        return listening
    last = USUAL_PORT + PORTS_TRIED - 1
    raise DeviceError(
        f"the ports {USUAL_PORT} to {last} on {host} are in use: name a free one by --port"
    )


class _Taken(DeviceError):
    """Another program listens there."""


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        # Two servers that start at once are both bound until one of them listens.
        listening.listen()
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise _Taken(
                f"port {port} on {host} is in use by another program: name another one by --port, "
                "or leave it out to take the next free one"
            ) from error
        raise DeviceError(
            f"port {port} on {host} cannot be used ({error.strerror}): name another one by --port, "
            "or another address by --host"
        ) from error
    return listening
