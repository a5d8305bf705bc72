"""What neural voices share that speak a sentence at once: its pieces, its pauses, its style."""

from collections.abc import Callable, Iterator

from assistant.audio.waveform import AudioClip, Waveform
from assistant.engines.protocols import Cancel, SpeakingStyle
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

_CLIP_SAMPLES = 4096


def speak_sentences(
    text: str,
    style: SpeakingStyle,
    cancel: Cancel,
    *,
    language: str,
    rate_hz: int,
    say: Callable[[str], Waveform],
) -> Iterator[AudioClip]:
    """Speaks `text`, however long, sentence by sentence.

    Args:
        text: As it is written.
        style: How it is spoken; rate and liveliness are for `say`.
        cancel: Ends it within a clip.
        language: Of the text, as eSpeak NG names it.
        rate_hz: Of the voice.
        say: Speaks words, one sentence, in the voice's own pitch and level.
    """
    for sentence in split_sentences([text], first_clause_words=0):
        words = speakable(sentence, language=language)
        if cancel.is_set():
            return
        if not words:
            continue
        samples = _styled(say(words), style, rate_hz)
        for start in range(0, len(samples), _CLIP_SAMPLES):
            if cancel.is_set():
                return
            yield AudioClip(samples[start : start + _CLIP_SAMPLES], rate_hz)
        if cancel.is_set():
            return
        yield closing_pause(words, style.pause, rate_hz)


def _styled(spoken: Waveform, style: SpeakingStyle, rate_hz: int) -> Waveform:
    spoken = trim_silence(spoken, rate_hz)
    spoken = restyle_speech(spoken, rate_hz, pitch=style.pitch, pitch_range=style.pitch_range)
    spoken = SilenceEditor(find_silences(spoken, rate_hz, style.pause)).edit(spoken)
    return apply_gain(spoken, style.energy)
