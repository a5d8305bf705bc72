"""What is heard in a live talk: frame by frame on the audio clock, without echo, kept and measured.

What follows from it, whose turn it is and what is answered, is the affair of `turn_taking`.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from assistant import events
from assistant.audio import own_sound
from assistant.audio.file_devices import FileMicrophone
from assistant.audio.playout import level_db
from assistant.audio.protocols import Ends
from assistant.audio.silent_microphone import SILENT, SilentMicrophone
from assistant.audio.steady_frames import SteadyFrames
from assistant.audio.utterance_buffer import UtteranceBuffer
from assistant.audio.waveform import AudioFrame, Waveform
from assistant.conversation.conversation import Conversation
from assistant.conversation.live.self_hearing import SelfHearing
from assistant.turns.ear import Ear, Heard
from assistant.turns.endpointing_settings import EndpointingSettings

OWN_SOUND_S = 4.0
"""What was heard and played so long ago may still be compared: more than brief words and the way of
their echo."""
FRAMES_PER_LEVEL = 4
"""Frames from one `LevelMeasured` to the next."""

Tap = Callable[[Waveform, Waveform], None]
"""Gets each 16 kHz frame of the microphone and what was played with it, likewise."""


@dataclass(frozen=True, slots=True)
class HeardFrame:
    """One frame of both sides, and what is heard in it."""

    samples: Waveform
    """As the microphone gave it; zeros while it is muted."""
    played: Waveform
    heard: Heard


class Listening:
    """The ear of one conversation and all that it hears; it moves the conversation's clock."""

    def __init__(self, conversation: Conversation, ends: Ends) -> None:
        """Listens at the microphone of `ends`, with the detector of the conversation's engines."""
        self._conversation = conversation
        self._speaker = ends.speaker
        self._worker = conversation.engines.ear_worker
        self._ear = Ear(conversation.engines.detector, ends.canceller)
        self.own_voice = SelfHearing(ends, self._ear)
        """Whether what is heard may be the assistant itself."""
        self._steady = SteadyFrames(ends.microphone, self._ear.frame_samples)
        self._silence = None if isinstance(ends.microphone, FileMicrophone) else SilentMicrophone()
        self._sound = UtteranceBuffer()
        self._has_canceller = ends.canceller is not None
        self._raw, self._played = UtteranceBuffer(), UtteranceBuffer()
        self._taps: list[Tap] = []
        self.is_muted = False

    @property
    def frame_samples(self) -> int:
        """Length of a frame."""
        return self._ear.frame_samples

    @property
    def clock_samples(self) -> int:
        """Sound so far: the conversation's clock."""
        return self._conversation.clock_samples

    @property
    def is_watched(self) -> bool:
        """Whether somebody is there while it is heard: a file is only read."""
        return self._silence is not None

    def tap(self, tap: Tap) -> None:
        """Gives `tap` every frame of both sides from now on."""
        self._taps.append(tap)

    def frames(self) -> AsyncGenerator[AudioFrame, None]:
        """Yields the microphone's frames, and silence where they fail to come."""
        return self._steady.frames()

    async def take(self, frame: AudioFrame) -> HeardFrame:
        """Hears a frame; the clock has then moved past it."""
        # Silence in place of what is muted, and not nothing: recording, echo canceller and clock
        # stay in step.
        samples = np.zeros_like(frame.samples) if self.is_muted else frame.samples
        played = frame.played
        if played is None:
            played = self._speaker.played(len(samples), captured_s=frame.captured_s)
        heard = await self._worker.call(partial(self._ear.listen, samples, played))
        # Only when it is heard: what is emitted meanwhile belongs to the time before this frame.
        self._conversation.clock_samples += len(samples)
        if self._has_canceller:
            self._raw.append(samples, keep_s=OWN_SOUND_S)
            self._played.append(played, keep_s=OWN_SOUND_S)
        for tap in self._taps:
            tap(samples, played)
        return HeardFrame(samples, played, heard)

    def keep(self, taken: HeardFrame, keep_s: float) -> None:
        """Keeps the sound of a frame, and so many seconds of what came before it."""
        self._sound.append(taken.heard.samples, keep_s=keep_s)

    def cut(self, start_samples: int, end_samples: int) -> Waveform:
        """Returns what was heard between two times of the clock, 16 kHz, as far as it is kept."""
        return self._sound.cut(start_samples, end_samples)

    def own_sound(self, start_samples: int, end_samples: int) -> Callable[[], bool]:
        """Returns what tells whether the assistant itself was heard between two times of the clock.

        It takes some 20 ms, on any thread. Where no echo is expected it says no at once.
        """
        if not self._has_canceller:
            return lambda: False
        left = self._sound.cut(start_samples, end_samples)
        heard = self._raw.cut(start_samples - own_sound.SEARCHED_SAMPLES, end_samples)
        played = self._played.cut(self._played.start_samples, end_samples)
        return lambda: own_sound.missed_db(left, heard, played) >= own_sound.OWN_DB

    async def spoken_part(self, sound: Waveform, settings: EndpointingSettings) -> Waveform | None:
        """Returns what of 16 kHz `sound` is speech, or None; see `assistant.turns.speech_gate`."""
        gate = self._ear.gate(settings)
        async for _ in self._worker.stream(partial(gate.listen, sound), ahead=1):
            pass
        return gate.part

    def measure(self, taken: HeardFrame) -> None:
        """Tells of levels, of sound that was lost and of another echo."""
        clock, emit = self._conversation.clock_samples, self._conversation.emit
        for event in self.own_voice.news(clock):
            emit(lambda _at_s, event=event: event)
        if clock // len(taken.samples) % FRAMES_PER_LEVEL == 0:
            levels_db = level_db(taken.samples), level_db(taken.played)
            probability = taken.heard.probability
            emit(lambda at_s: events.LevelMeasured(at_s, *levels_db, probability))

    def notice_silence(self, frame: AudioFrame) -> None:
        """Tells once that the microphone gives only silence, and once that it is back."""
        if self._silence is None or not self._steady.is_coming or self.is_muted:
            return
        message = self._silence.hear(frame.samples)
        if message is not None:
            warns = message == SILENT
            self._conversation.emit(partial(events.Noticed, message=message, is_warning=warns))
