"""Whether a person who has paused is done: by the sound, and by the words where they are sure.

The sound is known at once, but what was learnt from some voices is not true of all: synthetic ones
end their sentences otherwise than people. The words come a moment later and may be wrong. Together
they are better than either (`benchmarks.endpointing`).
"""

import math

from assistant.engines.protocols import Transcript

SURE = 0.75
"""Share of right words from which they have a say beside the sound."""
SOUND_WEIGHT, WORDS_WEIGHT = 0.5, 1.0
"""Of the log-odds, added up (a logarithmic opinion pool)."""
LEAST_SOUND_LOG_ODDS = -1.0
"""The sound of a strange voice may seem never to end: it does not overrule sure words."""
SMALLEST = 1e-6
"""Probabilities are kept so far from 0 and 1: one that was quite sure would outweigh all else."""


def together(by_sound: float | None, by_words: float | None, words: Transcript) -> float | None:
    """Returns the probability in [0, 1] that the turn is whole; None where nothing is known.

    Args:
        by_sound: The same by the sound alone, None where it was not judged.
        by_words: The same by the `words`, likewise.
        words: What was written down; a confidence that is not known is taken for sure.
    """
    if by_sound is None or by_words is None:
        return by_words if by_sound is None else by_sound
    if words.confidence is not None and words.confidence < SURE:
        return by_sound
    sound = max(_log_odds(by_sound), LEAST_SOUND_LOG_ODDS)
    log_odds = SOUND_WEIGHT * sound + WORDS_WEIGHT * _log_odds(by_words)
    return 0.5 + 0.5 * math.tanh(0.5 * log_odds)


def _log_odds(probability: float) -> float:
    probability = min(1.0 - SMALLEST, max(SMALLEST, probability))
    return math.log(probability / (1.0 - probability))
