"""A brief answer that begins in the last half second of a question is heard as the answer to it."""

import numpy as np

from benchmarks.cases.case import Case
from benchmarks.cases.speech import at_level, say, silence, trimmed
from benchmarks.cases.talks import Held, TalkHolder

NEEDS = ("flite",)
SAYINGS = (
    "Hello, how are you today?",
    "Thank you for listening.",
    "What is the capital of France?",
    "Good night.",
    "I failed my driving test.",
    "My sister is ill.",
)
"""Some are answered with a question, some with a statement: the model decides which."""
WORDS = "No, Yes, Stop, Hi, Why, Me, Ten, Good, Help, Wait".split(", ")
VOICES = ("rms", "slt", "awb")


def run(case: Case) -> None:
    """Says words around the end of an answer."""
    talks = TalkHolder()
    asked, told = (
        _answered(case, talks, by_question=True),
        _answered(case, talks, by_question=False),
    )
    if asked is not None:
        _say_words(case, talks, *asked)
    if told is not None:
        text, over_s = told
        heard = [
            f"{voice} {word}"
            for voice in VOICES
            for word in ("uh huh", "okay", "mm hmm", "mm", "right")
            if len(_said(talks, text, word, voice, over_s - 0.45).turns_s) > 1
        ]
        case.expect(len(heard) <= 2, f"“uh-huh” while a statement ends is no turn; but: {heard}")


def _say_words(case: Case, talks: TalkHolder, text: str, over_s: float) -> None:
    for offset_s, least in ((-0.5, 27), (-0.3, 28), (0.0, 29)):
        lost = [
            f"{voice} {word}"
            for voice in VOICES
            for word in WORDS
            if len(_said(talks, text, word, voice, over_s + offset_s).turns_s) < 2
        ]
        case.expect(
            30 - len(lost) >= least,
            f"{offset_s:+.2f} s from the end of a question: {30 - len(lost)} of 30 answered; "
            f"lost: {lost}",
        )
    held = _said(talks, text, "Yes", "rms", over_s - 0.3)
    case.expect(not held.cut, f"the question is heard to its end: {held.cut}")


def _answered(case: Case, talks: TalkHolder, *, by_question: bool) -> tuple[str, float] | None:
    """Returns what is answered by a question, or a statement, and when that answer is over."""
    for text in SAYINGS:
        held = talks.hold(np.concatenate([say(text), silence(12)]))
        if held.answers and held.answers[0].rstrip().endswith("?") == by_question:
            case.note(f"{text!r} is answered by {held.answers[0]!r}")
            return text, held.answers_over_s[0]
    case.expect(
        False, f"one of the sayings is answered by a {'question' if by_question else 'statement'}"
    )
    return None


def _said(talks: TalkHolder, text: str, word: str, voice: str, begins_s: float) -> Held:
    """Says `text`, and `word` from `begins_s` on."""
    before = say(text)
    said = at_level(trimmed(say(f"{word}.", voice)), -22.0)
    gap = silence(begins_s - len(before) / 16_000)
    return talks.hold(np.concatenate([before, gap, said, silence(5)]))
