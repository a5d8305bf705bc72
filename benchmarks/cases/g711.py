"""A telephone (G.711, 8 kHz, both laws, names of today and of the beta) is heard and answered."""

import asyncio
import base64
import subprocess
from typing import Any

import numpy as np

from assistant.audio.waveform import Waveform
from benchmarks.cases.case import Case
from benchmarks.cases.client import Client, encoded, raw, server
from benchmarks.cases.speech import say, silence
from benchmarks.echo_server import word_errors

NEEDS = ("flite", "ffmpeg")
ASKED = "Hello, how are you today?"
RATE_HZ = 8_000
LAWS = {"audio/pcmu": "mulaw", "audio/pcma": "alaw"}
BETA = {"audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}


def run(case: Case) -> None:
    """Asks the same by telephone and by PCM; ffmpeg is the other end of the line."""
    with server() as port:
        asyncio.run(_hold(case, port))


async def _hold(case: Case, port: int) -> None:
    sound = np.concatenate([say(ASKED, rate_hz=RATE_HZ), silence(2, RATE_HZ)])
    pcm = {"type": "audio/pcm", "rate": RATE_HZ}
    plain = await _asked(port, {"audio": {"input": {"format": pcm}}}, raw(sound))
    case.expect(_is_understood(plain), f"8 kHz PCM is understood: {plain.words}")
    for name, law in LAWS.items():
        format_of = {"format": {"type": name}}
        for session in (
            {"audio": {"input": format_of, "output": format_of}},
            {"input_audio_format": BETA[name], "output_audio_format": BETA[name]},
        ):
            client = await _asked(port, session, _converted(raw(sound), "s16le", law))
            case.expect(_is_understood(client), f"{name} is understood: {client.words}")
            case.expect(not client.errors, f"{name}: no errors {client.errors[:1]}")
            heard = _decoded(client, law)
            level = float(np.sqrt(np.mean(np.square(heard)))) if len(heard) else 0.0
            case.expect(0.02 < level < 0.3, f"{name}: {len(heard) / RATE_HZ:.1f} s at {level:.3f}")


def _is_understood(client: Client) -> bool:
    """Whether all but one word is as it was said; marks and letters are the decoder's taste."""
    heard = " ".join(client.words).replace(",", "").replace("?", ".")
    return word_errors(ASKED.replace(",", "").replace("?", "."), heard) <= 1


async def _asked(port: int, session: dict[str, Any], data: bytes) -> Client:
    async with Client(port) as client:
        await client.send("session.update", session={"type": "realtime", **session})
        await client.until("session.updated")
        for at in range(0, len(data), 160):
            audio = encoded(data[at : at + 160])
            await client.send("input_audio_buffer.append", audio=audio)
        await client.until("response.done", timeout_s=40)
        await asyncio.sleep(0.5)
    return client


def _decoded(client: Client, law: str) -> Waveform:
    deltas = [e["delta"] for e in client.events if e["type"] == "response.output_audio.delta"]
    data = _converted(b"".join(map(base64.b64decode, deltas)), law, "s16le")
    return np.frombuffer(data, dtype="<i2").astype(np.float32) / 32_768.0


def _converted(data: bytes, before: str, after: str) -> bytes:
    line = ["-ar", str(RATE_HZ), "-ac", "1"]
    command = ["ffmpeg", "-v", "error", "-f", before, *line, "-i", "-", "-f", after, *line, "-"]
    return subprocess.run(command, input=data, check=True, stdout=subprocess.PIPE).stdout
