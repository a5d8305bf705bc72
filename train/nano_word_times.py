"""When each word of a synthetic sentence is spoken, from the times of its phones."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher

from train.synthesis import PHONES, phones_of

SILENCE = PHONES[0]


def pronunciations(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Returns the phones of each word by flite's lexicon and letter-to-sound rules.

    Raises:
        OSError: flite is not installed or fails.
    """
    each = sorted(set(words))
    return dict(zip(each, phones_of(each), strict=True))


def word_spans(
    words: Sequence[str],
    phones: Sequence[str],
    ends_s: Sequence[float],
    lexicon: Mapping[str, tuple[str, ...]],
) -> list[tuple[float, float]]:
    """Returns start and end in seconds of each of `words`; empty where they do not fit.

    The phones that were spoken are matched with those of the lexicon; the boundaries between
    words lie where the match puts them, so that a reduced vowel or two does no harm.
    """
    spoken = [(phone, index) for index, phone in enumerate(phones) if phone != SILENCE]
    expected = [phone for word in words for phone in lexicon.get(word, ())]
    if not spoken or not expected or any(not lexicon.get(word) for word in words):
        return []
    matcher = SequenceMatcher(None, expected, [phone for phone, _ in spoken], autojunk=False)
    if matcher.ratio() < 0.6:
        return []
    place = _places(matcher, len(expected), len(spoken))
    spans: list[tuple[float, float]] = []
    done = 0
    for word in words:
        first, done = done, done + len(lexicon[word])
        begin = spoken[place[first]][1]
        end = spoken[max(place[done] - 1, place[first])][1]
        spans.append((ends_s[begin - 1] if begin else 0.0, ends_s[end]))
    return spans


def _places(matcher: "SequenceMatcher[str]", expected: int, spoken: int) -> list[int]:
    """Returns for each expected phone, and the end, the spoken phone that it stands at."""
    place = [0] * (expected + 1)
    for _, from_a, to_a, from_b, to_b in matcher.get_opcodes():
        for number in range(from_a, to_a):
            share = (number - from_a) / max(to_a - from_a, 1)
            place[number] = min(spoken - 1, from_b + int(share * (to_b - from_b)))
    place[expected] = spoken
    return place
