"""Pipecat's local pipeline: Silero, Smart Turn v3.2 and its own turn strategies, all as they come.

    PYTHONPATH=. …/bin/python -m benchmarks.rivals.pipecat_local DATA OUT [--echo-db -10]

`LLMContextAggregatorPair` with `SileroVADAnalyzer()`, as its quickstart has it; the strategies are
those it takes where none are named. Its local transport (PyAudio) has no echo canceller.
"""

import asyncio
import importlib.metadata
from collections.abc import AsyncGenerator
from typing import Any

from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    StartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import LLMService
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

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
    to_bytes,
)

SYSTEM = System(
    f"pipecat {importlib.metadata.version('pipecat-ai')}",
    "its defaults: Silero, Smart Turn v3.2, VAD and transcription strategies; STT, LLM and TTS "
    "are stand-ins that cost no time",
)


class Recogniser(SegmentedSTTService):
    """Understands whatever it is given at once."""

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Yields the same words for every stretch of speech."""
        yield TranscriptionFrame(WORDS, "", time_now_iso8601())


class Answerer(LLMService):
    """Gives the long answer at once."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answers a context; passes on all else."""
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        for sentence in answer():
            await self.push_frame(LLMTextFrame(sentence + " "))
        await self.push_frame(LLMFullResponseEndFrame())


class Voice(TTSService):
    """Speaks what is spoken already."""

    def __init__(self) -> None:
        super().__init__(sample_rate=RATE_HZ, push_start_frame=True, push_stop_frames=True)

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Yields a sentence's sound."""
        sound = to_bytes(spoken(text.strip()))
        yield TTSAudioRawFrame(sound, RATE_HZ, 1, context_id=context_id)


class Microphone(BaseInputTransport):
    """The line's frames."""

    def __init__(self, params: TransportParams, line: AudioLine) -> None:
        super().__init__(params)
        self._line = line
        self._reading: asyncio.Task[Any] | None = None
        self.is_over = asyncio.Event()

    async def start(self, frame: StartFrame) -> None:
        """Begins to speak."""
        await super().start(frame)
        self._reading = self.create_task(self._read())
        await self.set_transport_ready(frame)

    async def _read(self) -> None:
        async for samples in await self._line.frames():
            await self.push_audio_frame(InputAudioRawFrame(samples, RATE_HZ, 1))
        self.is_over.set()

    async def stop(self, frame: EndFrame) -> None:
        """Stops speaking."""
        await self._end()
        await super().stop(frame)

    async def cancel(self, frame: CancelFrame) -> None:
        """Stops speaking."""
        await self._end()
        await super().cancel(frame)

    async def _end(self) -> None:
        if self._reading is not None:
            await self.cancel_task(self._reading)
            self._reading = None


class Loudspeaker(BaseOutputTransport):
    """Plays into the line; a write returns when there is room, as that of a sound card does."""

    def __init__(self, params: TransportParams, line: AudioLine) -> None:
        super().__init__(params)
        self._line = line

    async def start(self, frame: StartFrame) -> None:
        """Is ready at once."""
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Drops what waits in the sound card where an answer is cut."""
        if isinstance(frame, InterruptionFrame):
            self._line.clear()
        await super().process_frame(frame, direction)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Plays a frame, one frame ahead of the clock."""
        over_s = self._line.play(from_bytes(frame.audio))
        await asyncio.sleep(max(0.0, over_s - FRAME_S - self._line.now_s))
        return True


async def talk(line: AudioLine) -> None:
    """Holds one talk."""
    params = TransportParams(
        audio_in_enabled=True,
        audio_in_sample_rate=RATE_HZ,
        audio_out_enabled=True,
        audio_out_sample_rate=RATE_HZ,
    )
    microphone = Microphone(params, line)
    context = LLMContextAggregatorPair(
        LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    parts = [
        microphone,
        Recogniser(),
        context.user(),
        Answerer(),
        Voice(),
        Loudspeaker(params, line),
        context.assistant(),
    ]
    worker = PipelineWorker(
        Pipeline(parts),
        params=PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ),
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    await microphone.is_over.wait()
    await worker.cancel()
    await running


def main() -> None:
    """Measures pipecat."""
    logger.remove()
    run(SYSTEM, talk)


if __name__ == "__main__":
    main()
