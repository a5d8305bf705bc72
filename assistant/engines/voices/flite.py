"""The flite voices: small, offline, streaming, steered by the style."""

import queue
import unicodedata
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assistant.audio.waveform import AudioClip, Waveform, to_float32
from assistant.engines.protocols import Cancel, SpeakingStyle
from assistant.engines.voices.flite_library import FliteVoice, Segment, TakeBlock
from assistant.errors import EngineFailed, SettingsError
from assistant.voice.prosody import (
    LEAD_S,
    TAIL_S,
    Silence,
    SilenceEditor,
    apply_gain,
    closing_pause,
)
from assistant.voice.psola import restyle_speech
from assistant.voice.sentences import split_sentences
from assistant.voice.speakable import speakable

_Pcm = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class _FliteDelivery:
    """What a flite voice does by itself."""

    pitch_hz: float
    pitch_deviation_hz: float
    stretch: float
    gain: float
    """Decibels that bring the voice to the level of the others."""
    exact_times: bool = True
    """Whether the phones end where the utterance says (not so for diphones)."""
    steers_pitch: bool = True
    """Whether the voice obeys the features of pitch; otherwise the finished sentence is bent."""


_SPEAKERS = {
    "slt": _FliteDelivery(172.0, 27.0, 1.0, -3.0),
    "rms": _FliteDelivery(98.0, 24.0, 1.0, 0.0, steers_pitch=False),
    "awb": _FliteDelivery(132.0, 25.0, 1.0, 0.0),
    "kal16": _FliteDelivery(95.0, 11.0, 1.1, 8.0, exact_times=False),
}
DEFAULT_SPEAKER = "slt"


class Flite:
    """A flite voice: `slt` (female), `rms`, `awb` (male) or `kal16` (male, diphones).

    Flite pushes audio from inside one call while a voice is pulled from, so each sentence runs on
    a thread of the engine's own; there is only one, because flite voices are not reentrant. Its
    queue holds one sentence at most, and sentences have a longest length.
    """

    sample_rate = 16_000

    def __init__(self, speaker: str = DEFAULT_SPEAKER) -> None:
        """Loads the voice.

        Raises:
            SettingsError: There is no such voice.
            EngineUnavailable: Its library is not installed.
        """
        if speaker not in _SPEAKERS:
            known = ", ".join(_SPEAKERS)
            raise SettingsError(f"flite has no voice {speaker!r}: use one of {known}")
        self._speaker = _SPEAKERS[speaker]
        self._voice = FliteVoice(speaker)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="flite")

    def synthesize(self, text: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        """Speaks `text`, however long, sentence by sentence; the first clip comes within 20 ms.

        Raises:
            EngineFailed: The library broke; the next call starts afresh.
        """
        for sentence in split_sentences([text], first_clause_words=0):
            words = _ascii(speakable(sentence))
            if cancel.is_set():
                return
            if words:
                yield from self._styled(words, style, cancel)
                if cancel.is_set():
                    return
                yield closing_pause(words, style.pause, self.sample_rate)

    def close(self) -> None:
        """Ends the engine's thread."""
        self._thread.shutdown(wait=True)

    def _styled(self, words: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[AudioClip]:
        pieces = self._sentence(words, style, cancel)
        if not self._speaker.steers_pitch and (style.pitch or style.pitch_range != 1.0):
            whole = np.concatenate([np.zeros(0, np.float32), *pieces])
            pieces = iter(
                [
                    restyle_speech(
                        whole, self.sample_rate, pitch=style.pitch, pitch_range=style.pitch_range
                    )
                ]
            )
        gain = style.energy + self._speaker.gain
        for samples in pieces:
            if cancel.is_set():
                return
            if len(samples):
                yield AudioClip(apply_gain(samples, gain), self.sample_rate)

    def _sentence(self, words: str, style: SpeakingStyle, cancel: Cancel) -> Iterator[Waveform]:
        abandoned = Cancel()
        blocks: queue.SimpleQueue[_Pcm | None] = queue.SimpleQueue()
        editor = SilenceEditor([])

        def take(block: _Pcm, segments: list[Segment]) -> bool:
            nonlocal editor
            if segments:
                editor = SilenceEditor(self._silences(segments, style.pause))
            blocks.put(editor.edit(block))
            return not (cancel.is_set() or abandoned.is_set())

        done = self._thread.submit(self._speak, words, style, take)
        done.add_done_callback(lambda _: blocks.put(None))
        try:
            while (samples := _drain(blocks)) is not None:
                yield to_float32(samples)
            _raise_failure(done)
        finally:
            abandoned.set()

    def _speak(self, words: str, style: SpeakingStyle, take: TakeBlock) -> None:
        speaker, shift = self._speaker, 2.0 ** (style.pitch / 12.0)
        self._voice.set_manner(
            stretch=speaker.stretch / style.rate,
            pitch_hz=speaker.pitch_hz * shift,
            pitch_deviation_hz=speaker.pitch_deviation_hz * shift * style.pitch_range,
        )
        self._voice.speak(words, take)

    def _silences(self, segments: list[Segment], pause: float) -> list[Silence]:
        """Returns the pauses of an utterance and how long each is to be."""
        silences: list[Silence] = []
        start = 0
        for index, segment in enumerate(segments):
            end = round(segment.end_s * self.sample_rate)
            is_first, is_last = index == 0, index == len(segments) - 1
            if segment.phone == "pau" and (is_first or self._speaker.exact_times):
                length = round((end - start) * pause)
                if is_first or is_last:
                    edge_s = LEAD_S if is_first else TAIL_S
                    length = min(end - start, round(edge_s * self.sample_rate))
                silences.append(Silence(start, end, length))
            start = end
        return silences


def _drain(blocks: "queue.SimpleQueue[_Pcm | None]") -> _Pcm | None:
    """Waits for a block and takes all that are there with it; None after the last."""
    taken = [blocks.get()]
    while taken[-1] is not None and not blocks.empty():
        taken.append(blocks.get())
    samples = [block for block in taken if block is not None]
    if taken[-1] is None:
        blocks.put(None)
    return np.concatenate(samples) if samples else None


def _raise_failure(done: "Future[None]") -> None:
    error = done.exception()
    if error is not None:
        raise EngineFailed(f"the flite voice broke while speaking: {error}") from error


def _ascii(text: str) -> str:
    """Returns `text` in the characters that flite reads, accents off."""
    decomposed = unicodedata.normalize("NFKD", text)
    kept = "".join(c for c in decomposed if c.isascii())
    return kept if any(c.isalnum() for c in kept) else ""
