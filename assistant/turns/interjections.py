"""Whether something brief, said while the assistant spoke, was meant to interrupt it.

"Uh-huh", "yeah" and "I see" say: go on. "Stop", "wait" and "why?" do not. All of them are over
before anybody could tell them apart by their length, so that their words decide.
"""

import re

from assistant.audio.waveform import Waveform
from assistant.engines.protocols import Transcribes, Transcript
from assistant.errors import EngineFailed
from assistant.turns.brief_words import ACKNOWLEDGING_WORDS, CLAIMING_WORDS
from assistant.turns.marks import Verdict
from assistant.worker import Worker

SURE = 0.9
"""Share of right words from which what was written down is believed: a recogniser makes words of
an "mm-hm" too."""
SURE_OF_CLAIM = 0.4
"""The same where there is a word in it with which people interrupt."""

_WORD = re.compile(r"[a-z']+")
_HUM = re.compile(r"[aeiu]?h?m+h?m*")
"""What a recogniser makes of "mm-hm"."""


def verdict_of(words: Transcript) -> Verdict:
    """Returns what brief `words` meant; unclear where it is unsure what was said."""
    said = [word.replace("'", "") for word in _WORD.findall(words.text.lower())]
    confidence = 1.0 if words.confidence is None else words.confidence
    if all(word in ACKNOWLEDGING_WORDS or _HUM.fullmatch(word) for word in said):
        is_sure = bool(said) and confidence >= SURE_OF_CLAIM
        return Verdict.ACKNOWLEDGES if is_sure else Verdict.UNCLEAR
    needed = SURE_OF_CLAIM if CLAIMING_WORDS.intersection(said) else SURE
    return Verdict.CLAIMS if confidence >= needed else Verdict.UNCLEAR


class InterjectionJudge:
    """Judges one brief utterance at a time, on the speech model's worker."""

    def __init__(self, transcriber: Transcribes | None, worker: Worker) -> None:
        """Without a transcriber all that is brief is unclear."""
        self._transcriber = transcriber
        self._worker = worker
        self._asked = 0
        self._verdict: Verdict | None = None

    @property
    def verdict(self) -> Verdict | None:
        """What the words meant that were asked about last; None until it is known."""
        return self._verdict

    def ask(self, utterance: Waveform) -> None:
        """Begins to find out about `utterance` (16 kHz)."""
        transcriber = self._transcriber
        if transcriber is None:
            self._verdict = Verdict.UNCLEAR
            return
        self._verdict = None
        self._asked += 1
        number = self._asked

        def deliver(verdict: Verdict | None, error: BaseException | None) -> None:
            if number == self._asked:
                self._verdict = verdict or Verdict.UNCLEAR
            if error is not None and not isinstance(error, EngineFailed):
                raise error

        try:
            self._worker.submit(lambda: verdict_of(transcriber.transcribe(utterance)), deliver)
        except EngineFailed:  # too many conversations at once: the assistant goes on
            self._verdict = Verdict.UNCLEAR
