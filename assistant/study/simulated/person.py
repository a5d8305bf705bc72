"""A machine-made participant at the microphone: speaks, waits for the answer, speaks again."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import cache

import numpy as np

from assistant import events
from assistant.audio.playout import StreamResampler
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioFrame, Waveform
from assistant.engines.protocols import Cancel, SpeakingStyle, TextToSpeech
from assistant.engines.table import open_voice
from assistant.errors import EngineUnavailable
from models.emotions import Emotion

FRAME_SAMPLES = 512
QUICK = ("flite:rms", "espeak", "flite")
"""Which may speak for participants where a script answers; the first that can speak here does."""
NATURAL = (
    "kokoro:af_heart",
    "kokoro:am_michael",
    "kokoro:bf_emma",
    "kokoro:am_fenrir",
    "kokoro:bm_george",
    "kokoro:af_bella",
)
"""Which speak where models hear: natural, and none of them the usual voice of the assistant."""
PAUSE_S = 0.5
"""Between an answer and what is said next."""
PATIENCE_S = 8.0
"""Who is not answered for so long says it again."""
SAYINGS = {
    Emotion.NEUTRAL: ("I went to the market this morning.", "Then I walked home by the river."),
    Emotion.HAPPY: ("I passed the exam today!", "We are going to celebrate tonight!"),
    Emotion.ANGRY: ("My neighbour was so loud again.", "Nobody ever listens to me."),
    Emotion.SAD: ("My old dog died last week.", "The house is so quiet now."),
    Emotion.SURPRISE: ("I found a letter from my brother!", "I really did not expect that!"),
}
CHECK_WORDS = "Seven."


class Sayings:
    """What simulated participants say; what was spoken once is not spoken again."""

    def __init__(self, *, natural: bool = False) -> None:
        """Opens no voice yet.

        Args:
            natural: Whether each participant has one of the natural voices, which take longer.
        """
        self._names = NATURAL if natural and _can_speak(NATURAL[0]) else QUICK
        self._voices: dict[str, TextToSpeech] = {}
        self._spoken: dict[tuple[str, str, Emotion], Waveform] = {}

    def voice_of(self, participant: int) -> str:
        """Returns the voice of a participant: natural ones take turns.

        Raises:
            EngineUnavailable: None can speak here.
        """
        if self._names is NATURAL:
            return NATURAL[participant % len(NATURAL)]
        return _first_that_speaks(QUICK)

    def some(self, chance: random.Random, voice: str) -> list[Waveform]:
        """Returns utterances of one emotion, 16 kHz each."""
        emotion = chance.choice(list(Emotion))
        return [self.spoken(text, emotion, voice) for text in SAYINGS[emotion]]

    def spoken(
        self, text: str, emotion: Emotion = Emotion.NEUTRAL, voice: str | None = None
    ) -> Waveform:
        """Returns `text` as speech, 16 kHz."""
        voice = voice or self.voice_of(0)
        key = (voice, text, emotion)
        if key not in self._spoken:
            if voice not in self._voices:
                self._voices[voice] = open_voice(voice)
            style = SpeakingStyle(emotion=emotion, intensity=1.0)
            resampler = StreamResampler(SPEECH_RATE_HZ)
            clips = self._voices[voice].synthesize(text, style, Cancel())
            pieces = [resampler.push(clip) for clip in clips]
            self._spoken[key] = np.concatenate([*pieces, resampler.flush()])
        return self._spoken[key]


def _can_speak(name: str) -> bool:
    try:
        open_voice(name)
    except EngineUnavailable:
        return False
    return True


@cache
def _first_that_speaks(names: tuple[str, ...]) -> str:
    for name in names:
        if _can_speak(name):
            return name
    raise EngineUnavailable(
        "no voice can speak for simulated participants: `apt install flite` or espeak-ng"
    )


class SimulatedPerson:
    """Speaks `utterances` over and over, one after each answer, until the conversation ends."""

    def __init__(
        self, utterances: list[Waveform], answer: Callable[[str], Waveform] | None = None
    ) -> None:
        """Begins to speak at once.

        Args:
            utterances: What is said, 16 kHz.
            answer: Returns what is said to an answer of the assistant, in place of the next of
                `utterances`.
        """
        self.dropped_frames = 0
        self._utterances = utterances
        self._answer = answer
        self._next = 0
        self._waiting: deque[Waveform] = deque()
        self._silent_frames = 0
        self._say()

    def listen(self, event: events.Event) -> None:
        """Takes in what happened, as a listener of the conversation."""
        match event:
            case events.ReplyFinished(heard=heard) if self._answer is not None and heard.strip():
                self._say(self._answer(heard))
            case events.ReplyFinished() | events.Interrupted() | events.TurnFailed():
                self._say()
            case events.UtteranceEnded() | events.ReplyStarted():
                self._silent_frames = 0
            case _:
                pass

    def _say(self, said: Waveform | None = None) -> None:
        if self._waiting:
            return
        pause = np.zeros(round(PAUSE_S * SPEECH_RATE_HZ), dtype=np.float32)
        if said is None:
            said = self._utterances[self._next % len(self._utterances)]
            self._next += 1
        sound = np.concatenate([pause, said])
        whole = len(sound) // FRAME_SAMPLES * FRAME_SAMPLES
        rest = np.zeros(FRAME_SAMPLES, dtype=np.float32)
        rest[: len(sound) - whole] = sound[whole:]
        self._waiting.extend(sound[:whole].reshape(-1, FRAME_SAMPLES))
        self._waiting.append(rest)

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Yields frames at their own pace, as a microphone does."""
        loop = asyncio.get_running_loop()
        start_s, clock = loop.time(), 0
        silence = np.zeros(FRAME_SAMPLES, dtype=np.float32)
        patience = PATIENCE_S * SPEECH_RATE_HZ / FRAME_SAMPLES
        while True:
            if self._waiting:
                self._silent_frames = 0
                samples = self._waiting.popleft()
            else:
                self._silent_frames += 1
                samples = silence
            if self._silent_frames > patience:
                self._say()
            due_s = start_s + (clock + FRAME_SAMPLES) / SPEECH_RATE_HZ
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            yield AudioFrame(samples, clock)
            clock += FRAME_SAMPLES
