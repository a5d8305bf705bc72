"""Words that nobody said: Whisper invents some in silence and noise, and runs in circles."""

import zlib
from collections.abc import Sequence

LOOP_REPEATS, LOOP_TOKENS = 4, 12
"""A phrase that comes so often in a row, over so many tokens, is a decoder running in a circle."""
LEAST_REPEATED = 5
"""Tokens from which on a second time is one, where the decoder found no end by itself."""
STATES_A_SECOND = 50
"""Of Whisper's encoder."""
TOKENS_A_SECOND, FIRST_TOKENS = 7, 8
"""Nobody says more: fast readers say 5 tokens a second, and an input may begin within a word."""
BRISK_TOKENS_A_SECOND, BRISK_FIRST_TOKENS = 5, 4
"""More is said by few, and by nobody who also says all of it twice: a fast reader says 5 tokens a
second, and what tiny.en wrote twice of one question of flite came to 9."""
SAME = 0.8
"""Share of its tokens and of its length by which a second round is the first one again, if not to
the letter."""
NO_SPEECH, UNSURE = 0.6, -1.0
"""Whisper's own thresholds (arXiv 2212.04356, section 4.5): above the one for the probability that
nobody speaks, and below the other for the mean log-probability of the tokens."""
COMPRESSION = 2.4
"""Likewise: text that becomes so many times shorter repeats itself."""


def loop_length(ids: Sequence[int]) -> int:
    """Returns how many tokens at the end repeat what stands before them; 0 for no loop."""
    for period in range(1, len(ids) // LOOP_REPEATS + 1):
        repeats = max(LOOP_REPEATS, -(-LOOP_TOKENS // period))
        tail = list(ids[-period * repeats :])
        if len(ids) >= period * repeats and tail == tail[:period] * repeats:
            return period * (repeats - 1)
    return 0


def second_time(ids: Sequence[int]) -> int:
    """Returns how many tokens at the end say again what stands right before them; 0 for none.

    For a decoder that had to be stopped: it may be in the middle of its second round, and the whole
    of what it says again is left out. People who say a thing twice come to an end.
    """
    for start in range(len(ids) - LEAST_REPEATED, 0, -1):
        tail = ids[start:]
        for period in range(1, start + 1):
            first = ids[start - period : start]
            if all(token == first[place % period] for place, token in enumerate(tail)):
                longest = start
                while longest > period and ids[longest - 1] == ids[longest - 1 - period]:
                    longest -= 1
                return len(ids) - longest
    return 0


def begins_again(ids: Sequence[int], seconds: float) -> int:
    """Returns how many tokens at the end say the whole over again, as it began; 0 for none.

    Nobody says "Hello, how are you today? Hello, hello, how are you today?" in two seconds.

    Args:
        ids: Of a decoder, whether it came to an end or not.
        seconds: That were heard.
    """
    if len(ids) <= BRISK_FIRST_TOKENS + BRISK_TOKENS_A_SECOND * seconds:
        return 0
    for start in range(LEAST_REPEATED, len(ids) - LEAST_REPEATED + 1):
        first, rest = set(ids[:start]), ids[start:]
        is_as_long = len(rest) >= SAME * start
        if (
            is_as_long
            and ids[start] == ids[0]
            and sum(t in first for t in rest) >= SAME * len(rest)
        ):
            return len(rest)
    return 0


def longest_words(seconds: float) -> int:
    """Returns how many tokens somebody can have said in `seconds`."""
    return FIRST_TOKENS + round(TOKENS_A_SECOND * seconds)


def compression(text: str) -> float:
    """Returns how many times shorter `text` becomes by compression."""
    plain = text.encode()
    return len(plain) / len(zlib.compress(plain)) if plain else 0.0


def is_invented(text: str, log_probabilities: Sequence[float], no_speech: float) -> bool:
    """Whether nobody said what a decoder wrote.

    Args:
        text: What it wrote.
        log_probabilities: Of each token, not empty where there are words.
        no_speech: Probability that nobody speaks, by the decoder.
    """
    if not text:
        return False
    mean = sum(log_probabilities) / max(1, len(log_probabilities))
    return (no_speech > NO_SPEECH and mean < UNSURE) or compression(text) > COMPRESSION
