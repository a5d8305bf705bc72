"""A voice far weaker than the person neither prolongs their turn nor begins one of its own."""

import numpy as np

from assistant.audio.waveform import Waveform
from benchmarks.cases.case import Case
from benchmarks.cases.speech import at_level, say, silence
from benchmarks.cases.talks import TalkHolder

NEEDS = ("flite",)
QUESTION = "Hello, how are you today?"
LEVEL_DB = -22.0
NEWS = (
    "The weather will be cold and windy in the north. The minister said that the new law will help "
    "many people. In sports, the home team won by three goals. A new museum opened its doors. "
    "Traffic is heavy on the road to the airport. Scientists found a new planet. "
)
WAIT_S = 2.1
"""From the end of the question to the answer, at most."""


def run(case: Case) -> None:
    """Asks while the news is read, as loud, voices and places vary."""
    talks = TalkHolder()
    for voice, other, level_db, begins_s in (
        ("rms", "awb", -18.0, 1.0),
        ("slt", "rms", -24.0, 1.0),
        ("awb", "slt", -30.0, 4.0),
        ("rms", "kal16", -36.0, 1.0),
        ("slt", "awb", -42.0, 2.0),
        ("rms", "slt", None, 1.0),
    ):
        question = at_level(say(QUESTION, voice), LEVEL_DB)
        sound, end_s = _over_news(question, other, level_db, begins_s)
        held = talks.hold(np.concatenate([sound, silence(3)]))
        answers = [begun_s for begun_s in held.answers_begun_s if begun_s > begins_s]
        name = f"{voice} over {other}, {level_db} dB"
        case.expect(
            bool(answers) and answers[0] - end_s <= WAIT_S,
            f"{name}: the question ends at {end_s:.1f} s, answers begin at {answers}",
        )
        case.expect(len(answers) == 1, f"{name}: nothing else is answered; turns {held.turns_s}")
    _softly(case, talks)


def _over_news(
    question: Waveform, voice: str, level_db: float | None, begins_s: float
) -> tuple[Waveform, float]:
    """Returns 40 s with the question in it, and when it ends."""
    sound = silence(40)
    start = len(silence(begins_s))
    sound[start : start + len(question)] += question
    if level_db is not None:
        sound += at_level(say(4 * NEWS, voice), LEVEL_DB + level_db)[: len(sound)]
    loud = np.flatnonzero(np.abs(question) > 0.02 * np.abs(question).max())
    return sound, (start + int(loud[-1])) / 16_000


def _softly(case: Case, talks: TalkHolder) -> None:
    """A person alone may speak softly, or ever more so."""
    for name, levels_db in (
        ("a quiet microphone", (-45.0, -45.0)),
        ("a whisper after loud speech", (LEVEL_DB, LEVEL_DB - 20.0)),
        ("moving away", (LEVEL_DB, LEVEL_DB - 12.0)),
    ):
        parts = [at_level(say(QUESTION), level_db) for level_db in levels_db]
        held = talks.hold(np.concatenate([parts[0], silence(9), parts[1], silence(9)]))
        case.expect(len(held.turns_s) == 2, f"{name}: both questions are turns: {held.turns_s}")
    question = say("I failed my driving test and I am sad about it.", "slt")
    fade = np.geomspace(1.0, 10 ** (-12 / 20), len(question)).astype(np.float32)
    held = talks.hold(np.concatenate([at_level(question, LEVEL_DB) * fade, silence(9)]))
    whole = talks.hold(np.concatenate([at_level(question, LEVEL_DB), silence(9)]))
    ends_s = [talk.turns_s[-1][1] for talk in (held, whole)]
    case.expect(
        abs(ends_s[0] - ends_s[1]) < 0.2, f"who fades by 12 dB is heard to the end: {ends_s}"
    )
