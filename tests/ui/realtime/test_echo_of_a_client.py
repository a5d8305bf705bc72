"""A client without an echo canceller, at the end of a line as lines are, is not answered itself."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from assistant.audio.echo import EchoRemover
from assistant.audio.protocols import EchoState
from assistant.audio.steady_frames import SteadyFrames
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip, Waveform
from assistant.clock import replay
from assistant.turns.ear import Ear
from assistant.turns.endpointing import Endpointer
from assistant.turns.marks import Boundary, Floor
from benchmarks.rooms.distant import DistantRoom, NetworkPath
from benchmarks.rooms.room import Room
from tests.assistant.audio.test_echo import voice_like

ANSWER_S, PAUSE_S, PERSON_S = 4.0, 1.5, 1.2
TROUBLED = NetworkPath(stall_ms=300, loss_every_s=7, drift_ppm=100)


class LoudSounds:
    """Takes whatever is loud for speech."""

    sample_rate, frame_samples = SPEECH_RATE_HZ, 512

    def probability(self, frame: Waveform) -> float:
        return float(np.mean(np.square(frame)) > 3e-6)

    def reset(self) -> None:
        pass


def response() -> Waveform:
    random = np.random.default_rng(5)
    decay = random.standard_normal(3_200) * np.exp(-np.arange(3_200) / 500)
    decay[0] = 6.0
    return decay.astype(np.float32)


def heard(
    line: NetworkPath, *, echo_db: float, seconds: float, speaks_at_s: float | None = None
) -> tuple[list[float], EchoState]:
    """Returns when speech was taken for a person's while answers follow each other, and state."""
    people = np.zeros(round(seconds * SPEECH_RATE_HZ), dtype=np.float32)
    if speaks_at_s is not None:
        begin = round(speaks_at_s * SPEECH_RATE_HZ)
        person = voice_like(PERSON_S, seed=99)
        people[begin : begin + len(person)] = person
    room = Room(response(), drive=1.0, delay_ms=40.0, echo_db=echo_db)
    client = DistantRoom(people, room, line, noise_db=-66.0)
    remover = EchoRemover()
    ear, endpointer = Ear(LoudSounds(), remover), Endpointer()
    taken_s: list[float] = []

    async def listen() -> None:
        async for frame in SteadyFrames(client.microphone, 512).frames():
            played = frame.played
            if played is None:
                played = client.speaker.played(512, captured_s=frame.captured_s)
            probability = ear.listen(frame.samples, played).probability
            for mark in endpointer.feed(probability, floor=Floor.TAKEN):
                if mark.boundary is Boundary.CONFIRMED:
                    taken_s.append(mark.at_samples / SPEECH_RATE_HZ)

    async def talk() -> None:
        for number in range(100):
            await asyncio.sleep(PAUSE_S)
            await client.speaker.play(AudioClip(voice_like(ANSWER_S, number), SPEECH_RATE_HZ))
            await client.speaker.drain()

    async def main() -> None:
        living, talking = asyncio.create_task(client.run()), asyncio.create_task(talk())
        await listen()
        talking.cancel()
        await living

    replay(main(), workers=[])
    return taken_s, remover.state


@pytest.mark.parametrize(
    "line",
    [
        TROUBLED,
        NetworkPath(reports=False, stall_ms=300),
        NetworkPath(reports=False, stall_ms=150, drift_ppm=-100),
    ],
    ids=str,
)
def test_it_does_not_hear_itself(line: NetworkPath) -> None:
    taken_s, state = heard(line, echo_db=-6.0, seconds=19.0)
    assert state is EchoState.REMOVED
    assert taken_s == []


@pytest.mark.parametrize("echo_db", [-6.0, -200.0])
@pytest.mark.parametrize("line", [TROUBLED, replace(TROUBLED, loss_every_s=0.0, reports=False)])
def test_a_person_is_heard_with_echo_and_without(line: NetworkPath, echo_db: float) -> None:
    begins_s = 2.0 * PAUSE_S + ANSWER_S + 2.0
    taken_s, _ = heard(line, echo_db=echo_db, seconds=begins_s + 3.0, speaks_at_s=begins_s)
    assert [at_s for at_s in taken_s if begins_s < at_s < begins_s + PERSON_S + 0.5]
