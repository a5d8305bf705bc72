"""What brief words mean: words, how sure they are, and a recogniser that breaks or is late."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from assistant.audio.waveform import Waveform
from assistant.engines.protocols import Transcript
from assistant.errors import EngineFailed
from assistant.turns.brief_words import ACKNOWLEDGEMENTS, CLAIMS
from assistant.turns.interjections import (
    InterjectionJudge,
    verdict_of,
    verdict_of_fit,
    verdict_of_scores,
)
from assistant.turns.marks import Verdict
from assistant.worker import Worker
from tests.fakes import ScriptedModel

SOUND = np.zeros(4_000, dtype=np.float32)


@pytest.mark.parametrize(
    "text", ["Mm-hm.", "uh huh", "'mm", "Yeah, okay.", "I see!", "That's true", "i'mmm"]
)
def test_acknowledgements_do_not_claim_the_floor_however_sure_they_are(text: str) -> None:
    assert verdict_of(Transcript(text, confidence=0.99)) is Verdict.ACKNOWLEDGES
    assert verdict_of(Transcript(text, confidence=0.1)) is Verdict.UNCLEAR


@pytest.mark.parametrize("text", ["Stop!", "no", "Wait a moment.", "but why", "oh no"])
def test_words_of_interruption_claim_it_even_if_rather_unsure(text: str) -> None:
    assert verdict_of(Transcript(text, confidence=0.5)) is Verdict.CLAIMS
    assert verdict_of(Transcript(text, confidence=0.2)) is Verdict.UNCLEAR


def test_other_words_claim_it_where_they_are_sure() -> None:
    assert verdict_of(Transcript("tell me about Rome", confidence=0.95)) is Verdict.GOES_ON
    assert verdict_of(Transcript("tell me about Rome")) is Verdict.GOES_ON
    assert verdict_of(Transcript("am exam", confidence=0.8)) is Verdict.UNCLEAR


def test_nothing_understood_claims_nothing() -> None:
    assert verdict_of(Transcript("", confidence=0.0)) is Verdict.UNCLEAR
    assert verdict_of(Transcript("...", confidence=1.0)) is Verdict.UNCLEAR


@pytest.mark.parametrize(
    ("acknowledgements", "claims", "expected"),
    [
        ((-20.0, -12.0), (-30.0, -7.0), Verdict.CLAIMS),
        ((-20.0, -7.0), (-30.0, -12.0), Verdict.ACKNOWLEDGES),
        ((-20.0, -8.0), (-30.0, -7.0), Verdict.UNCLEAR),
        ((-np.inf, -np.inf), (-np.inf, -3.0), Verdict.CLAIMS),
        ((-40.0, -35.0), (-12.0, -15.0), Verdict.UNCLEAR),
        ((-np.inf, -np.inf), (-np.inf, -np.inf), Verdict.UNCLEAR),
    ],
)
def test_the_phrases_that_fit_much_better_decide(
    acknowledgements: tuple[float, ...], claims: tuple[float, ...], expected: Verdict
) -> None:
    assert verdict_of_scores(acknowledgements, claims) is expected


class Scripted(ScriptedModel):
    """A model that writes down what it is told to, once it is let go."""

    def __init__(self, *answers: str | Exception) -> None:
        super().__init__(["Yes."])
        self._answers = list(answers)
        self.gate = threading.Event()
        self.gate.set()

    def transcribe(self, utterance: Waveform) -> Transcript:
        self.gate.wait(10)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Transcript(answer, confidence=0.9)


async def verdict(judge: InterjectionJudge, worker: Worker) -> Verdict | None:
    while worker.waiting:
        await asyncio.sleep(0)
    return judge.verdict


async def test_the_verdict_is_unknown_until_the_words_are_there() -> None:
    worker, scripted = Worker("model"), Scripted("stop", "yeah")
    judge = InterjectionJudge(lambda: scripted, worker)
    scripted.gate.clear()
    judge.ask(SOUND)
    assert judge.verdict is None
    scripted.gate.set()
    assert await verdict(judge, worker) is Verdict.CLAIMS
    judge.ask(SOUND)
    assert judge.verdict is None
    assert await verdict(judge, worker) is Verdict.ACKNOWLEDGES
    worker.close()


async def test_the_assistants_own_voice_says_nothing_whatever_its_words() -> None:
    worker, scripted = Worker("model"), Scripted("stop", "stop")
    judge = InterjectionJudge(lambda: scripted, worker)
    judge.ask(SOUND, lambda: True)
    assert await verdict(judge, worker) is Verdict.OWN_VOICE
    judge.ask(SOUND, lambda: False)
    assert await verdict(judge, worker) is Verdict.CLAIMS
    worker.close()


async def test_of_what_is_said_next_nothing_is_known() -> None:
    worker, scripted = Worker("model"), Scripted("stop", "wait")
    judge = InterjectionJudge(lambda: scripted, worker)
    judge.ask(SOUND)
    assert await verdict(judge, worker) is Verdict.CLAIMS
    judge.forget()
    assert judge.verdict is None
    judge.ask(SOUND)
    judge.forget()
    assert await verdict(judge, worker) is None
    worker.close()


async def test_what_was_asked_before_does_not_answer_for_what_is_asked_now() -> None:
    worker, scripted = Worker("model"), Scripted("stop", "yeah")
    judge = InterjectionJudge(lambda: scripted, worker)
    scripted.gate.clear()
    judge.ask(SOUND)
    judge.ask(SOUND)
    scripted.gate.set()
    assert await verdict(judge, worker) is Verdict.ACKNOWLEDGES
    worker.close()


async def test_a_recogniser_that_breaks_or_is_missing_lets_the_assistant_go_on() -> None:
    worker = Worker("model")
    judge = InterjectionJudge(lambda: Scripted(EngineFailed("broken: try again")), worker)
    judge.ask(SOUND)
    assert await verdict(judge, worker) is Verdict.UNCLEAR
    without = InterjectionJudge(lambda: ScriptedModel(["Yes."]), worker)
    without.ask(SOUND)
    assert await verdict(without, worker) is Verdict.UNCLEAR
    busy = InterjectionJudge(lambda: Scripted("stop"), Worker("busy", limit=0))
    busy.ask(SOUND)
    assert busy.verdict is Verdict.UNCLEAR
    worker.close()


class Weighing(Scripted):
    """Weighs phrases, if it can, instead of writing anything down."""

    def __init__(self, fits: str | None, *answers: str | Exception) -> None:
        super().__init__(*answers)
        self.fits = fits

    def weigh(self, utterance: Waveform, phrases: Sequence[str]) -> list[float] | None:
        if self.fits is None:
            return None
        return [0.0 if phrase == self.fits else -20.0 for phrase in phrases]


@pytest.mark.parametrize(
    ("fits", "expected"),
    [("hold on", Verdict.CLAIMS), ("uh huh", Verdict.ACKNOWLEDGES), (None, Verdict.CLAIMS)],
)
async def test_phrases_are_weighed_where_the_model_can(fits: str | None, expected: Verdict) -> None:
    worker = Worker("model")
    judge = InterjectionJudge(lambda: Weighing(fits, "stop"), worker)
    judge.ask(SOUND)
    assert await verdict(judge, worker) is expected
    worker.close()


def test_no_phrase_means_both() -> None:
    assert not set(ACKNOWLEDGEMENTS) & set(CLAIMS)
    assert len(set(ACKNOWLEDGEMENTS)) == len(ACKNOWLEDGEMENTS) and len(set(CLAIMS)) == len(CLAIMS)


def fit(words: Transcript, *, acknowledged: float, claimed: float, written: float) -> Verdict:
    """What is made of `words`, where the best phrase of each kind and they fit so well."""
    acknowledgements = [-20.0] * (len(ACKNOWLEDGEMENTS) - 1) + [acknowledged]
    claims = [-20.0] * (len(CLAIMS) - 1) + [claimed]
    return verdict_of_fit(words, [*acknowledgements, *claims, *([written] if words.text else [])])


def test_what_was_written_is_an_acknowledgement_like_others_where_it_is_nothing_else() -> None:
    repeated = Transcript("Go ahead, go ahead.", confidence=0.8)
    scores = {"acknowledged": -9.0, "claimed": -5.0, "written": -0.5}
    assert fit(repeated, **scores) is Verdict.ACKNOWLEDGES
    for unsure in (Transcript("Go ahead, go ahead.", confidence=0.2), Transcript("")):
        assert fit(unsure, **scores) is Verdict.CLAIMS


def test_other_words_are_kept_where_no_phrase_fits_nearly_as_well() -> None:
    words = Transcript("and my boss", confidence=0.8)
    assert fit(words, acknowledged=-9.0, claimed=-8.0, written=-1.0) is Verdict.GOES_ON
    assert fit(words, acknowledged=-9.0, claimed=-3.0, written=-1.0) is Verdict.CLAIMS
    assert fit(words, acknowledged=-3.0, claimed=-9.0, written=-1.0) is Verdict.ACKNOWLEDGES
