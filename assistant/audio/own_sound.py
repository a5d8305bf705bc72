"""Whether what an echo canceller left of a stretch of sound is echo all the same.

A sound server drops or inserts some milliseconds now and then. The canceller finds the new delay
within half a second; what passed it until then sounds like somebody who says a word or two of the
answer. Here the question is put afterwards, of the whole stretch: how much more could have been
taken out by the best short filter of what was played, however late it came. Of a person nothing,
loud or soft beside the echo; of an echo that is out of step a thousandth is left where a cable or
a sound server leads it back. A room with much reverberation leaves too much for a short filter:
there nothing is decided.

Source: least squares (Wiener) estimation of a finite impulse response.
"""

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from assistant.audio.echo_finder import PLAYED_SAMPLES, likely_lag
from assistant.audio.waveform import Waveform

OWN_DB = 6.0
"""From so much more on it was echo. 35 stretches of echoes that had jumped by 4 to 25 ms on a sound
server came to 10.7 dB and more, most to 40; 40 people at -38 to -24 dB, over echo of like level, to
3.6 at most: a filter fits a little of anything."""
PART_SAMPLES = 1_024
"""The delay may change within a stretch: so long parts of it are looked at, each by itself."""
SEARCHED_SAMPLES = 4_096
"""What was heard up to the end of a part, in which its delay is looked for."""
TAPS, BEFORE_TAPS = 192, 48
"""Length of the filter, 12 ms; so much of it stands before the delay that was found."""
RIDGE = 1e-3
"""Of the mean power of what was played: keeps the fit from following noise."""


def missed_db(left: Waveform, heard: Waveform, played: Waveform) -> float:
    """Returns by how much more a filter of what was played would have lowered a stretch of sound.

    Args:
        left: (N,) the stretch at 16 kHz, as the canceller left it.
        heard: (M,) as the microphone gave it, its last N samples the same stretch; what lies before
            helps to find its delay.
        played: (P,) its last sample was played as the last one of `heard` was heard.
    """
    samples = min(len(left), len(heard))
    energy = float(np.dot(left, left))
    if not samples or not energy:
        return 0.0
    silence = np.zeros(max(0, PLAYED_SAMPLES + len(heard) - len(played)), dtype=np.float32)
    played = np.concatenate([silence, played])
    ends = np.linspace(0, samples, max(1, round(samples / PART_SAMPLES)) + 1).astype(int)
    parts = [(samples - int(start), samples - int(end)) for start, end in itertools.pairwise(ends)]
    # Each part by the delay of any of them: where the echo has jumped, what was heard before hides
    # the new delay for a while.
    delays = {
        likely_lag(_until(heard, after)[-SEARCHED_SAMPLES:], _until(played, after))
        for _, after in parts
    }
    least = 0.0
    for before, after in parts:
        part, past = _until(heard, after)[after - before :], _until(played, after)
        least += min(_left(part, past, delay) for delay in delays)
    return 10.0 * math.log10(energy / max(least, 1e-6 * energy))


def _until(wave: Waveform, before_end: int) -> Waveform:
    return wave[: len(wave) - before_end]


def _left(heard: Waveform, played: Waveform, delay: int) -> float:
    """Returns the energy of `heard` that the best filter around `delay` does not explain."""
    late = max(0, delay - BEFORE_TAPS)
    end = len(played) - late
    reference = np.zeros(len(heard) + TAPS - 1, dtype=np.float32)
    found = played[max(0, end - len(reference)) : end]
    reference[len(reference) - len(found) :] = found
    shifted: NDArray[np.float64] = np.lib.stride_tricks.sliding_window_view(
        reference.astype(np.float64), TAPS
    )[:, ::-1]
    products = shifted.T @ shifted
    products[np.diag_indices(TAPS)] += RIDGE * float(np.trace(products)) / TAPS + 1e-12
    target = heard.astype(np.float64)
    response = np.linalg.solve(products, shifted.T @ target)
    rest = target - shifted @ response
    return float(np.dot(rest, rest))
