"""A voice at a speed of somebody's choice, whatever the style of an answer asks for beside."""

from collections.abc import Iterator
from dataclasses import replace

from assistant.audio.waveform import AudioClip
from assistant.engines.protocols import Cancel, SpeakingStyle, TextToSpeech


class PacedVoice:
    """A voice that speaks everything faster or slower than it would."""

    def __init__(self, voice: TextToSpeech, speed: float) -> None:
        """Speaks as `voice` does, at `speed` times its rate."""
        self.sample_rate = voice.sample_rate
        self._voice, self._speed = voice, speed

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        """See `TextToSpeech.synthesize`."""
        return self._voice.synthesize(text, replace(style, rate=style.rate * self._speed), cancel)

    def close(self) -> None:
        """Ends what the voice has of its own, if it has anything."""
        end = getattr(self._voice, "close", None)
        if end is not None:
            end()


def paced(voice: TextToSpeech, speed: float) -> TextToSpeech:
    """Returns `voice` at `speed` times its rate; itself where that is its own."""
    return voice if speed == 1.0 else PacedVoice(voice, speed)
