"""Coqui's neural voices: XTTS with a reference clip for each emotion, and VITS for CPUs."""

from collections.abc import Iterator

import numpy as np

from assistant.audio.waveform import AudioClip, Waveform
from assistant.engines.protocols import Cancel, SpeakingStyle
from assistant.engines.voices.coqui_models import load_voice
from assistant.errors import EngineFailed
from assistant.voice.prosody import (
    SilenceEditor,
    apply_gain,
    closing_pause,
    find_silences,
    trim_silence,
)
from assistant.voice.psola import restyle_speech
from assistant.voice.sentences import split_sentences
from assistant.voice.speakable import speakable
from assistant.voice.voice_folder import find_voice_folder


class Coqui:
    """A neural voice from a voice folder.

    Where the voice has reference clips of the style's emotion, tone, pitch and the pauses within
    a sentence come from them, and the sentence streams. Where it has none, they are bent
    afterwards, which takes the whole sentence first. Rate, level and the pauses between sentences
    follow the style either way.
    """

    def __init__(self, voice: str = "") -> None:
        """Loads the voice.

        Args:
            voice: Its name among the person's voices, or the path of its folder.

        Raises:
            SettingsError: There is no such voice, or its `voice.toml` is wrong.
            EngineUnavailable: The library or the model is missing or broken.
        """
        folder = find_voice_folder(voice)
        self._language = folder.file.language
        self._voice = load_voice(folder)
        self.sample_rate = self._voice.sample_rate

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        """Speaks `text`, however long, sentence by sentence.

        Raises:
            EngineFailed: The model broke; the next call may work.
        """
        for sentence in split_sentences([text], first_clause_words=0):
            words = speakable(sentence, language=self._language)
            if cancel.is_set():
                return
            if not words:
                continue
            for samples in self._styled(words, style, cancel):
                if cancel.is_set():
                    return
                if len(samples):
                    yield AudioClip(apply_gain(samples, style.energy), self.sample_rate)
            if cancel.is_set():
                return
            yield closing_pause(words, style.pause, self.sample_rate)

    def close(self) -> None:
        """Nothing is kept open; the memory goes with the object."""

    def _styled(self, words: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[Waveform]:
        pieces = self._pieces(words, style, cancel)
        is_own_pitch = style.pitch == 0.0 and style.pitch_range == 1.0
        if self._voice.has_tone(style.emotion) or (is_own_pitch and style.pause == 1.0):
            yield from pieces
            return
        whole = trim_silence(np.concatenate([np.zeros(0, np.float32), *pieces]), self.sample_rate)
        whole = restyle_speech(
            whole, self.sample_rate, pitch=style.pitch, pitch_range=style.pitch_range
        )
        yield SilenceEditor(find_silences(whole, self.sample_rate, style.pause)).edit(whole)

    def _pieces(self, words: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[Waveform]:
        try:
            yield from self._voice.speak(words, style, cancel)
        except Exception as error:  # torch and the library raise anything
            reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            raise EngineFailed(f"the neural voice broke while speaking ({reason})") from error
