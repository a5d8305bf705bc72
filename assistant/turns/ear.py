"""The first thing done with every microphone frame: remove the echo, then look for speech."""

from dataclasses import dataclass

import numpy as np

from assistant.audio.protocols import EchoCanceller, EchoState
from assistant.audio.waveform import Waveform
from assistant.engines.protocols import VoiceActivityDetector
from assistant.turns.endpointing_settings import EndpointingSettings
from assistant.turns.speech_gate import SpeechGate

ECHO_MARGIN_DB = -6.0
"""What is left of a frame counts as echo when it lies this far below the echo removed from it."""
SPEECH_MARGIN_DB = -13.0
"""The same once somebody speaks: soft sounds within speech are speech. A detector that is begun
anew is quick to take remains of echo for speech, too, so that neither may lie much lower."""
SPEECH = 0.5
"""Speech probability from which somebody speaks."""
QUIET, QUIET_POWER = 0.1, 1e-5
"""Speech probability and power (-50 dB) below which nothing at all is heard in a frame."""
STALE_FRAMES = 15
"""After so many of them the detector is begun anew: with long quiet in its memory Silero
notices a person up to half a second later. A noise that goes on stays there: it is used to it."""
MASK_LEVEL = 1e-3
"""Of the faint noise, -60 dB, that the detector is given instead of what may be echo."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One frame as the conversation goes on with it."""

    samples: Waveform
    """Without echo."""
    probability: float
    """That it holds speech, in [0, 1]."""
    is_withheld: bool = False
    """Whether the detector was not given it, although it may hold no echo at all."""


class Ear:
    """Echo canceller and voice activity detector of one conversation; runs on a worker."""

    def __init__(
        self, detector: VoiceActivityDetector, canceller: EchoCanceller | None = None
    ) -> None:
        """Takes a fresh detector; without a canceller frames stay as they are."""
        self.frame_samples = detector.frame_samples
        self._detector = detector
        self._canceller = canceller
        self._last = 0.0
        self._quiet_frames = 0
        noise = np.random.default_rng(0).standard_normal(detector.frame_samples)
        self._mask: Waveform = (MASK_LEVEL * noise).astype(np.float32)

    @property
    def echo(self) -> EchoState:
        """What is known of the assistant's own voice in the microphone."""
        return EchoState.UNKNOWN if self._canceller is None else self._canceller.state

    def gate(self, settings: EndpointingSettings) -> SpeechGate:
        """Returns what finds the speech in sound that did not come by frames."""
        return SpeechGate(self._detector, settings)

    def listen(self, frame: Waveform, played: Waveform) -> Heard:
        """Returns what is heard in `frame` beside what was `played`; both 16 kHz."""
        if self._canceller is None:
            return Heard(frame, self._detected(frame))
        frame = self._canceller.cancel(frame, played)
        limit_db = SPEECH_MARGIN_DB if self._last >= SPEECH else ECHO_MARGIN_DB
        is_echo = self._canceller.margin_db < limit_db
        self._last = self._detected(self._mask if is_echo else frame)
        is_withheld = is_echo and self._canceller.state is EchoState.UNKNOWN
        return Heard(frame, self._last, is_withheld)

    def _detected(self, frame: Waveform) -> float:
        probability = self._detector.probability(frame)
        is_quiet = probability < QUIET and float(np.mean(np.square(frame))) < QUIET_POWER
        self._quiet_frames = self._quiet_frames + 1 if is_quiet else 0
        if self._quiet_frames >= STALE_FRAMES:
            self._detector.reset()
            self._quiet_frames = 0
        return probability
