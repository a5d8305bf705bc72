"""Whether something brief, said while the assistant spoke, was meant to interrupt it.

"Uh-huh", "yeah" and "I see" say: go on. "Stop", "wait" and "why?" do not. All of them are over
before anybody could tell them apart by their length, so that their words decide. A model that can
weigh phrases compares those of both kinds, which it mistakes less than it mishears words (it writes
nothing at all for many a brief "stop"); any other writes down what it heard. What was written down
is a phrase, too: of nothing but words that acknowledge ("go ahead, go ahead") it is one more of
those; other words ("and my boss") fit neither kind, what was written fits much better then, and
they are kept.
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
SURE_OF_KIND = 0.4
"""The same where there is a word in it with which people interrupt, or none but those with which
they acknowledge."""
SURE_OF_WRITTEN = 0.3
"""Share from which an acknowledgement that was written down is weighed with the others: of 364 by
13 voices one more is known than from 0.4 on, and of 382 interruptions none is lost."""
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
    said, confidence = _words_of(words.text), _confidence(words)
    if not said:
        return Verdict.UNCLEAR
    if _only_acknowledges(words.text):
        return Verdict.ACKNOWLEDGES if confidence >= SURE_OF_KIND else Verdict.UNCLEAR
    if CLAIMING_WORDS.intersection(said) and confidence >= SURE_OF_KIND:
        return Verdict.CLAIMS
    return Verdict.GOES_ON if confidence >= SURE else Verdict.UNCLEAR


def _confidence(words: Transcript) -> float:
    return 1.0 if words.confidence is None else words.confidence


def _words_of(text: str) -> list[str]:
    return [word.replace("'", "") for word in _WORD.findall(text.lower())]


def _only_acknowledges(text: str) -> bool:
    """Returns whether `text` has words, and none but those with which people acknowledge."""
    said = _words_of(text)
    return bool(said) and all(word in ACKNOWLEDGING_WORDS or _HUM.fullmatch(word) for word in said)


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
    return verdict_of(words) if scores is None else verdict_of_fit(words, scores)


def verdict_of_fit(words: Transcript, scores: Sequence[float]) -> Verdict:
    """Returns what was meant, from all that a model made of it.

    Args:
        words: What it wrote down.
        scores: Log-probabilities of all phrases, acknowledgements before claims, and of `words` if
            there are any.
    """
    claims, written = len(ACKNOWLEDGEMENTS), len(ACKNOWLEDGEMENTS) + len(CLAIMS)
    acknowledged, claimed, rest = scores[:claims], scores[claims:written], scores[written:]
    if _only_acknowledges(words.text):
        if _confidence(words) >= SURE_OF_WRITTEN:
            acknowledged = (*acknowledged, *rest)
    # Before both kinds are compared: of phrases that all fit badly some fit better than the others,
    # too.
    elif _confidence(words) >= SURE_OF_OTHER and _fits_better(rest, max(scores[:written])):
        return Verdict.GOES_ON
    verdict = verdict_of_scores(acknowledged, claimed)
    return verdict_of(words) if verdict is Verdict.UNCLEAR else verdict


def _fits_better(written: Sequence[float], best: float) -> bool:
    return any(score - best >= OTHER_FIT for score in written)
