"""Sound without speech becomes no words and no answer, whoever cuts it."""

import asyncio

import numpy as np

from benchmarks.cases.case import Case
from benchmarks.cases.client import RATE_HZ, Client, server
from benchmarks.cases.speech import say, silence

NEEDS = ("flite",)
QUESTION = "Hello, how are you today?"


def run(case: Case) -> None:
    """Commits silence, noise, hum and a tone, and a question with silence after it."""
    with server() as port:
        asyncio.run(_hold(case, port))


async def _hold(case: Case, port: int) -> None:
    noise = np.random.default_rng(0).standard_normal(5 * RATE_HZ).astype(np.float32)
    time_s = np.arange(5 * RATE_HZ) / RATE_HZ
    sounds = {
        "1 s of zeros": silence(1, RATE_HZ),
        "5 s of zeros": silence(5, RATE_HZ),
        "5 s of noise at -60 dB": 0.001 * noise,
        "5 s of hum": 0.1 * np.sin(2 * np.pi * 50 * time_s).astype(np.float32),
        "5 s of a tone": 0.3 * np.sin(2 * np.pi * 1_000 * time_s).astype(np.float32),
    }
    for name, sound in sounds.items():
        client = await _committed(port, sound)
        said = client.words + client.answers
        case.expect(not said, f"{name}: nothing is heard or answered; seen: {said}")
        codes = [event["error"]["code"] for event in client.events if event["type"] == "error"]
        case.expect("input_audio_buffer_commit_empty" in codes, f"{name}: refused; seen: {codes}")
    question = say(QUESTION, rate_hz=RATE_HZ)
    plain = await _committed(port, question)
    padded = await _committed(port, np.concatenate([question, silence(29, RATE_HZ)]))
    case.expect(
        bool(plain.words) and padded.words == plain.words,
        f"29 s of silence after a question change no word: {plain.words} and {padded.words}",
    )


async def _committed(port: int, sound: np.ndarray) -> Client:
    session = {
        "type": "realtime",
        "output_modalities": ["text"],
        "audio": {"input": {"turn_detection": None}},
    }
    async with Client(port) as client:
        await client.send("session.update", session=session)
        await client.append(sound)
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        await client.until("response.done", "error", timeout_s=40)
        await asyncio.sleep(0.7)
    return client
