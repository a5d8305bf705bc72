"""The eSpeak NG voice: many languages, robotic."""

import math
from collections.abc import Iterator

import numpy as np

from assistant.audio.waveform import AudioClip, to_float32
from assistant.engines.protocols import Cancel, SpeakingStyle
from assistant.engines.voices.espeak_process import EspeakProcess
from assistant.voice.prosody import (
    SilenceEditor,
    apply_gain,
    closing_pause,
    find_silences,
    trim_silence,
)
from assistant.voice.sentences import split_sentences
from assistant.voice.speakable import speakable

DEFAULT_VOICE = "en-us"

_WORDS_A_MINUTE = 165
_SLOWEST, _FASTEST = 80, 450
_MIDDLE = 50
_RANGE_EXPONENT, _RANGE_LIFT = 1.5, 0.15
_CLIP_SAMPLES = 4096


class Espeak:
    """An eSpeak NG voice, such as `en-us`, `en-us+f3` (female) or `de`.

    A sentence takes a few milliseconds, so it is fetched whole; this keeps requests and answers
    in step also when a reply is broken off.
    """

    def __init__(self, voice: str = DEFAULT_VOICE) -> None:
        """Starts the process.

        Raises:
            EngineUnavailable: eSpeak NG is not installed, or has no such voice.
        """
        self._voice = voice
        self._process = EspeakProcess(voice)
        self.sample_rate = self._process.sample_rate

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        """Speaks `text`, however long, sentence by sentence.

        Raises:
            EngineFailed: The process died or does not answer; the next call starts a new one.
        """
        for sentence in split_sentences([text], first_clause_words=0):
            words = speakable(sentence, language=self._voice)
            if cancel.is_set():
                return
            if not words:
                continue
            samples = trim_silence(to_float32(self._speak(words, style)), self.sample_rate)
            silences = find_silences(samples, self.sample_rate, style.pause)
            samples = apply_gain(SilenceEditor(silences).edit(samples), style.energy)
            for start in range(0, len(samples), _CLIP_SAMPLES):
                if cancel.is_set():
                    return
                yield AudioClip(samples[start : start + _CLIP_SAMPLES], self.sample_rate)
            if cancel.is_set():
                return
            yield closing_pause(words, style.pause, self.sample_rate)

    def close(self) -> None:
        """Ends the process and waits for it."""
        self._process.close()

    def _speak(
        self, words: str, style: SpeakingStyle
    ) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        rate = round(_WORDS_A_MINUTE * style.rate)
        # eSpeak lifts the pitch from a floor by its range, in Hz: a wider range raises the mean,
        # and a higher pitch narrows the range in semitones. Measured on the voice en-us.
        widening = style.pitch_range**_RANGE_EXPONENT
        pitch = style.pitch - 12.0 * math.log2(1.0 + _RANGE_LIFT * (widening - 1.0))
        pitch_range = _MIDDLE * widening * 2.0 ** (style.pitch / 12.0)
        request: dict[str, object] = {
            "text": words,
            "rate": min(_FASTEST, max(_SLOWEST, rate)),
            "pitch": min(100, max(0, round(_MIDDLE * (1.0 + pitch / 12.0)))),
            "range": min(100, max(0, round(pitch_range))),
        }
        return np.frombuffer(self._process.ask(request), np.int16)
