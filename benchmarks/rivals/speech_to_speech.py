"""huggingface/speech-to-speech: server and pipeline as its `serve` starts them, over its socket.

    PYTHONPATH=. …/bin/python -m benchmarks.rivals.speech_to_speech DATA OUT --smart-turn FILE.onnx

The client does what the packaged one does (`talk`): sound as it comes, and an empty loudspeaker
where speech is told to have started. Recogniser and LLM are asked through its own OpenAI-compatible
backends, which find a server here that answers at once; the voice is its Facebook MMS backend with
flite in place of the network. Silero comes from the package `silero-vad` instead of torch.hub,
Smart Turn v3.2 from a file: the same networks, without a download.
"""

import asyncio
import base64
import http.server
import importlib.metadata
import json
import os
import re
import socket
import sys
import threading
import traceback
from typing import Any
from unittest import mock

import nltk
import torch
import websockets

from benchmarks.rivals.line import (
    FRAME_S,
    RATE_HZ,
    WORDS,
    AudioLine,
    System,
    answer,
    from_bytes,
    run,
    spoken,
)

SYSTEM = System(
    f"speech-to-speech {importlib.metadata.version('speech-to-speech')}",
    "its defaults: Silero, Smart Turn v3.2, speculative turns; STT, LLM and TTS are stand-ins "
    "that cost no time",
)
READY_S = 120.0
FREE_S = 0.1


class StandIn(http.server.BaseHTTPRequestHandler):
    """An OpenAI-compatible server: understands every sound, and gives the long answer."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *_values: Any) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        """Answers a transcription or a chat."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.endswith("/audio/transcriptions"):
            self._send("application/json", json.dumps({"text": WORDS}))
            return
        pieces = [{"role": "assistant", "content": ""}]
        pieces += [{"content": sentence + " "} for sentence in answer()]
        lines = [_chunk(piece, None) for piece in pieces] + [_chunk({}, "stop"), "data: [DONE]\n\n"]
        self._send("text/event-stream", "".join(lines))

    def _send(self, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _chunk(delta: dict[str, str], reason: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    content = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "stand-in"}
    return f"data: {json.dumps({**content, 'choices': [choice]})}\n\n"


def silero(*_where: Any, **_how: Any) -> tuple[Any, None]:
    """Returns the detector as torch.hub would."""
    from silero_vad import load_silero_vad

    return load_silero_vad(), None


def sentences(text: str, *_language: str) -> list[str]:
    """Splits a text where NLTK has no data to do so: our answer has no mark but at its ends."""
    return [part for part in re.split(r"(?<=[.!?])\s+", text) if part]


def _lacks_sentences() -> bool:
    try:
        nltk.data.find("tokenizers/punkt_tab")
    except (LookupError, OSError):
        return True
    return False


def free_port() -> int:
    """Returns a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(port: int, smart_turn: str) -> None:
    """Runs `speech-to-speech serve` in this process, on a thread that ends with it.

    Its program reads `sys.argv`, which is left as it sees it.
    """
    stand_in = http.server.ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=stand_in.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{stand_in.server_address[1]}/v1"
    mock.patch.object(torch.hub, "load", silero).start()
    from speech_to_speech.cli import main as program
    from speech_to_speech.LLM import base_openai_compatible_language_model as answering
    from speech_to_speech.TTS.facebookmms_handler import FacebookMMSTTSHandler

    def load(self: Any, language: str, model_name: str | None = None) -> None:
        self.language, self.model_name = language, model_name
        self.model = mock.Mock()
        self.model.config.sampling_rate = RATE_HZ

    def speak(_self: Any, text: str) -> torch.Tensor:
        return torch.from_numpy(spoken(text.strip()))[None]

    mock.patch.object(FacebookMMSTTSHandler, "load_model", load).start()
    mock.patch.object(FacebookMMSTTSHandler, "generate_audio", speak).start()
    if _lacks_sentences():
        mock.patch.object(answering, "sent_tokenize", sentences).start()
    mock.patch("signal.signal").start()  # only the main thread may set one
    options = [
        *("--port", str(port), "--smart_turn_model_path", smart_turn),
        *("--stt", "openai", "--openai_stt_base_url", url),
        *("--llm_backend", "chat-completions", "--responses_api_base_url", url),
        *("--responses_api_api_key", "none", "--model_name", "stand-in", "--tts", "facebookMMS"),
        *("--facebook_mms_device", "cpu"),
    ]
    sys.argv = ["speech-to-speech", "serve", *options]
    threading.Thread(target=program, daemon=True).start()


async def talk(line: AudioLine, port: int) -> None:
    """Holds one talk through the socket."""
    async with await _session(f"ws://127.0.0.1:{port}/v1/realtime") as connection:
        detection = {"type": "server_vad", "interrupt_response": True}
        session = {
            "type": "realtime",
            "audio": {"input": {"turn_detection": detection}, "output": {}},
        }
        await connection.send(json.dumps({"type": "session.update", "session": session}))
        await asyncio.sleep(0.5)
        listening = asyncio.create_task(_listen(connection, line))
        async for samples in await line.frames():
            audio = base64.b64encode(samples).decode()
            await connection.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
        listening.cancel()


async def _session(url: str) -> Any:
    """Returns a connection with a session: its one place is free a moment after the last talk."""
    for _ in range(round(READY_S / FREE_S)):
        connection = await websockets.connect(url, max_size=None)
        # Who finds the place taken is told so, and only then is the connection closed.
        if json.loads(await connection.recv())["type"] == "session.created":
            return connection
        await asyncio.sleep(FREE_S)
    raise SystemExit("the place of the last talk in speech-to-speech stays taken")


async def _listen(connection: Any, line: AudioLine) -> None:
    """Plays what comes as the packaged client does: one buffer, emptied where somebody speaks."""
    async for message in connection:
        event = json.loads(message)
        is_cancelled = (event.get("response") or {}).get("status") == "cancelled"
        match event["type"]:
            case "response.output_audio.delta":
                line.play(from_bytes(base64.b64decode(event["delta"])))
            case "input_audio_buffer.speech_started" | "output_audio_buffer.cleared":
                line.clear()
            case "response.done" if is_cancelled:
                line.clear()
            case _:
                pass


async def _until_open(port: int) -> None:
    for _ in range(round(READY_S / FRAME_S)):
        try:
            async with websockets.connect(f"ws://127.0.0.1:{port}/v1/realtime"):
                return
        except OSError:
            await asyncio.sleep(FRAME_S)
    raise SystemExit("speech-to-speech did not start")


def main() -> None:
    """Measures speech-to-speech; one talk at a time, as its pipeline holds one."""
    place = sys.argv.index("--smart-turn") if "--smart-turn" in sys.argv else 0
    if not place:
        raise SystemExit("name Smart Turn's network: --smart-turn smart-turn-v3.2-cpu.onnx")
    smart_turn = sys.argv[place + 1]
    ours = [*sys.argv[:place], *sys.argv[place + 2 :], "--together", "1"]
    port = free_port()
    serve(port, smart_turn)
    asyncio.run(_until_open(port))
    sys.argv = ours

    async def one(line: AudioLine) -> None:
        await talk(line, port)

    run(SYSTEM, one)


if __name__ == "__main__":
    try:
        main()
        status = 0
    except BaseException:
        traceback.print_exc()
        status = 1
    # The server's threads would keep the program.
    sys.stdout.flush()
    os._exit(status)
