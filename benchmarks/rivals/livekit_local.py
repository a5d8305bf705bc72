"""LiveKit's agent session without its cloud: Silero, turn detector v1-mini, its interruptions.

    PYTHONPATH=. …/bin/python -m benchmarks.rivals.livekit_local DATA OUT [--echo-db -10]

`AgentSession` with its defaults and no account: the turn detector and the detector of speech are
those in its wheel `livekit-local-inference`, an interruption is what lasts half a second. Adaptive
interruption and the large turn detector run in its cloud and are not measured. Its console has an
echo canceller (WebRTC's), the session as a library has none.
"""

import asyncio
import importlib.metadata
import logging
import time
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import Agent, AgentSession, llm, stt, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.voice import io

from benchmarks.rivals.line import (
    RATE_HZ,
    WORDS,
    AudioLine,
    System,
    answer,
    from_bytes,
    run,
    spoken,
    to_bytes,
)

SYSTEM = System(
    f"livekit-agents {importlib.metadata.version('livekit-agents')}",
    "its defaults without its cloud: Silero, turn detector v1-mini, interruptions by VAD; STT "
    "(behind its own adapter, at the end of speech), LLM and TTS are stand-ins that cost no time",
)


class Recogniser(stt.STT):
    """Understands whatever it is given at once."""

    def __init__(self) -> None:
        capabilities = stt.STTCapabilities(streaming=False, interim_results=False)
        super().__init__(capabilities=capabilities)

    async def _recognize_impl(self, *_asked: Any, **_how: Any) -> stt.SpeechEvent:
        kind = stt.SpeechEventType.FINAL_TRANSCRIPT
        return stt.SpeechEvent(kind, alternatives=[stt.SpeechData(language="en", text=WORDS)])


class AnswerStream(llm.LLMStream):
    """The long answer."""

    async def _run(self) -> None:
        for sentence in answer():
            delta = llm.ChoiceDelta(role="assistant", content=sentence + " ")
            self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=delta))


class Answerer(llm.LLM):
    """Gives the long answer at once."""

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        **_further: Any,
    ) -> llm.LLMStream:
        """Answers a context."""
        return AnswerStream(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class SpokenStream(tts.ChunkedStream):
    """A sentence's sound."""

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id="1", sample_rate=RATE_HZ, num_channels=1, mime_type="audio/pcm"
        )
        output_emitter.push(to_bytes(spoken(self._input_text.strip())))
        output_emitter.flush()


class Voice(tts.TTS):
    """Speaks what is spoken already."""

    def __init__(self) -> None:
        capabilities = tts.TTSCapabilities(streaming=False)
        super().__init__(capabilities=capabilities, sample_rate=RATE_HZ, num_channels=1)

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """Speaks a sentence."""
        return SpokenStream(tts=self, input_text=text, conn_options=conn_options)


class Microphone(io.AudioInput):
    """The line's frames."""

    def __init__(self, line: AudioLine) -> None:
        super().__init__(label="line")
        self._line = line
        self._frames: Any = None
        self.is_over = asyncio.Event()

    async def __anext__(self) -> rtc.AudioFrame:
        if self._frames is None:
            self._frames = await self._line.frames()
        try:
            samples = await self._frames.__anext__()
        except StopAsyncIteration:
            self.is_over.set()
            await asyncio.Event().wait()
        return rtc.AudioFrame(samples, RATE_HZ, 1, len(samples) // 2)


class Loudspeaker(io.AudioOutput):
    """Plays into the line, and can be paused, as that of its rooms and its console can."""

    def __init__(self, line: AudioLine) -> None:
        capabilities = io.AudioOutputCapabilities(pause=True)
        super().__init__(label="line", capabilities=capabilities, sample_rate=RATE_HZ)
        self._line = line
        self._given_s = 0.0
        self._is_whole = False
        self._held: list[Any] | None = None
        """While it is paused: what waits."""
        self._end: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Plays a frame behind those before."""
        await super().capture_frame(frame)
        if not self._given_s:
            self.on_playback_started(created_at=time.time())
        self._is_whole = False
        self._given_s += frame.duration
        sound = from_bytes(bytes(frame.data))
        if self._held is not None:
            self._held.append(sound)
        else:
            self._line.play(sound)

    def flush(self) -> None:
        """Tells when all that was given is heard."""
        super().flush()
        self._is_whole = True
        self._await_end()

    def clear_buffer(self) -> None:
        """Falls silent at once."""
        self._forget_end()
        if self._given_s:
            unheard_s = sum(map(len, self._held or [])) / RATE_HZ + self._line.waiting_s
            self._line.clear()
            self._held = None
            position_s, self._given_s = max(0.0, self._given_s - unheard_s), 0.0
            self.on_playback_finished(playback_position=position_s, interrupted=True)

    def pause(self) -> None:
        """Falls silent and keeps the rest."""
        super().pause()
        self._forget_end()
        if self._held is None:
            self._held = [self._line.clear()]

    def resume(self) -> None:
        """Goes on where it fell silent."""
        super().resume()
        if self._held:
            self._line.play(np.concatenate(self._held))
        self._held = None
        self._await_end()

    def _await_end(self) -> None:
        self._forget_end()
        if self._is_whole and self._given_s and self._held is None:
            loop = asyncio.get_running_loop()
            self._end = loop.call_later(self._line.waiting_s, self._finish)

    def _forget_end(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def _finish(self) -> None:
        position_s, self._given_s, self._is_whole = self._given_s, 0.0, False
        self.on_playback_finished(playback_position=position_s, interrupted=False)


async def talk(line: AudioLine) -> None:
    """Holds one talk."""
    session: AgentSession[None] = AgentSession(stt=Recogniser(), llm=Answerer(), tts=Voice())
    microphone = Microphone(line)
    session.input.audio = microphone
    session.output.audio = Loudspeaker(line)
    await session.start(Agent(instructions="Answer."))
    await microphone.is_over.wait()
    await session.aclose()


def main() -> None:
    """Measures LiveKit's session."""
    logging.getLogger("livekit.agents").setLevel(logging.ERROR)
    run(SYSTEM, talk)


if __name__ == "__main__":
    main()
