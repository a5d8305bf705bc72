"""The first thing done with every microphone frame: remove the echo, then look for speech."""

from dataclasses import dataclass

from assistant.audio import Waveform
from assistant.engines.protocols import EchoCanceller, VoiceActivityDetector

ECHO_PROBABILITY = 0.1
"""Speech probability given at most to what may be the assistant's own voice."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One frame as the conversation goes on with it."""

    samples: Waveform
    """Without echo."""
    probability: float
    """That it holds speech, in [0, 1]."""


class Ear:
    """Echo canceller and voice activity detector of one conversation; runs on a worker."""

    def __init__(
        self, detector: VoiceActivityDetector, canceller: EchoCanceller | None = None
    ) -> None:
        """Takes a fresh detector; without a canceller frames stay as they are."""
        self.frame_samples = detector.frame_samples
        self._detector = detector
        self._canceller = canceller

    @property
    def removes_echo(self) -> bool:
        """Whether the assistant's own voice is in the room and has to be taken out."""
        return self._canceller is not None

    def listen(self, frame: Waveform, played: Waveform) -> Heard:
        """Returns what is heard in `frame` beside what was `played`; both 16 kHz."""
        if self._canceller is None:
            return Heard(frame, self._detector.probability(frame))
        frame = self._canceller.cancel(frame, played)
        probability = self._detector.probability(frame)
        if self._canceller.may_be_echo:
            probability = min(probability, ECHO_PROBABILITY)
        return Heard(frame, probability)
