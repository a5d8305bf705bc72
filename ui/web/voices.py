"""The voices that the page offers: a name, a sentence, and a sample of each."""

import asyncio
import io
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from assistant.audio.waveform import Waveform
from assistant.engines.protocols import Cancel, SpeakingStyle, TextToSpeech
from assistant.errors import EngineFailed
from assistant.voice.voice_names import known_voice
from ui.realtime.hosting.engines import Resident

SAMPLE = "Hello. I am glad that you are here. How was your day?"


@dataclass(frozen=True, slots=True)
class OfferedVoice:
    """One voice as people choose it."""

    name: str
    """What the settings take."""
    title: str
    about: str

    def as_json(self) -> dict[str, Any]:
        """Returns it for the page."""
        return asdict(self)


def describe_voice(name: str) -> OfferedVoice:
    """Returns the title and the sentence of a voice; its own name where nothing more is known."""
    known = known_voice(name)
    if known is not None:
        about = f"{known.about} ({known.name.partition(':')[0]}, {known.licence})"
        return OfferedVoice(name, known.title, about)
    engine, _, own = name.partition(":")
    return OfferedVoice(name, own or engine, f"A voice of {engine}" if own else "")


class VoiceSamples:
    """Speaks one sentence with each voice, once."""

    def __init__(self, resident: Resident) -> None:
        """Speaks on the voices' own thread, between the sentences of the talks."""
        self._resident = resident
        self._made: dict[str, bytes] = {}
        self._one_at_a_time = asyncio.Lock()

    async def wav(self, name: str) -> bytes:
        """Returns the sample of a voice as a WAV file.

        Raises:
            EngineFailed: The voice cannot speak.
        """
        async with self._one_at_a_time:
            if name not in self._made:
                voice = self._resident.voices[name]
                waveform = await self._resident.voice_worker.call(lambda: _spoken(voice))
                self._made[name] = _wav(waveform, voice.sample_rate)
        return self._made[name]


def _spoken(voice: TextToSpeech) -> Waveform:
    clips = [clip.samples for clip in voice.synthesize(SAMPLE, SpeakingStyle(), Cancel())]
    if not clips:
        raise EngineFailed("this voice says nothing: choose another")
    return np.concatenate(clips)


def _wav(waveform: Waveform, rate_hz: int) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, waveform, rate_hz, format="WAV", subtype="PCM_16")
    return file.getvalue()
