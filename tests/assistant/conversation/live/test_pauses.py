"""What counts as a person's pause, and what as their asking again."""

from types import SimpleNamespace
from typing import cast

import numpy as np

from assistant.conversation.live.pauses import Pauses
from assistant.conversation.question import Question
from assistant.conversation.reply_task import Reply
from assistant.turns.patience import PatienceSettings

RATE = 16_000
REJOIN_MS = 1_500.0


def goes_on(pauses: Pauses, silence_s: float, completeness: float | None) -> None:
    """The person speaks again before anything was heard of the answer that is under way."""
    question = Question(0, np.zeros(1, np.float32), "", 0, 0, 0.0)
    answer = cast("Reply", SimpleNamespace(question=question, completeness=completeness))
    onset = round(silence_s * RATE)
    pauses.begun(0)
    has_learnt = pauses.broken(onset, answer, is_cut=True)
    pauses.turn_began(onset, joins=True, has_learnt=has_learnt)


def following() -> Pauses:
    """Someone of whom nothing is known."""
    return Pauses(PatienceSettings(), rejoin_ms=REJOIN_MS)


def test_who_waits_in_vain_for_an_answer_and_asks_again_has_not_paused() -> None:
    pauses = following()
    goes_on(pauses, 2.4, completeness=0.95)
    assert pauses.patience.least_known_ms == 0.0
    assert pauses.rejoin_samples() == round(REJOIN_MS * RATE / 1_000)


def test_who_does_so_twice_in_a_row_or_after_half_a_sentence_has_paused() -> None:
    twice, half = following(), following()
    goes_on(twice, 2.4, completeness=0.95)
    goes_on(twice, 2.2, completeness=0.95)
    goes_on(half, 2.4, completeness=0.2)
    for pauses in (twice, half):
        assert pauses.patience.least_known_ms > 2_400.0


def test_a_short_pause_is_one_whatever_was_said() -> None:
    pauses = following()
    goes_on(pauses, 1.2, completeness=0.95)
    assert pauses.patience.least_known_ms > 1_200.0
