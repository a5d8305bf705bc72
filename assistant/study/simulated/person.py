"""A machine-made participant at the microphone: speaks, waits for the answer, speaks again."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator

import numpy as np

from assistant import events
from assistant.audio.playout import StreamResampler
from assistant.audio.waveform import SPEECH_RATE_HZ, AudioFrame, Waveform
from assistant.engines.protocols import Cancel, SpeakingStyle, TextToSpeech
from assistant.engines.table import open_voice
from assistant.errors import EngineUnavailable
from models.emotions import Emotion

FRAME_SAMPLES = 512
VOICES = ("flite:rms", "espeak", "flite")
"""Which may speak for participants: quick ones, other than the usual voices of the assistant."""
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
    """What simulated participants say, spoken once for all of them."""

    def __init__(self) -> None:
        """Opens a voice.

        Raises:
            EngineUnavailable: None can speak here.
        """
        self._voice = _open_voice()
        self._spoken: dict[tuple[str, Emotion], Waveform] = {}

    def some(self, chance: random.Random) -> list[Waveform]:
        """Returns utterances of one emotion, 16 kHz each."""
        emotion = chance.choice(list(Emotion))
        return [self.spoken(text, emotion) for text in SAYINGS[emotion]]

    def spoken(self, text: str, emotion: Emotion = Emotion.NEUTRAL) -> Waveform:
        """Returns `text` as speech, 16 kHz."""
        key = (text, emotion)
        if key not in self._spoken:
            style = SpeakingStyle(emotion=emotion, intensity=1.0)
            resampler = StreamResampler(SPEECH_RATE_HZ)
            clips = self._voice.synthesize(text, style, Cancel())
            pieces = [resampler.push(clip) for clip in clips]
            self._spoken[key] = np.concatenate([*pieces, resampler.flush()])
        return self._spoken[key]


def _open_voice() -> TextToSpeech:
    for name in VOICES:
        try:
            return open_voice(name)
        except EngineUnavailable:
            continue
    raise EngineUnavailable(
        "no voice can speak for simulated participants: `apt install flite` or espeak-ng"
    )


class SimulatedPerson:
    """Speaks `utterances` over and over, one after each answer, until the conversation ends."""

    def __init__(self, utterances: list[Waveform]) -> None:
        """Begins to speak at once."""
        self.dropped_frames = 0
        self._utterances = utterances
        self._next = 0
        self._waiting: deque[Waveform] = deque()
        self._silent_frames = 0
        self._say()

    def listen(self, event: events.Event) -> None:
        """Takes in what happened, as a listener of the conversation."""
        match event:
            case events.ReplyFinished() | events.Interrupted() | events.TurnFailed():
                self._say()
            case events.UtteranceEnded() | events.ReplyStarted():
                self._silent_frames = 0
            case _:
                pass

    def _say(self) -> None:
        if self._waiting:
            return
        pause = np.zeros(round(PAUSE_S * SPEECH_RATE_HZ), dtype=np.float32)
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
