"""Whether something brief, said while the assistant spoke, was meant to interrupt it.

"Uh-huh", "yeah" and "I see" say: go on. "Stop", "wait" and "why?" do not. All of them are over
before anybody could tell them apart by their length, so that their words decide. A model that can
weigh phrases compares those of both kinds, which it mistakes less than it mishears words (it writes
nothing at all for many a brief "stop"); any other writes down what it heard. Other words ("and my
boss") fit neither: what was written down fits much better then, and they are kept.
"""

import math
import re
from collections.abc import Callable, Sequence

import numpy as np

from assistant.audio.waveform import Waveform
from assistant.engines.protocols import SpeechModel, Transcript
from assistant.errors import EngineFailed
from assistant.turns.brief_words import (
    ACKNOWLEDGEMENTS,
    ACKNOWLEDGING_WORDS,
    CLAIMING_WORDS,
    CLAIMS,
)
from assistant.turns.marks import Verdict
from assistant.worker import Worker

SURE = 0.9
"""Share of right words from which what was written down is believed: a recogniser makes words of
an "mm-hm" too."""
SURE_OF_CLAIM = 0.4
"""The same where there is a word in it with which people interrupt."""
CLAIM_LOG_ODDS, ACKNOWLEDGEMENT_LOG_ODDS = 1.0, 0.0
"""From the one on phrases of interruption surely fit better than acknowledgements, up to the other
worse. Chosen with 288 brief phrases by eight voices: interruptions come to 5 as a rule, "hold on"
by some to 1.3; acknowledgements to -7 as a rule, a single "oh" above 1. Of voices that nothing was
chosen with, 18 of 20 interruptions are taken for that, and 1 of 20 acknowledgements."""
OTHER_FIT, SURE_OF_OTHER = 4.0, 0.5
"""By how much, in log-probability, other words must fit better than all phrases, and how sure their
writing must be. By three of those voices words in the middle of a sentence fit 5 to 18 better, and
what is made of an acknowledgement that surely not more than 0.5."""
LEAST_CLAIM = -9.0
"""How well a phrase of interruption must fit at least: a cry fits none."""

_WORD = re.compile(r"[a-z']+")
_HUM = re.compile(r"[aeiu]?[hm]*m[hm]*")
"""What a recogniser makes of "mm-hm"."""


def verdict_of(words: Transcript) -> Verdict:
    """Returns what brief `words` meant; unclear where it is unsure what was said."""
    said = [word.replace("'", "") for word in _WORD.findall(words.text.lower())]
    confidence = 1.0 if words.confidence is None else words.confidence
    if all(word in ACKNOWLEDGING_WORDS or _HUM.fullmatch(word) for word in said):
        is_sure = bool(said) and confidence >= SURE_OF_CLAIM
        return Verdict.ACKNOWLEDGES if is_sure else Verdict.UNCLEAR
    if CLAIMING_WORDS.intersection(said) and confidence >= SURE_OF_CLAIM:
        return Verdict.CLAIMS
    return Verdict.GOES_ON if confidence >= SURE else Verdict.UNCLEAR


def verdict_of_scores(acknowledgements: Sequence[float], claims: Sequence[float]) -> Verdict:
    """Returns what was meant, from the log-probabilities of the phrases of both kinds."""
    claimed, acknowledged = (
        float(np.logaddexp.reduce(scores)) for scores in (claims, acknowledgements)
    )
    if claimed == acknowledged == -math.inf:
        return Verdict.UNCLEAR
    log_odds = claimed - acknowledged
    if log_odds >= CLAIM_LOG_ODDS:
        return Verdict.CLAIMS if max(claims) >= LEAST_CLAIM else Verdict.UNCLEAR
    return Verdict.ACKNOWLEDGES if log_odds <= ACKNOWLEDGEMENT_LOG_ODDS else Verdict.UNCLEAR


class InterjectionJudge:
    """Judges one brief utterance at a time, on the speech model's worker."""

    def __init__(self, model: Callable[[], SpeechModel], worker: Worker) -> None:
        """Asks the `model` of the moment; of one that writes nothing down all is unclear."""
        self._model = model
        self._worker = worker
        self._asked = 0
        self._verdict: Verdict | None = None

    @property
    def verdict(self) -> Verdict | None:
        """What the words meant that were asked about last; None until it is known."""
        return self._verdict

    def forget(self) -> None:
        """Something else is being said: what was meant before says nothing of it."""
        self._verdict = None
        self._asked += 1

    def ask(self, utterance: Waveform, is_own: Callable[[], bool] = lambda: False) -> None:
        """Begins to find out about `utterance` (16 kHz).

        Args:
            utterance: What was said.
            is_own: Whether it is the assistant's own voice, by its sound: words cannot tell. It
                is called on the worker.
        """
        model = self._model()
        self.forget()
        number = self._asked

        def deliver(verdict: Verdict | None, error: BaseException | None) -> None:
            # The model may be asked about the next words before it has judged these.
            if number == self._asked:
                self._verdict = verdict or Verdict.UNCLEAR
            if error is not None and not isinstance(error, EngineFailed):
                raise error

        try:
            self._worker.submit(lambda: _judged(model, utterance, is_own), deliver)
        except EngineFailed:  # too many conversations at once: the assistant goes on
            self._verdict = Verdict.UNCLEAR


def _judged(model: SpeechModel, utterance: Waveform, is_own: Callable[[], bool]) -> Verdict:
    if is_own():
        return Verdict.OWN_VOICE
    words = model.transcribe(utterance)
    if words is None:
        return Verdict.UNCLEAR
    phrases = (*ACKNOWLEDGEMENTS, *CLAIMS, *((words.text,) if words.text else ()))
    scores = model.weigh(utterance, phrases)
    if scores is None:
        return verdict_of(words)
    claims = len(ACKNOWLEDGEMENTS)
    other = claims + len(CLAIMS)
    # Before both lists are compared: of phrases that all fit badly some fit better than the others,
    # too.
    if _are_other(words, scores[other:], best=max(scores[:other])):
        return Verdict.GOES_ON
    verdict = verdict_of_scores(scores[:claims], scores[claims:other])
    return verdict_of(words) if verdict is Verdict.UNCLEAR else verdict


def _are_other(words: Transcript, scores: Sequence[float], *, best: float) -> bool:
    """Returns whether `words`, if they are scored, surely fit better than the `best` phrase."""
    confidence = 1.0 if words.confidence is None else words.confidence
    return confidence >= SURE_OF_OTHER and any(score - best >= OTHER_FIT for score in scores)
