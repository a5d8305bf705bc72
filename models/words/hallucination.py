"""Words that nobody said: Whisper invents some in silence and noise, and runs in circles."""

import zlib
from collections.abc import Sequence

from torch import Tensor

LOOP_REPEATS, LOOP_TOKENS = 4, 12
"""A phrase that comes so often in a row, over so many tokens, is a decoder running in a circle."""
LEAST_REPEATED = 5
"""Tokens from which on a second time is one, where the decoder found no end by itself."""
STATES_A_SECOND = 50
"""Of Whisper's encoder."""
TOKENS_A_SECOND, FIRST_TOKENS = 7, 8
"""Nobody says more: fast readers say 5 tokens a second, and an input may begin within a word."""
BACK_S, NEAR_S, SPREAD_S = 0.4, 0.3, 0.2
"""Words that are read this far back, each this near to one before, over at least this much of the
sound. Of 240 sentences by three synthetic voices, 40 said twice, and 70 passages of LibriSpeech
nine had a last part that was read again, and all nine were found, nothing else was."""
AGAIN = 0.7
"""Share of the words of such a part that must be near: one or two fall on a mark of the sound."""
MARK_S = 0.1
"""Before it lies the beginning, at which the decoder looks where it reads nothing."""
MARK_TOKENS = 2
"""A part that is read again may begin so many tokens before the one that is seen to go back."""
NO_SPEECH, UNSURE = 0.6, -1.0
"""Whisper's own thresholds (arXiv 2212.04356, section 4.5): above the one for the probability that
nobody speaks, and below the other for the mean log-probability of the tokens."""
BREATHED, UNSURE_BREATH = frozenset({"ah", "oh", "ooh", "uh", "huh", "ha", "hah"}), -0.5
"""What a breath close to a microphone reads like, and the mean log-probability below which it was
one: of ten synthesised breaths two reached the ears as a turn and were "Ah" at -1.0 and -0.9, and
two more, given to them past the detector, at -0.8 and -0.7."""
COMPRESSION = 2.4
"""Likewise: text that becomes so many times shorter repeats itself."""


def loop_length(ids: Sequence[int]) -> int:
    """Returns how many tokens at the end repeat what stands before them; 0 for no loop."""
    for period in range(1, len(ids) // LOOP_REPEATS + 1):
        repeats = max(LOOP_REPEATS, -(-LOOP_TOKENS // period))
        # Short periods need more rounds: people say one word four times in a row, not twelve times.
        tail = list(ids[-period * repeats :])
        if len(ids) >= period * repeats and tail == tail[:period] * repeats:
            return period * (repeats - 1)
    return 0


def second_time(ids: Sequence[int]) -> int:
    """Returns how many tokens at the end say again what stands right before them; 0 for none.

    For a decoder that had to be stopped: it may be in the middle of its second round, and the whole
    of what it says again is left out. People who say a thing twice come to an end.
    """
    # From the shortest repeated end to longer ones: the first that fits has the smallest period,
    # and is then widened to the left as far as it goes.
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


def read_again(places_s: Sequence[float], tokens: Sequence[str], seconds: float) -> int:
    """Returns how many tokens at the end were read from sound that was read before; 0 for none.

    A decoder that does not see the end reads all or some of it once more ("Hello, how are you?
    Hello, hello, how are you?"). Who says something twice is read in two places.

    Args:
        places_s: Where in the sound each token was read, in seconds (see `read_at`).
        tokens: Their texts; those without letters or digits are read anywhere.
        seconds: That were heard; beyond lies the silence that was put behind them.
    """
    words = [(at, _letters(text)) for at, text in enumerate(tokens) if _letters(text)]
    read: list[tuple[float, str]] = []
    for nth, (at, word) in enumerate(words):
        rest = [(places_s[other], text) for other, text in words[nth:]]
        if len(rest) > 1 and _is_read_again(rest, read, seconds):
            return len(tokens) - _start_of_sentence(tokens, at)
        if places_s[at] <= seconds:  # a place in the silence behind would make all else go back
            read.append((places_s[at], word))
    return 0


def _is_read_again(
    rest: Sequence[tuple[float, str]], read: Sequence[tuple[float, str]], seconds: float
) -> bool:
    """Whether a second reading begins with the first of `rest`, after what was `read`."""
    if not read:
        return False
    (place, word), furthest = rest[0], max(read)[0]
    said = {text for _, text in read}
    # Attention jumps back by a word now and then within one reading; a new reading begins far
    # before the furthest place so far.
    if furthest - place >= BACK_S:
        # The same word from the same place is a second reading even where little follows, or
        # where what follows falls on a mark of the sound ("Hello, how are you? Hello, hello").
        is_word_again = any(
            text == word and abs(other - place) <= NEAR_S for other, text in read
        ) and all(text in said for _, text in rest)
        if is_word_again or _are_old(rest, read, seconds):
            return True
    # Its first word may be read from a mark: the very beginning, or the silence behind the sound.
    # Then all that follows was said, and read, before.
    within = [place for place, _ in rest if MARK_S <= place <= seconds]
    return (
        not MARK_S <= place <= seconds
        and bool(within)
        and all(text in said for _, text in rest)
        and all(furthest - place >= BACK_S and _is_near(place, read) for place in within)
    )


def _is_near(place: float, read: Sequence[tuple[float, str]]) -> bool:
    return any(abs(place - other) <= NEAR_S for other, _ in read)


def _letters(token: str) -> str:
    return "".join(filter(str.isalnum, token)).lower()


def _are_old(
    words: Sequence[tuple[float, str]], read: Sequence[tuple[float, str]], seconds: float
) -> bool:
    places_s = [place for place, _ in words]
    if max(places_s) - min(places_s) < SPREAD_S:  # many words fall on one mark of the sound
        return False
    old = (place > seconds or _is_near(place, read) for place in places_s)
    return sum(old) >= AGAIN * len(places_s)


def _start_of_sentence(tokens: Sequence[str], at: int) -> int:
    """Returns where the sentence begins whose word at `at` was seen to be read again."""
    for start in range(at, max(0, at - MARK_TOKENS - 1), -1):
        if tokens[start - 1].rstrip().endswith((".", "?", "!")):
            return start
    return at


def read_at(attention: Tensor) -> list[float]:
    """Returns where in the sound each token was read, in seconds.

    As Whisper times words (its `timing.py`): each head's attention to a place is compared with what
    the other tokens gave it, since all of them look at a few marks such as the end.

    Args:
        attention: (heads, tokens, encoder states) of the heads that follow the sound.
    """
    mean = attention.mean(1, keepdim=True)
    spread = attention.std(1, keepdim=True, unbiased=False) + 1e-6
    places = ((attention - mean) / spread).mean(0).argmax(-1)
    return [int(place) / STATES_A_SECOND for place in places]


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
    if mean < UNSURE_BREATH and _letters(text) in BREATHED:
        return True
    # As Whisper decides it: sure words outweigh the guess that nobody speaks.
    return (no_speech > NO_SPEECH and mean < UNSURE) or compression(text) > COMPRESSION
