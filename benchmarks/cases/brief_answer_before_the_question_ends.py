"""A brief answer that begins in the last half second of a question is heard as the answer to it."""

import numpy as np

from benchmarks.cases.case import Case
from benchmarks.cases.speech import at_level, say, silence, trimmed
from benchmarks.cases.talks import Held, Talks

NEEDS = ("flite",)
ASKED = "Hello, how are you today?"
"""Answered with a question."""
TOLD = "Thank you for listening."
"""Answered with a statement."""
WORDS = "No, Yes, Stop, Hi, Why, Me, Ten, Good, Help, Wait".split(", ")
VOICES = ("rms", "slt", "awb")


def run(case: Case) -> None:
    """Says words around the end of an answer."""
    talks = Talks()
    over_s = _over_s(talks, ASKED)
    for offset_s, least in ((-0.5, 27), (-0.3, 28), (0.0, 29)):
        lost = [
            f"{voice} {word}"
            for voice in VOICES
            for word in WORDS
            if len(_said(talks, ASKED, word, voice, over_s + offset_s).turns_s) < 2
        ]
        case.expect(
            30 - len(lost) >= least,
            f"{offset_s:+.2f} s from the end of a question: {30 - len(lost)} of 30 answered; "
            f"lost: {lost}",
        )
    held = _said(talks, ASKED, "Yes", "rms", over_s - 0.3)
    case.expect(not held.cut, f"the question is heard to its end: {held.cut}")
    over_s = _over_s(talks, TOLD)
    heard = [
        f"{voice} {word}"
        for voice in VOICES
        for word in ("uh huh", "okay", "mm hmm")
        if len(_said(talks, TOLD, word, voice, over_s - 0.45).turns_s) > 1
    ]
    case.expect(len(heard) <= 2, f"“uh-huh” while a statement ends is no turn; but: {heard}")


def _over_s(talks: Talks, text: str) -> float:
    return talks.hold(np.concatenate([say(text), silence(12)])).answers_over_s[0]


def _said(talks: Talks, text: str, word: str, voice: str, begins_s: float) -> Held:
    """Says `text`, and `word` from `begins_s` on."""
    before = say(text)
    said = at_level(trimmed(say(f"{word}.", voice)), -22.0)
    gap = silence(begins_s - len(before) / 16_000)
    return talks.hold(np.concatenate([before, gap, said, silence(5)]))
