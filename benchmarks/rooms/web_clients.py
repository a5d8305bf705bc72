"""People at the realtime socket, who speak recordings at the pace of speech."""

import asyncio
import base64
import io
import itertools
import json
import random
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import soundfile
from websockets.asyncio.client import ClientConnection, connect

from assistant.audio.waveform import Waveform, resample, to_int16
from ui.web.examples import EXAMPLES, example_wav

RATE_HZ = 16_000
FRAME = 512
LONGEST_TURN_S = 60.0
"""A turn without an answer by then is counted as lost."""

CLOSED = "closed"
"""How the kind of event begins that stands for the end of the connection."""


@dataclass
class Talked:
    """What one client saw."""

    sound_ms: list[float] = field(default_factory=list[float])
    """From the last sample of speech sent to the first sound that came."""
    answer_ms: list[float] = field(default_factory=list[float])
    """From the end of the turn to the first sound, by the server's own marks."""
    words: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """Which recording was spoken, and what was understood of it."""
    ids: set[str] = field(default_factory=set[str])
    """Of all items and responses that the client was told of."""
    lost_turns: int = 0
    """Turns that were not answered aloud."""
    lost_how: list[str] = field(default_factory=list[str])
    """What came in each of these turns that was begun, one after the other."""
    is_cut_off: bool = False
    """Whether the connection was lost; turns that were still to come count as not answered."""
    refused: bool = False


class StreamingClient:
    """One person at one socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._events: asyncio.Queue[tuple[float, dict[str, Any]]] = asyncio.Queue()
        self._sound: Waveform = np.zeros(0, dtype=np.float32)
        self.spoken_until_s = 0.0
        """When the last sample of speech was sent."""

    async def receive(self) -> None:
        """Takes events in until the connection is closed, and then says so."""
        try:
            async for message in self._socket:
                await self._events.put((time.perf_counter(), json.loads(message)))
        finally:
            how = {"type": f"{CLOSED}:{self._socket.close_code}"}
            self._events.put_nowait((time.perf_counter(), how))

    async def stream(self) -> None:
        """Sends a frame every 32 ms: speech if there is some to say, silence otherwise."""
        next_s = time.perf_counter()
        while True:
            frame, self._sound = self._sound[:FRAME], self._sound[FRAME:]
            if len(frame):
                self.spoken_until_s = time.perf_counter()
            frame = np.pad(frame, (0, FRAME - len(frame)))
            audio = base64.b64encode(to_int16(frame).tobytes()).decode()
            await self.send("input_audio_buffer.append", audio=audio)
            next_s += FRAME / RATE_HZ
            await asyncio.sleep(max(0.0, next_s - time.perf_counter()))

    async def send(self, kind: str, **fields: Any) -> None:
        """Sends one event."""
        await self._socket.send(json.dumps({"type": kind, **fields}))

    @property
    def is_speaking(self) -> bool:
        """Whether some of the sound to say is left."""
        return len(self._sound) > 0

    def say(self, sound: Waveform) -> None:
        """Speaks from the next frame on."""
        self._sound = sound

    async def next(self) -> tuple[float, dict[str, Any]]:
        """Returns the next event and when it came."""
        return await self._events.get()

    async def until(self, *kinds: str) -> dict[str, Any]:
        """Returns the next event of `kinds`; those before it are forgotten."""
        async with asyncio.timeout(LONGEST_TURN_S):
            while (event := (await self.next())[1])["type"] not in kinds:
                pass
        return event


async def talk(
    url: str, recordings: list[Waveform], *, turns: int, seed: int, in_order: bool = False
) -> Talked:
    """Holds one conversation of so many turns; recordings come at random unless `in_order`."""
    talked, order = Talked(), random.Random(seed)
    async with connect(url, max_size=None) as socket:
        client = StreamingClient(socket)
        tasks = [asyncio.ensure_future(client.receive())]
        try:
            if (await client.until("session.created", "error"))["type"] == "error":
                talked.refused = True
                return talked
            heard = {"format": {"type": "audio/pcm", "rate": RATE_HZ}}
            await client.send("session.update", session={"audio": {"input": heard}})
            tasks.append(asyncio.ensure_future(client.stream()))
            for turn in range(turns):
                await asyncio.sleep(order.uniform(0.2, 2.0))
                which = turn if in_order else order.randrange(len(recordings))
                await _one_turn(client, talked, which, recordings[which])
                if talked.is_cut_off:
                    talked.lost_turns += turns - turn - 1
                    break
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return talked


async def _one_turn(
    client: StreamingClient, talked: Talked, which: int, recording: Waveform
) -> None:
    """Speaks one recording and waits until its answer was heard to the end."""
    client.say(recording)
    began_s = client.spoken_until_s = time.perf_counter()
    sounded, came = False, list[str]()
    try:
        async with asyncio.timeout(LONGEST_TURN_S):
            while True:
                at_s, event = await client.next()
                came.append(f"{at_s - began_s:.1f} {event['type']}")
                talked.ids |= {event[key] for key in ("item_id", "response_id") if event.get(key)}
                match event["type"]:
                    case "response.output_audio.delta" if not (sounded or client.is_speaking):
                        sounded = True
                        talked.sound_ms.append(1_000 * (at_s - client.spoken_until_s))
                    case "attune.timing":
                        marks = event["marks_ms"]
                        talked.answer_ms.append(max(0.0, marks["played"] - marks["endpoint"]))
                    case "conversation.item.input_audio_transcription.completed":
                        talked.words.append((which, event["transcript"]))
                    case "output_audio_buffer.stopped":
                        return
                    case "response.done" if event["response"]["status"] == "failed":
                        break
                    case "error":
                        raise SystemExit(event["error"]["message"])
                    case kind if kind.startswith(CLOSED):
                        talked.is_cut_off = True
                        break
                    case _:
                        pass
    except TimeoutError:
        came.append(f"{LONGEST_TURN_S:.0f} nothing")
    talked.lost_turns += 1
    talked.lost_how.append(f"recording {which}: {', '.join(_runs(came))}")


def _runs(came: list[str]) -> list[str]:
    """Returns what came: of events of one kind that came one after the other, the first."""
    return [next(run) for _, run in itertools.groupby(came, lambda event: event.split()[1])]


def load_recordings() -> list[Waveform]:
    """Returns the bundled recording's turns, ended at their last loud sample."""
    recordings: list[Waveform] = []
    for index in range(len(EXAMPLES)):
        wav = example_wav(index)
        assert wav is not None
        samples, rate = soundfile.read(io.BytesIO(wav), dtype="float32")
        sound = resample(np.asarray(samples, dtype=np.float32), from_hz=rate, to_hz=RATE_HZ)
        recordings.append(sound[: int(np.flatnonzero(np.abs(sound) > 0.02)[-1]) + 1])
    return recordings
