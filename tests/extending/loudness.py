"""A voice activity detector: whatever is loud is speech."""

import numpy as np

from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform


class Loudness:
    """Judges frames of 20 ms, shorter than the ones that Attune's own detector takes."""

    sample_rate = SPEECH_RATE_HZ
    frame_samples = 320

    def probability(self, frame: Waveform) -> float:
        """Returns 1 for a loud frame, 0 for a quiet one."""
        assert frame.shape == (self.frame_samples,)
        return float(np.sqrt(np.mean(frame**2)) > 0.02)

    def reset(self) -> None:
        """It remembers nothing."""
