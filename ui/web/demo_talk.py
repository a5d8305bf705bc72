"""One talk of the page for demos: recordings and typed questions in, answers out."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.audio.soundfiles import Recording
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioClip, Waveform, resample, to_int16
from assistant.conversation.answering import Answer, Answering
from assistant.conversation.conversation import Conversation
from assistant.conversation.engines import Engines
from assistant.empathy import load_policy
from assistant.engines.protocols import TextToSpeech
from assistant.errors import InputError
from assistant.session import open_conversation
from assistant.turns.cutter import SpokenTurn, TurnCutter
from assistant.turns.endpointing_settings import EndpointingSettings
from models.emotions import EMOTION_LABELS
from ui.realtime.hosting.engines import Resident

LONGEST_S = 60
"""Of a recording."""
LONGEST_TEXT = 4_000
"""Characters of a typed question."""
ENDPOINTING = EndpointingSettings(usual_share=0.5)
"""As for `app.py reply`."""
PAUSE_S = 0.6
"""Between the answers to several things said in one recording."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a visitor gets for a recording or a typed question."""

    heard: str
    emotion: dict[str, float] | None
    """Probability of each emotion by its label; None where nothing was spoken."""
    reply: str
    sound: tuple[int, NDArray[np.int16]]
    """Sample rate in Hz, and the spoken answer."""
    help: str
    """Where to find help, as long as life may be in danger; else empty."""


@dataclass(eq=False, slots=True)
class DemoTalk:
    """A conversation of one visitor, and what was said in it."""

    conversation: Conversation
    answering: Answering
    said: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """Each as ``{"role": "user" or "assistant", "content": …}``."""
    is_busy: bool = False

    def speak_with(self, name: str, voice: TextToSpeech, policy: str) -> None:
        """Answers in another voice, or manner, from now on."""
        engines = self.conversation.engines
        engines.voice, engines.voice_name, engines.policy = voice, name, load_policy(policy)
        self.conversation.put_in_force({"voice": name, "policy": policy})

    async def answer(self, question: Path | str) -> Shown:
        """Answers on the event loop, the engines on their threads.

        Raises:
            InputError: The recording or the text cannot be used.
            EngineFailed: An engine broke; the talk can go on.
        """
        clips: list[AudioClip] = []
        answers: list[Answer] = []
        for turn in await self._turns(question):
            if clips:
                rate_hz = clips[-1].sample_rate
                silence = np.zeros(round(PAUSE_S * rate_hz), dtype=np.float32)
                clips.append(AudioClip(silence, rate_hz))
            answer = await self.answering.answer(turn, clips.append)
            self.said.append({"role": "user", "content": answer.words.text})
            self.said.append({"role": "assistant", "content": answer.reply})
            answers.append(answer)
        return _shown(answers, clips)

    async def _turns(self, question: Path | str) -> list[SpokenTurn] | list[str]:
        if isinstance(question, Path):
            return await _spoken_turns(question, self.conversation.engines)
        if len(question) > LONGEST_TEXT:
            raise InputError(f"that is too long: write at most {LONGEST_TEXT} characters")
        return [question]


async def open_demo(resident: Resident) -> DemoTalk:
    """Starts a talk with the default model; its engines are those that all talks share.

    Raises:
        EngineFailed: The model has too much to do.
    """
    engines = resident.engines()
    opened = partial(open_conversation, engines, persona=resident.persona or None)
    conversation = await engines.model_worker.call(opened)
    return DemoTalk(conversation, Answering(conversation))


async def _spoken_turns(path: Path, engines: Engines) -> list[SpokenTurn]:
    """Returns what is said in a recording.

    Raises:
        InputError: It cannot be read, is too long, or nobody speaks in it.
    """
    try:
        # Not by the thread of the ears: to unpack sound takes longer than a live frame may wait.
        blocks = await asyncio.to_thread(lambda: list(_bounded(Recording(path))))
    except InputError as error:
        # Visitors see a file's name, not where the server keeps it.
        raise InputError(str(error).replace(str(path), path.name)) from error
    cutter = TurnCutter(engines.detector, ENDPOINTING)
    listening = engines.ear_worker.stream(lambda: cutter.ended(blocks), ahead=0)
    turns = [turn async for ended in listening for turn in ended]
    if not turns:
        raise InputError("no speech was found: speak closer to the microphone and record it again")
    return turns


def _bounded(recording: Recording) -> Iterator[Waveform]:
    heard = 0
    for block in recording.blocks():
        heard += len(block)
        if heard > LONGEST_S * SPEECH_RATE_HZ:
            raise InputError(f"the recording is too long: speak for at most {LONGEST_S} s")
        yield block


def _shown(answers: Sequence[Answer], clips: Sequence[AudioClip]) -> Shown:
    last = answers[-1]
    rate_hz = clips[0].sample_rate
    sound = [resample(c.samples, from_hz=c.sample_rate, to_hz=rate_hz) for c in clips]
    chances = None if last.estimate is None else last.estimate.probabilities
    return Shown(
        heard="\n".join(answer.words.text for answer in answers),
        emotion=None if chances is None else dict(zip(EMOTION_LABELS, chances, strict=True)),
        reply="\n".join(answer.reply for answer in answers),
        sound=(rate_hz, to_int16(np.concatenate(sound))),
        help=last.help.text if last.help and not last.help.is_over else "",
    )
