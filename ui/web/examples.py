"""The recordings that visitors without a microphone can have answered."""

import io
from functools import cache
from pathlib import Path

import numpy as np

from assistant.audio.waveform import Waveform

RECORDING = Path(__file__).parents[2] / "examples" / "conversation.flac"
EXAMPLES = ("A greeting", "Bad news", "Good news", "A thank-you")
"""One for each turn of the recording."""
QUIET = 0.02
"""Below this the bundled recording is between its turns; it is synthetic, and has no noise."""
GAP_S = 0.8
"""Longer than the pauses within its turns."""
EDGE_S = 0.2
"""Of that silence, what is kept on each side."""


@cache
def example_wav(index: int) -> bytes | None:
    """Returns one example as a WAV file; None where there is none."""
    turns = _turns()
    if not 0 <= index < min(len(turns), len(EXAMPLES)):
        return None
    import soundfile

    file = io.BytesIO()
    waveform, rate_hz = turns[index]
    soundfile.write(file, waveform, rate_hz, format="WAV", subtype="PCM_16")
    return file.getvalue()


@cache
def _turns() -> list[tuple[Waveform, int]]:
    """Cuts the recording where it is quiet for long."""
    if not RECORDING.exists():
        return []
    import soundfile

    samples, rate_hz = soundfile.read(RECORDING, dtype="float32")
    waveform = np.asarray(samples, dtype=np.float32)
    loud = np.flatnonzero(np.abs(waveform) > QUIET)
    breaks = np.flatnonzero(np.diff(loud) > GAP_S * rate_hz)
    starts = loud[np.concatenate([[0], breaks + 1])]
    ends = loud[np.concatenate([breaks, [len(loud) - 1]])]
    edge = round(EDGE_S * rate_hz)
    return [
        (waveform[max(0, start - edge) : end + edge], rate_hz)
        for start, end in zip(starts, ends, strict=True)
    ]
