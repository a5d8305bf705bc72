"""Kokoro-82M (StyleTTS 2 in ONNX, 8 bits): the most natural voices that need no GPU, 24 kHz."""

import os
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import numpy as np

from assistant.audio.waveform import AudioClip, Waveform
from assistant.engines.onnx import open_session, spoken_by
from assistant.engines.parts import KOKORO, KOKORO_VOICE, STYLES, kokoro_voices
from assistant.engines.protocols import Cancel, SpeakingStyle
from assistant.engines.voices.ipa import Phonemes
from assistant.engines.voices.sentence_voice import speak_sentences
from assistant.errors import EngineUnavailable, SettingsError
from models.pretrained.catalogue import PartError, find_part
from models.pretrained.store import Store

NETWORK = "kokoro-v1.0.int8.onnx"
RATE_HZ = 24_000
LANGUAGES = {"a": "en-us", "b": "en"}
"""By the first letter of a voice's name: how its speaker pronounces English."""
MOST_THREADS = 4
"""With two of a Xeon it speaks in 0.39 of the time that the speech lasts, with one in 0.68."""
LONGEST = 510
"""Phonemes that the network takes at once; a voice has a style for each length up to it."""
SYMBOLS = {
    **dict(zip(";:,.!?", range(1, 7), strict=True)),
    " ": 16,
    **{"A": 24, "I": 25, "O": 31, "Q": 33, "T": 36, "W": 39, "Y": 41, "ᵊ": 42},
    **dict(zip("abcdef", range(43, 49), strict=True)),
    **dict(zip("hijklmnopqrstuvwxyz", range(50, 69), strict=True)),
    **{"ɑ": 69, "ɐ": 70, "ɒ": 71, "æ": 72, "ɔ": 76, "ð": 81, "ʤ": 82, "ə": 83, "ɛ": 86, "ɜ": 87},
    **{"ɡ": 92, "ɪ": 102, "ŋ": 112, "θ": 119, "ɹ": 123, "ɾ": 125, "ʃ": 131, "ʧ": 133, "ʊ": 135},
    **{"ʌ": 138, "ʒ": 147, "ʔ": 148, "ˈ": 156, "ˌ": 157, "ː": 158, "ᵻ": 177},
}
"""The inputs of the network by its own alphabet, that of misaki (Apache-2.0; the numbers are those
of Kokoro's `config.json`), as far as English and what comes of `speakable` need it."""
SPELLINGS = {
    "en-us": (
        *(("aɪ", "I"), ("aʊ", "W"), ("eɪ", "A"), ("oʊ", "O"), ("ɔɪ", "Y"), ("dʒ", "ʤ")),
        *(("tʃ", "ʧ"), ("ɜː", "ɜɹ"), ("ɚ", "əɹ"), ("o", "ɔ"), ("ɐ", "ə"), ("ɾ", "T")),
        *(("ʔ", "t"), ("r", "ɹ"), ("x", "k"), ("ɬ", "l"), ("ɪə", "iə"), ("ɹɹ", "ɹ"), ("ː", "")),
    ),
    "en": (
        *(("aɪ", "I"), ("aʊ", "W"), ("eɪ", "A"), ("əʊ", "Q"), ("ɔɪ", "Y"), ("dʒ", "ʤ")),
        *(("tʃ", "ʧ"), ("eə", "ɛː"), ("o", "ɔ"), ("ɐ", "ə"), ("ʔ", "t"), ("r", "ɹ")),
        *(("x", "k"), ("ɬ", "l"), ("iə", "ɪə")),
    ),
}
"""eSpeak NG's phonemes and what they are in the network's alphabet, as misaki has it for words that
it does not know; applied in this order."""
_SYLLABIC = re.compile(r"(\S)\u0329")


class Kokoro:
    """A voice of Kokoro: af_heart, af_bella, am_michael, am_fenrir, bf_emma or bm_george.

    The first letter says how it pronounces English (American, British), the second whether it is
    female or male. Rate is an input of the network; pitch, range, level and pauses are bent on its
    output.
    """

    sample_rate = RATE_HZ

    def __init__(self, voice: str = KOKORO_VOICE) -> None:
        """Loads the voice.

        Raises:
            SettingsError: There is no such voice.
            EngineUnavailable: Kokoro was not fetched, or what it needs is missing; names the
                remedy.
        """
        try:
            part = find_part(KOKORO)
            if voice not in kokoro_voices(part):
                known = ", ".join(kokoro_voices(part))
                raise SettingsError(f"Kokoro has no voice {voice!r}: use one of {known}")
            folder = Store().open(part)
        except PartError as error:
            raise EngineUnavailable(f"the Kokoro voice {voice}: {error}") from error
        self._styles = np.fromfile(folder / f"{voice}{STYLES}", np.float32).reshape(LONGEST, 1, -1)
        self._session = open_session(
            folder / NETWORK,
            engine="Kokoro",
            remedy=f"`python app.py models get {KOKORO}`",
            threads=min(MOST_THREADS, os.cpu_count() or 1),
        )
        self._phonemes = Phonemes(LANGUAGES[voice[0]])

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        """Speaks `text`, however long, sentence by sentence.

        Raises:
            EngineFailed: The network or the phonemes' process broke; the next call may work.
        """
        return speak_sentences(
            text,
            style,
            cancel,
            language=self._phonemes.language,
            rate_hz=RATE_HZ,
            say=lambda words: self._speak(self.symbols(words), style.rate),
        )

    def close(self) -> None:
        """Ends the process that knows the phonemes."""
        self._phonemes.close()

    def symbols(self, words: str) -> list[int]:
        """Returns the inputs of the network for `words`, however many."""
        spelled = ""
        for phonemes, mark in self._phonemes.clauses(words):
            spelled += f"{phonemes}{mark} "
        spelled = _SYLLABIC.sub(r"ᵊ\1", unicodedata.normalize("NFC", spelled.strip()))
        for old, new in SPELLINGS[self._phonemes.language]:
            spelled = spelled.replace(old, new)
        return [SYMBOLS[symbol] for symbol in spelled if symbol in SYMBOLS]

    def _speak(self, symbols: list[int], rate: float) -> Waveform:
        """Returns what `symbols` sound like; what the network cannot take at once in parts."""
        spoken = [np.zeros(0, np.float32)]
        while symbols:
            end = len(symbols)
            if end > LONGEST:
                spaces = [at for at in range(LONGEST) if symbols[at] == SYMBOLS[" "]]
                end = max(spaces, default=LONGEST) or LONGEST
            spoken.append(self._run(symbols[:end], rate))
            symbols = symbols[end:]
        return np.concatenate(spoken)

    def _run(self, symbols: list[int], rate: float) -> Waveform:
        inputs: dict[str, Any] = {
            "tokens": np.array([[0, *symbols, 0]], dtype=np.int64),
            "style": self._styles[len(symbols) - 1],
            "speed": np.array([rate], dtype=np.float32),
        }
        return spoken_by(self._session, inputs, engine="Kokoro")
