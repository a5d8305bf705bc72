"""Who pauses for seconds within a sentence is waited for, from the third piece on at the latest."""

import numpy as np

from assistant.audio.waveform import Waveform
from benchmarks.cases.case import Case
from benchmarks.cases.speech import say, silence, trimmed
from benchmarks.cases.talks import TalkHolder

NEEDS = ("flite",)
PIECES = (
    "I wanted to tell you, that my boss, gave me a new job, and that I am, very happy about it."
).split(", ")
STRAIGHT = (
    "Hello, how are you today?",
    "I failed my driving test.",
    "Thank you for listening.",
    "What do you think about music?",
)


def run(case: Case) -> None:
    """Says a sentence in five pieces, as the first and as the fifth turn; then straight ones."""
    talks = TalkHolder()
    for voice in ("rms", "slt"):
        for before in ((), STRAIGHT):
            for pause_s in (1.2, 1.8, 2.5, 3.5):
                _thinking(case, talks, voice, before, pause_s)
    _quickly(case, talks)


def _thinking(
    case: Case, talks: TalkHolder, voice: str, before: tuple[str, ...], pause_s: float
) -> None:
    lead = [part for text in before for part in (say(text), silence(9))]
    pieces = [trimmed(say(text, voice), 0.01) for text in PIECES]
    spoken = [part for piece in pieces for part in (piece, silence(pause_s))]
    held = talks.hold(np.concatenate([*lead, *spoken, silence(8)]))
    third_s, over_s = _end_s(lead + spoken[:5]), _end_s(lead + spoken[:-1])
    name = f"{voice}, turn {len(before) + 1}, pauses of {pause_s} s"
    early = [begun_s for begun_s in held.answers_begun_s if third_s <= begun_s < over_s]
    case.expect(not early, f"{name}: no answer from the third piece ({third_s:.1f} s) on: {early}")
    middles_s = [
        _end_s(lead + spoken[: 2 * n]) + _end_s([piece]) / 2 for n, piece in enumerate(pieces)
    ]
    kept = [
        any(start_s < middle_s < end_s for start_s, end_s in held.turns_s) for middle_s in middles_s
    ]
    case.expect(all(kept), f"{name}: all pieces are in turns: {held.words[len(before) :]}")


def _quickly(case: Case, talks: TalkHolder) -> None:
    """Straight turns after it are answered quickly again."""
    pieces = [part for text in PIECES for part in (trimmed(say(text), 0.01), silence(2.5))]
    straight = [part for text in STRAIGHT for part in (say(text), silence(10))]
    held = talks.hold(np.concatenate([*pieces, silence(10), *straight, *straight]))
    ends_s = [_end_s([*pieces, silence(10), *straight, *straight[: 2 * n + 1]]) for n in range(4)]
    waits_s = [
        min(begun_s - end_s for begun_s in held.answers_begun_s if begun_s > end_s - 0.5)
        for end_s in ends_s
    ]
    case.expect(max(waits_s) < 1.8, f"quick again after straight turns: {np.round(waits_s, 2)}")


def _end_s(parts: list[Waveform]) -> float:
    return sum(map(len, parts)) / 16_000
