"""The deployments of a cluster: replicas of the speech model and of the voice."""

import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ray import serve
from ray.serve.config import RequestRouterConfig
from ray.util.metrics import Counter, Gauge

from assistant.assembly import open_chosen_voice, open_speech_model
from assistant.audio.waveform import AudioClip, Waveform
from assistant.engines.cluster import model as model_engine
from assistant.engines.cluster import voice as voice_engine
from assistant.engines.cluster.course import VERSION, Abilities, Asked, Course, Figures
from assistant.engines.cluster.serving import ServedTalks
from assistant.engines.parts import bring, unwatched
from assistant.engines.protocols import (
    Cancel,
    EmotionEstimate,
    SpeakingStyle,
    TextDelta,
    Transcript,
)
from assistant.engines.settings import SpeechModelSettings
from assistant.worker import Worker
from models.checkpoints.embedded import parts_of_model
from ui.realtime.hosting.census import CENSUS, Count

Item = TypeVar("Item")

STEADY = RequestRouterConfig(
    request_router_class="assistant.engines.cluster.steady_router.SteadyRouter"
)
"""Requests of one conversation go to one replica while it lives: its KV cache is there."""
HEALTH_S = 2.0
"""How often a replica is asked whether it lives, so that a dead one is replaced soon."""
HANGS_S = 20.0
"""One that does not answer that for so long, three times, is replaced too."""
DRAIN_S = 30.0
"""How long the answers under way may take where a replica is replaced by one of a newer version."""
STEPS_WAITING = 4_096
GONE_S = 10.0
"""A gateway that told nothing for so long is gone, and its talks with it."""


class _Replica:
    """An engine on its one thread, which takes a step of each request in turn."""

    def __init__(self, name: str) -> None:
        logging.getLogger().setLevel(logging.WARNING)
        self._worker = Worker(name, limit=STEPS_WAITING)
        self._begun = 0
        self._requests = Counter("attune_replica_requests", "Requests begun", ("engine",))
        self._waiting = Gauge("attune_replica_steps_waiting", "Steps asked for", ("engine",))
        self._busy = Gauge("attune_replica_busy_s", "Seconds at work so far", ("engine",))
        self._name = {"engine": name}

    def figures(self) -> Figures:
        """Returns what is told to who looks after it."""
        return Figures(
            self._name["engine"],
            serve.get_replica_context().replica_id.unique_id,
            self._begun,
            self._worker.waiting,
            self._worker.busy_s,
        )

    def _begin(self) -> None:
        self._begun += 1
        self._requests.inc(tags=self._name)

    async def _called(self, function: Callable[[], Item]) -> Item:
        self._begin()
        return await self._worker.call(function)

    async def _streamed(self, make: Callable[[Cancel], Iterator[Item]]) -> AsyncIterator[Item]:
        """Yields the items; who stops reading, or whose request is given up, cancels the engine."""
        self._begin()
        cancel = Cancel()
        stream = self._worker.stream(lambda: make(cancel))
        try:
            async for item in stream:
                self._waiting.set(self._worker.waiting, tags=self._name)
                yield item
        finally:
            cancel.set()
            stream.close()
            self._busy.set(self._worker.busy_s, tags=self._name)


@serve.deployment(
    name=model_engine.DEPLOYMENT,
    request_router_config=STEADY,
    health_check_period_s=HEALTH_S,
    health_check_timeout_s=HANGS_S,
    graceful_shutdown_timeout_s=DRAIN_S,
)
class SpeechModelReplica(_Replica):
    """One resident speech model; see `ServedTalks`."""

    def __init__(self, settings: SpeechModelSettings) -> None:
        super().__init__("speech model")
        bring(parts_of_model(settings.model), unwatched)
        self._model = open_speech_model(settings)
        self._talks = ServedTalks(self._model)

    def abilities(self) -> Abilities:
        """Returns what it can."""
        # Visitors see a folder's name, not where it lies.
        return Abilities(VERSION, Path(self._model.name).name, self._model.call_marks)

    def figures(self) -> Figures:
        """See `_Replica.figures`."""
        talks = self._talks
        return replace(super().figures(), talks=talks.kept, prefilled=talks.prefilled)

    def process(self) -> int:
        """Returns the number of its process, for who looks after it."""
        return os.getpid()

    async def transcribe(self, utterance: Waveform) -> Transcript | None:
        """See `SpeechModel.transcribe`."""
        return await self._called(lambda: self._model.transcribe(utterance))

    async def weigh(self, utterance: Waveform, phrases: Sequence[str]) -> Sequence[float] | None:
        """See `SpeechModel.weigh`."""
        return await self._called(lambda: self._model.weigh(utterance, phrases))

    async def hear(
        self, course: Course, asked: Asked
    ) -> AsyncIterator[EmotionEstimate | Transcript]:
        """See `ServedTalks.hear`."""
        async for item in self._streamed(lambda cancel: self._talks.hear(course, asked, cancel)):
            yield item

    async def reply(self, course: Course, begun: str) -> AsyncIterator[TextDelta]:
        """See `ServedTalks.reply`."""
        async for item in self._streamed(lambda cancel: self._talks.reply(course, begun, cancel)):
            yield item


@serve.deployment(
    name=voice_engine.DEPLOYMENT,
    health_check_period_s=HEALTH_S,
    health_check_timeout_s=HANGS_S,
    graceful_shutdown_timeout_s=DRAIN_S,
)
class VoiceReplica(_Replica):
    """One voice."""

    def __init__(self, voice: str) -> None:
        super().__init__("voice")
        self._voice = open_chosen_voice(voice, unwatched).engine

    def rate_hz(self) -> int:
        """Returns the sample rate of its clips."""
        return self._voice.sample_rate

    async def speak(self, text: str, style: SpeakingStyle) -> AsyncIterator[AudioClip]:
        """See `TextToSpeech.synthesize`."""

        def make(cancel: Cancel) -> Iterator[AudioClip]:
            return self._voice.synthesize(text, style, cancel)

        async for clip in self._streamed(make):
            yield clip


@serve.deployment(name=CENSUS, ray_actor_options={"num_cpus": 0})
class CensusReplica:
    """Where gateways tell each other how many talk and how late answers come."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[float, Count]] = {}

    def compare(self, gateway: str, own: Count) -> Count:
        """Notes the count of one gateway; returns that of all others together."""
        now_s = time.monotonic()
        self._counts[gateway] = (now_s, own)
        self._counts = {
            name: entry for name, entry in self._counts.items() if now_s - entry[0] < GONE_S
        }
        others = [count for name, (_, count) in self._counts.items() if name != gateway]
        return Count(
            sum(count.active for count in others),
            sum(count.talking for count in others),
            tuple(latency for count in others for latency in count.latencies_ms),
        )
