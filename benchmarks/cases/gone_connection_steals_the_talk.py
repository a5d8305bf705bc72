"""A talk belongs to its newest connection, however many dead ones were before it."""

import asyncio
import base64
import os

from benchmarks.cases.case import Case
from benchmarks.cases.client import Client, server

TALKS = 4


def run(case: Case) -> None:
    """Loses connections as on a train, and comes back; opens many at once, and one too many."""
    with server() as port:
        asyncio.run(_hold(case, port))
    with server("--admission.first", "4", "--admission.most", "8") as port:
        asyncio.run(_crowd(case, port))


async def _hold(case: Case, port: int) -> None:
    for number in range(TALKS):
        dead = []
        async with Client(port, "?keep=1") as first:
            created = await first.until("session.created") or {}
            name = created["session"]["id"]
            query = f"?keep=1&session={name}"
            dead.append(await _dead(port, query))
            await asyncio.sleep(0.2)
            for _ in range(1 + number):
                (await _dead(port, query)).close()
                await asyncio.sleep(0.03 * number)
            async with Client(port, query) as newest:
                found = await newest.until("session.created") or {}
                await asyncio.sleep(2.5)
                await newest.send("attune.transcript.request", format="md")
                lives = await newest.until("attune.transcript", timeout_s=5) is not None
                same = found.get("session", {}).get("id") == name
        for writer in dead:
            writer.close()
        case.expect(same and lives, f"{1 + number} broken tries: the talk goes on in the newest")


async def _crowd(case: Case, port: int) -> None:
    clients = [Client(port) for _ in range(9)]
    for client in clients:
        await client.__aenter__()
    kinds = [await client.until("session.created", "error") or {} for client in clients]
    begun = sum(event.get("type") == "session.created" for event in kinds)
    case.expect(begun == 8, f"of 9 at once from this computer the 8 places are taken: {begun}")
    await clients[0].__aexit__()
    await asyncio.sleep(0.5)
    async with Client(port) as late:
        event = await late.until("session.created", "error") or {}
        case.expect(event.get("type") == "session.created", "a place that is left can be taken")
    for client in clients[1:]:
        await client.__aexit__()


async def _dead(port: int, query: str) -> asyncio.StreamWriter:
    """Opens a connection that neither reads nor closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /v1/realtime{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    return writer
