"""Bytes cut anywhere are one sound, and a commit counts and takes all that was appended."""

import asyncio

from benchmarks.cases.case import Case
from benchmarks.cases.client import RATE_HZ, Client, encoded, raw, server
from benchmarks.cases.speech import say, trimmed

NEEDS = ("flite",)
QUESTION = "Hello, how are you today?"
BY_THE_CLIENT = {
    "type": "realtime",
    "output_modalities": ["text"],
    "audio": {"input": {"turn_detection": None}},
}


def run(case: Case) -> None:
    """Sends a question in pieces of odd lengths, and commits of about 100 ms."""
    with server() as port:
        asyncio.run(_hold(case, port))


async def _hold(case: Case, port: int) -> None:
    data = raw(say(QUESTION, rate_hz=RATE_HZ))
    whole, *others = [await _asked(port, data, cut) for cut in (len(data), 481, 1, 4_803)]
    case.expect(bool(whole.words), f"the question is understood: {whole.words}")
    for client in others:
        seen = f"{client.words}, errors {client.errors[:1]}"
        case.expect(client.words == whole.words and not client.errors, f"cut: the same; {seen}")
    speech = raw(trimmed(say("Yes.", rate_hz=RATE_HZ)))
    for sent_ms in (99, 100, 108, 120):
        async with Client(port) as client:
            await client.send("session.update", session=BY_THE_CLIENT)
            piece = speech[: 2 * RATE_HZ * sent_ms // 1_000]
            await client.send("input_audio_buffer.append", audio=encoded(piece))
            await client.send("input_audio_buffer.commit")
            answer = await client.until("error", "input_audio_buffer.committed") or {}
        is_taken = answer.get("type") == "input_audio_buffer.committed"
        case.expect(is_taken == (sent_ms >= 100), f"{sent_ms} ms: {answer.get('error', 'taken')}")


async def _asked(port: int, data: bytes, cut: int) -> Client:
    async with Client(port) as client:
        await client.send("session.update", session=BY_THE_CLIENT)
        for at in range(0, len(data) if cut > 1 else 4_801, cut):
            await client.send("input_audio_buffer.append", audio=encoded(data[at : at + cut]))
        if cut == 1:
            await client.send("input_audio_buffer.append", audio=encoded(data[4_801:]))
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        await client.until("response.done", timeout_s=40)
        await asyncio.sleep(0.5)
    return client
