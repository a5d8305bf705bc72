"""What of a sound is speech: the one gate before the model for whatever others have cut.

Turns that the conversation cuts itself have passed its detector and endpointer already. What a
client commits, a page uploads or a person says while a key is held passes through here, with the
same thresholds: sound without speech becomes no words, and the silence around speech is cut off.
Sound so short that a turn's least length of speech may not fit is one word or none, and whole.
"""

from collections.abc import Iterator, Sequence
from copy import copy

import numpy as np

from assistant.audio.incoming import steadied
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform
from assistant.engines.protocols import VoiceActivityDetector
from assistant.turns.endpointing import Endpointer
from assistant.turns.endpointing_settings import EndpointingSettings
from assistant.turns.marks import Boundary

STEP_FRAMES = 31
"""About a second: other conversations' frames wait no longer than it takes."""
SHORT_S = 0.3
"""Sound below which one frame that would open a turn makes it speech: whoever cut it so short cut
it around a word, whose frames are too few for a turn. Of the first 100 ms of words in four voices
of flite four in five have such a frame, of 200 ms nearly all; of noise, clicks, hums and tones of
that length one in some thousands."""


class SpeechGate:
    """Listens to one sound; after `listen` its spoken part is known."""

    def __init__(self, detector: VoiceActivityDetector, settings: EndpointingSettings) -> None:
        """Takes a detector of any state, which keeps it; `settings` say what counts as speech."""
        self._detector = copy(detector)
        self._detector.reset()
        self._settings = settings
        self.part: Waveform | None = None
        """The spoken part of the sound, 16 kHz; None where no speech was found."""

    def listen(self, sound: Waveform) -> Iterator[None]:
        """Listens to 16 kHz `sound`, a second at each step."""
        sound = steadied(sound)
        size = self._detector.frame_samples
        probabilities: list[float] = []
        for start in range(0, len(sound), size):
            frame = sound[start : start + size]
            frame = np.pad(frame, (0, size - len(frame)))
            probabilities.append(self._detector.probability(frame))
            if len(probabilities) % STEP_FRAMES == 0:
                yield
        if len(sound) < SHORT_S * SPEECH_RATE_HZ:
            is_speech = max(probabilities, default=0.0) >= self._settings.start_threshold
            self.part = sound if is_speech else None
            return
        spans = spoken_spans(probabilities, frame_samples=size, settings=self._settings)
        self.part = joined(sound, spans)


def spoken_part(
    sound: Waveform, detector: VoiceActivityDetector, settings: EndpointingSettings | None = None
) -> Waveform | None:
    """Returns what of 16 kHz `sound` is speech, pauses that would end a turn cut out, or None."""
    gate = SpeechGate(detector, settings or EndpointingSettings())
    for _ in gate.listen(sound):
        pass
    return gate.part


def spoken_spans(
    probabilities: Sequence[float], *, frame_samples: int, settings: EndpointingSettings
) -> list[tuple[int, int]]:
    """Returns where speech begins and ends, in samples, by the probability of each frame."""
    endpointer = Endpointer(settings, frame_samples=frame_samples, sample_rate=SPEECH_RATE_HZ)
    marks = [mark for probability in probabilities for mark in endpointer.feed(probability)]
    marks += endpointer.finish()
    return [
        (mark.start_samples, mark.end_samples) for mark in marks if mark.boundary is Boundary.ENDED
    ]


def joined(sound: Waveform, spans: Sequence[tuple[int, int]]) -> Waveform | None:
    """Returns the `spans` of `sound` as one, or None where there are none."""
    if not spans:
        return None
    if len(spans) == 1 and spans[0][0] == 0 and spans[0][1] >= len(sound):
        return sound
    return np.concatenate([sound[start:end] for start, end in spans])
