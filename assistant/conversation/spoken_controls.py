"""What a person asks of the talk itself by voice: stop, pause, go on, say it again, slower, louder.

Only where all that was said is such a phrase: "slower" is one, "make it slower than last year" is
for the model. The model is not asked for the answer, but keeps it as its own. How fast and how loud
Attune speaks stays so until the end of the talk. After "pause" nothing is answered or kept until
"go on": what is said meanwhile is meant for others.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from assistant import events
from assistant.engines.protocols import Dialogue, TextDelta, Transcript
from assistant.turns.controls import Control, phrases

POLITE = frozenset("please ok okay attune hey now sorry thanks".split())
"""Words that may stand before and after it."""
ANSWERS: dict[Control, str] = {
    Control.STOP: "Okay.",
    Control.PAUSE: "All right, I'm waiting. Say go on when you are ready.",
    Control.GO_ON: "I'm listening.",
    Control.SLOWER: "Okay, I'm speaking more slowly now.",
    Control.FASTER: "Okay, I'm speaking faster now.",
    Control.LOUDER: "Okay, I'm speaking louder now.",
    Control.QUIETER: "Okay, I'm speaking more quietly now.",
}
SURE = 0.4
"""Share of right words from which a recogniser is believed: that of brief interruptions."""
RATE_STEP, SLOWEST, FASTEST = 1.2, 0.6, 1.6
"""A step is heard at once. Beyond the bounds voices can hardly be followed."""
ENERGY_STEP_DB, QUIETEST_DB, LOUDEST_DB = 4.0, -12.0, 8.0
"""Louder, peaks are bent ever more (`prosody.apply_gain`), and only sound distorted."""

_WORD = re.compile(r"[a-z']+")
_CONTROL_OF = {phrase.replace("'", ""): control for phrase, control in phrases().items()}
"""Whoever says more than such a phrase says it to the model."""


def control_of(words: Transcript) -> Control | None:
    """Returns what is asked for, where that is all that was said and it is surely understood."""
    if words.confidence is not None and words.confidence < SURE:
        return None
    said = [word.replace("'", "") for word in _WORD.findall(words.text.lower().replace("’", "'"))]
    while said and " ".join(said) not in _CONTROL_OF:
        if said[0] in POLITE:
            said = said[1:]
        elif said[-1] in POLITE:
            said = said[:-1]
        else:
            return None
    return _CONTROL_OF.get(" ".join(said))


@dataclass(frozen=True, slots=True)
class _Manner:
    """How Attune speaks in this talk, beside what the reply policy asks for."""

    rate: float = 1.0
    energy_db: float = 0.0

    def after(self, control: Control | None) -> "_Manner":
        match control:
            case Control.SLOWER:
                return replace(self, rate=max(SLOWEST, self.rate / RATE_STEP))
            case Control.FASTER:
                return replace(self, rate=min(FASTEST, self.rate * RATE_STEP))
            case Control.LOUDER:
                return replace(self, energy_db=min(LOUDEST_DB, self.energy_db + ENERGY_STEP_DB))
            case Control.QUIETER:
                return replace(self, energy_db=max(QUIETEST_DB, self.energy_db - ENERGY_STEP_DB))
            case _:
                return self


class SpokenControls:
    """Follows one conversation: what it was asked for, and what could be said again.

    A reply may be made before the person's turn is over, and be dropped. So nothing changes by what
    is looked at, only by the events that are published: see `follow`.
    """

    def __init__(self) -> None:
        self._manner = self._before = _Manner()
        self._last = self._unheard = ""
        self.can_pause = True
        """Whether somebody is there who could go on; a recording cannot wait, and says words."""
        self.is_paused = self._was_paused = False
        """Whether the person asked to pause and did not go on yet."""
        self._asked: tuple[int, Control] | None = None
        self._has_asked = False

    @property
    def settings(self) -> dict[str, float]:
        """How the person asked to be spoken to, as turns name it; nothing where they never did."""
        if not self._has_asked:
            return {}
        manner = self._manner
        return {
            "asked_pace": round(manner.rate, 2),
            "asked_loudness_db": round(manner.energy_db, 1),
        }

    def look(self, words: Transcript) -> Control | None:
        """Returns what is asked for and can be done without the model; None for all else."""
        control = control_of(words)
        if control is Control.PAUSE and not self.can_pause:
            return None
        if control is Control.GO_ON and self.is_paused:
            return control
        if control in (Control.GO_ON, Control.REPEAT) and not self._again(control):
            return None
        return control

    def passes_over(self, words: Transcript) -> bool:
        """Returns whether these words are not for Attune: all but "go on", while it is paused.

        Whoever types means it, paused or not.
        """
        is_typed = words.source == "typed"
        return self.is_paused and not is_typed and control_of(words) is not Control.GO_ON

    def asked(self, turn: int, control: Control | None) -> dict[str, float]:
        """Returns how the answer to a turn is to be spoken beside the policy's style.

        Args:
            turn: The turn that is answered.
            control: What it asks for, if anything.

        Returns:
            As in `StyleChosen.asked`; nothing where nothing was ever asked for.
        """
        # The answer may be made before what was said is published, or after.
        is_followed = self._asked is not None and self._asked[0] == turn
        manner = self._manner if is_followed else self._manner.after(control)
        if manner == _Manner():
            return {}
        return {"rate": manner.rate, "energy": manner.energy_db}

    def reply(self, dialogue: Dialogue, control: Control) -> Iterator[TextDelta]:
        """Yields the answer to `control`; runs on the model's worker."""
        text = self._again(control) or ANSWERS[control]
        dialogue.replace_reply(text)
        yield TextDelta(text, source="fixed")

    def follow(self, event: events.Event) -> bool:
        """Takes in what happened; returns whether `settings` are others from now on."""
        before = self._manner
        match event:
            case events.ControlSpoken(turn=turn, control=control):
                self._take(turn, Control(control))
            case events.UtteranceJoined(turn=turn) if self._asked and self._asked[0] == turn:
                self._asked, self._manner = None, self._before  # it was only the beginning
                self.is_paused = self._was_paused
            case events.WordsHeard(transcript=words) if words.source == "typed":
                self.is_paused = False
            case events.HelpOffered():
                self.is_paused = False  # whoever is in danger is answered, whatever was asked
            case events.ReplyFinished(turn=turn, generated=generated):
                self._said(turn, generated, "")
            case events.Interrupted(turn=turn, heard=heard, generated=generated):
                self._said(turn, generated, generated[len(heard) :].strip())
            case _:
                pass
        return self._manner != before

    def _take(self, turn: int, control: Control) -> None:
        self._asked, self._before, self._was_paused = (turn, control), self._manner, self.is_paused
        self._manner = self._manner.after(control)
        self._has_asked = self._has_asked or self._manner != self._before
        if control in (Control.PAUSE, Control.GO_ON):
            self.is_paused = control is Control.PAUSE

    def _said(self, turn: int, text: str, unheard: str) -> None:
        asked = self._asked[1] if self._asked and self._asked[0] == turn else None
        # "Okay" is no answer that anybody wants to hear again, nor the end of what was broken off.
        if asked in (None, Control.GO_ON, Control.REPEAT):
            self._last, self._unheard = text, unheard

    def _again(self, control: Control | None) -> str:
        match control:
            case Control.GO_ON:
                return self._unheard
            case Control.REPEAT:
                return self._last
            case _:
                return ""
