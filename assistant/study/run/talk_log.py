"""The conversations in a participant's log: begun, gone on with, ended, and asked about."""

import math
from pathlib import Path
from typing import Any

from assistant.errors import InputError
from assistant.study.design.conditions import Condition
from assistant.study.keeping import seal
from assistant.study.keeping.participant import Participant
from assistant.study.run.refusals import FinishedPage
from assistant.study.run.roster import Roster
from assistant.study.run.steps import Step
from assistant.study.run.tabs import Tabs
from assistant.study.run.talk_record import answered_turns

UNFINISHED = frozenset({"", "lost", "cut off", "failed"})
"""Ends of an attempt after which the conversation is begun again."""


class TalkLog:
    """Begins and ends conversations of a study."""

    def __init__(self, roster: Roster, tabs: Tabs) -> None:
        """Writes into the logs of `roster`; `tabs` says which window counts."""
        self._roster, self._tabs = roster, tabs

    def condition(self, step: Step) -> Condition:
        """Returns what the assistant is like in a conversation; practice is the base alone."""
        study = self._roster.study
        if step.is_practice:
            return Condition.model_validate(study.base)
        return study.condition(seal.read_key(self._roster.folder).conditions[step.condition])

    def begin(self, participant: str, tab: str) -> Step:
        """Begins a conversation, or goes on with one that was cut off; returns its step.

        Raises:
            OtherTab: Another window counts.
            FinishedPage: The participant is not at a conversation.
        """
        state, step = self._at_talk(participant, tab)
        before = state.talks.get(step.name)
        if before and before.is_open:
            # The process died in its middle: the record says how far it got.
            turns, seconds = answered_turns(self.record(participant, step, before.attempts))
            self.end(participant, step, turns=turns, seconds=seconds, reason="cut off")
        attempt = before.attempts + 1 if before else 1
        self._roster.note(
            participant,
            "talk_started",
            step=step.name,
            block=step.block,
            condition=step.condition,
            attempt=attempt,
            folder=self.record(participant, step, attempt).name,
        )
        return step

    def _at_talk(self, participant: str, tab: str) -> tuple[Participant, Step]:
        state = self._roster.participant(participant)
        self._tabs.check(participant, tab)
        step = self._roster.step(state)
        if step is None or step.kind != "talk":
            raise FinishedPage("there is no conversation on this page: load it again")
        return state, step

    def record(self, participant: str, step: Step, attempt: int) -> Path:
        """Returns the record folder of an attempt."""
        name = step.name if attempt == 1 else f"{step.name}.{attempt}"
        return self._roster.folder.talk(participant, name)

    def end(self, participant: str, step: Step, *, turns: int, seconds: float, reason: str) -> None:
        """Notes that an attempt at a conversation is over."""
        talk = self._roster.participant(participant).talks[step.name]
        self._roster.note(
            participant,
            "talk_ended",
            step=step.name,
            attempt=talk.attempts,
            turns=turns,
            seconds=round(seconds, 1),
            reason=reason,
        )

    def check_over(self, state: Participant, step: Step) -> None:
        """Makes sure that a conversation is over.

        Raises:
            InputError: It is not.
        """
        talk = state.talks.get(step.name)
        if talk is None or talk.ended in UNFINISHED:
            raise InputError("the conversation is not over yet: go on with it")

    def probe(self, participant: str, tab: str, turn: int, value: Any, seconds: Any) -> None:
        """Keeps the answer to the question after an answer of the assistant.

        Raises:
            OtherTab: Another window counts.
            InputError: Nothing is asked, or the answer is no number from 1 to 7.
        """
        state, step = self._at_talk(participant, tab)
        talk = state.talks.get(step.name)
        if talk is None or not self._roster.study.talk.probe:
            raise FinishedPage("nothing is asked on this page: load it again")
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 7:
            raise InputError("the answer is a whole number from 1 to 7")
        self._roster.note(
            participant,
            "answered",
            step=step.name,
            block=step.block,
            instrument="probe",
            item="probe",
            position=None,
            attempt=talk.attempts,
            turn=turn,
            value=value,
            seconds=seconds_of(seconds),
        )


def seconds_of(value: Any) -> float | None:
    """Returns a time that a page measured, if it can be one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return round(max(0.0, float(value)), 3)
