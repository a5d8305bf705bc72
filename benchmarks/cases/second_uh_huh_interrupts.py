"""An "uh-huh" costs no answer, however often and wherever it is said; who interrupts is heard."""

import numpy as np

from assistant.audio.waveform import Waveform
from benchmarks.cases.case import Case
from benchmarks.cases.speech import at_level, say, silence, trimmed
from benchmarks.cases.talks import Held, TalkHolder

NEEDS = ("flite",)
TOLD = "I failed my driving test."
ACKNOWLEDGEMENTS = (
    "mm hmm, mm, uh huh, right, okay, yeah, I see, go ahead, sure, really, oh, wow, yes"
).split(", ")
CLAIMS = (
    "stop, wait, why, hold on, no, be quiet, excuse me, what, wait a moment, "
    "can I ask you something, tell me about music"
).split(", ")
STOPS = "stop, wait, hold on, no, be quiet".split(", ")
"""Said to the answer, however soon: none is the rest of the question."""

LAST_S = 1.0
"""The longest of them is over so long after it began."""


def run(case: Case) -> None:
    """Says each once, twice and at the beginning of an answer."""
    talks = TalkHolder()
    told = say(TOLD)
    answer = talks.hold(np.concatenate([told, silence(12)]))
    begins_s, ends_s = answer.answers_begun_s[0], answer.answers_over_s[0]
    middle_s = (ends_s - begins_s) / 2
    # What is said when the answer is over is a turn like any other.
    latest_s = ends_s - begins_s - LAST_S
    case.expect(latest_s > 1.2, f"the answer lasts {ends_s - begins_s:.1f} s")
    for name, voice, at_s, most in (
        ("in the first 0.3 s", "slt", (0.3,), 0),
        ("in the middle", "slt", (middle_s,), 0),
        ("twice", "slt", (latest_s / 3, latest_s), 0),
        ("three times, by another voice", "awb", (0.2, latest_s / 2, latest_s), 1),
    ):
        lost = [
            (text, held.words[1:])
            for text in ACKNOWLEDGEMENTS
            if len((held := _over(talks, told, text, voice, begins_s, at_s)).turns_s) > 1
        ]
        case.expect(
            len(lost) <= most,
            f"{name}: answers lost in {len(lost)} of {len(ACKNOWLEDGEMENTS)}: {lost}",
        )
    for voice in ("rms", "slt", "awb"):
        joined = [
            text
            for text in STOPS
            if _over(talks, told, text, voice, begins_s, (0.5,)).turns_s[-1][0] < begins_s
        ]
        seen = f"soon taken for the rest of the question: {joined}"
        case.expect(len(joined) <= 1, f"{voice} stops by {len(STOPS)} texts; {seen}")
        missed = [
            text
            for text in CLAIMS
            if len(_over(talks, told, text, voice, begins_s, (middle_s,)).turns_s) < 2
        ]
        case.expect(len(missed) <= 1, f"{voice} interrupts by {len(CLAIMS)} texts; not by {missed}")


def _over(
    talks: TalkHolder,
    told: Waveform,
    text: str,
    voice: str,
    begins_s: float,
    at_s: tuple[float, ...],
) -> Held:
    """Says `text` at places of the answer that begins at `begins_s`."""
    word = at_level(trimmed(say(f"{text}.", voice)), -24.0)
    sound = np.concatenate([told, silence(14)])
    for place_s in at_s:
        start = round(16_000 * (begins_s + place_s))
        sound[start : start + len(word)] += word
    return talks.hold(sound)
