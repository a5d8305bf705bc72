"""The way of a participant through a study, whatever shows the pages: what comes, what is kept.

Each call reads the participant's log, checks what is asked against it, appends what happened, and
only then answers.
"""

import json
import secrets
from collections.abc import Mapping
from typing import Any, cast

from assistant.errors import InputError
from assistant.study.design import assignment
from assistant.study.design.analysis_plan import check_plan
from assistant.study.design.reading import read_study
from assistant.study.design.study import Study
from assistant.study.design.study_file import STUDY_FILE, line_of, read_text
from assistant.study.instruments import (
    Instrument,
    check_answer,
    failed_checks,
    read_instrument,
    shown_order,
)
from assistant.study.keeping import lock
from assistant.study.keeping.participant import Participant
from assistant.study.keeping.retention import check_retention
from assistant.study.keeping.store import StudyFolder
from assistant.study.run import pages
from assistant.study.run.pages import PageContent
from assistant.study.run.refusals import FinishedPage
from assistant.study.run.roster import Roster
from assistant.study.run.sound_check import SoundCheck
from assistant.study.run.steps import Step, entrance, way
from assistant.study.run.tabs import Tabs
from assistant.study.run.talk_log import TalkLog, seconds_of

LONGEST_ANSWER = 20_000
"""Characters of JSON; whatever an item takes is shorter."""


class Runner:
    """Takes participants through a study."""

    def __init__(self, folder: StudyFolder) -> None:
        """Reads the study.

        Raises:
            SettingsError: It cannot be used, has changed since its first participant, or has to
                be deleted by now.
            InputError: An instrument is unknown or damaged.
        """
        self.folder = folder
        self.study = read_study(folder.path)
        check_retention(self.study)
        lock.check_lock(folder, self.study)
        self.instruments = instruments_of_study(folder, self.study)
        check_plan(self.study, self.instruments)
        self.tabs = Tabs()
        self.roster = Roster(folder, self.study)
        self.talks = TalkLog(self.roster, self.tabs)
        self._sound = SoundCheck(self.roster)

    def join(
        self, participant: str, link: Mapping[str, str], tab: str, *, driven: bool = False
    ) -> PageContent:
        """Opens the study for somebody; returns the page to be shown, with the id in it.

        Args:
            participant: Of the link; empty where it carries none.
            link: Its other parameters, as they came; only known ones are kept.
            tab: The window that opens it: it counts from now on.
            driven: Whether the browser says that a program drives it.

        Raises:
            InputError: The id cannot be one, was withdrawn, or the study is closed.
        """
        name = self.roster.admit(participant, link, driven=driven)
        self.tabs.open(name, tab)
        return self._shown(name)

    def page(self, participant: str, tab: str) -> PageContent:
        """Returns the page that a participant is at.

        Raises:
            OtherTab: Another window counts.
            InputError: Nobody of this id has joined.
        """
        self._here(participant, tab)
        return self._shown(participant)

    def answer(
        self,
        participant: str,
        tab: str,
        step: str,
        item: str,
        value: Any,
        seconds: Any,
        typing: Any = None,
    ) -> None:
        """Keeps the answer to one item; when this returns, it is on the disk.

        Args:
            participant: Who answers.
            tab: The window it comes from.
            step: The page.
            item: The item's name.
            value: As the page sent it; None takes an answer back.
            seconds: Since the page was shown, by its own clock; None where it has none.
            typing: How a text came to be: keys, pasted and seconds; None for other answers.

        Raises:
            FinishedPage: The participant is at another page.
            InputError: There is no such item, or no such answer to it.
            OutputError: It cannot be written; what was saved before is kept.
        """
        state, current = self.at(participant, tab, step)
        if current.kind != "questions":
            raise InputError("this page asks nothing: load it again")
        asked = self.instruments[current.instrument]
        order = shown_order(asked, pages.seed_of(self.study, participant, step))
        place = next((n for n, one in enumerate(order, 1) if one.name == item), None)
        if place is None:
            raise InputError(f"there is no item {item[:40]!r} on this page: load it again")
        _refuse_long(value)
        value = None if value is None else check_answer(order[place - 1], value)
        given = state.answers.get((step, item))
        if given is not None and given.value == value:
            return  # sent again, because the reply to the first time was lost
        self.roster.note(
            participant,
            "answered",
            step=step,
            block=current.block,
            instrument=asked.name,
            item=item,
            position=place,
            value=value,
            seconds=seconds_of(seconds),
            **_typing_of(typing),
        )

    def done(self, participant: str, tab: str, step: str, values: Mapping[str, Any]) -> PageContent:
        """Finishes a page; returns the next one. A page that is over already stays as it is.

        Args:
            participant: Who finishes it.
            tab: The window it comes from.
            step: The page.
            values: What the page carries beside answers to items: choices of consent, measures.

        Raises:
            FinishedPage: The participant is not there yet.
            InputError: Something is missing; names it.
        """
        state = self._here(participant, tab)
        if step in state.done or self.roster.step(state) is None:
            return self._shown(participant)
        state, current = self.at(participant, tab, step)
        if values.get("trap"):
            self.roster.note(participant, "trapped", step=step)
        match current.kind:
            case "consent":
                self._consent(participant, values)
            case "sound":
                self._sound.take(participant, values)
            case "questions":
                self._check_complete(state, current)
            case "talk":
                self.talks.check_over(state, current)
            case "information" | "debrief":
                pass
        if not self.roster.participant(participant).is_over:
            self._finish(participant, current)
        return self._shown(participant)

    def _consent(self, participant: str, values: Mapping[str, Any]) -> None:
        if values.get("take_part") is not True:
            reason = {"reason": "no consent", "status": "screened_out"}
            self.roster.note(participant, "stopped", **reason)
            return
        choices = {name: values.get(name) is True for name in ("audio", "words", "emotion")}
        self.roster.note(
            participant,
            "consented",
            **choices,
            version=self.study.texts.consent_version,
            sha256=pages.consent_sha256(self.study),
        )

    def _check_complete(self, state: Participant, step: Step) -> None:
        asked = self.instruments[step.instrument]
        every = state.answers.items()
        given = {name: answer.value for (at, name), answer in every if at == step.name}
        wanted = [name for name, item in asked.asked.items() if item.required]
        missing = sum(given.get(name) is None for name in wanted)
        if missing:
            are = "question is" if missing == 1 else "questions are"
            raise InputError(f"{missing} {are} not answered yet")
        for name in failed_checks(asked, given):
            reason = f"failed attention check {name} in {step.name}"
            self.roster.note(state.name, "excluded", reason=reason)

    def _finish(self, participant: str, step: Step) -> None:
        # What follows from a finished page is written before it: who is killed in between comes
        # back to the same page and finishes it again, and does not stand behind it with nothing.
        state = self.roster.participant(participant)
        if not state.cell and step == entrance(self.study)[-1]:
            self.roster.allocate(participant)
        if step.kind == "debrief":
            own = self.study.entry.completion_code
            self.roster.note(participant, "completed", code=own or secrets.token_hex(4).upper())
        self.roster.note(participant, "page_done", step=step.name)

    def attention(self, participant: str, tab: str, heard: str) -> bool:
        """Looks for the word that was to be said in what was heard; the words are not kept.

        Raises:
            FinishedPage: The participant is not at the check.
        """
        state, _ = self.at(participant, tab, "sound")
        return self._sound.attention(state, heard)

    def back(self, participant: str, tab: str) -> PageContent:
        """Opens the page of questions before this one again, where the study allows it.

        Raises:
            InputError: It does not, or there is none right before.
        """
        before = self._before(self._here(participant, tab))
        if before is None:
            raise InputError("a finished page cannot be opened again in this study")
        self.roster.note(participant, "went_back", step=before.name)
        return self._shown(participant)

    def _before(self, state: Participant) -> Step | None:
        """Returns the page that may be opened again."""
        current, steps = self.roster.step(state), self.roster.steps(state)
        if not self.study.questionnaires.back or current not in steps:
            return None
        index = steps.index(current)
        before = steps[index - 1] if index else None
        return before if before is not None and before.kind == "questions" else None

    def leave(self, participant: str, tab: str) -> PageContent:
        """Ends the study for somebody who stops; what was said so far is kept.

        Who wants it deleted withdraws instead, see `assistant.study.keeping.withdrawal`.
        """
        if not self._here(participant, tab).is_over:
            self.roster.note(participant, "stopped", reason="left", status="dropped")
        return self._shown(participant)

    def _shown(self, participant: str) -> PageContent:
        """Returns the page that a participant is at, and notes that it was shown."""
        state = self.roster.participant(participant)
        step = self.roster.step(state)
        if step is None:
            return {**pages.last_page(self.study, state), "participant": participant}
        steps = self.roster.steps(state)
        count = len(steps) if state.cell else len(self._usual_way())
        place = (steps.index(step) + 1, count)
        asked = self.instruments.get(step.instrument)
        self.roster.note(participant, "page_shown", step=step.name)
        page = pages.draw(self.study, state, step, place, asked)
        can_go_back = self._before(state) is not None
        return {**page, "participant": participant, "can_go_back": can_go_back}

    def _usual_way(self) -> tuple[Step, ...]:
        """Returns the steps of anybody, for the count of pages before there is a cell."""
        first = assignment.cells(self.study)[0]
        return way(self.study, assignment.sequence(self.study, first, ""))

    def _here(self, participant: str, tab: str) -> Participant:
        state = self.roster.participant(participant)
        self.tabs.check(participant, tab)
        return state

    def at(self, participant: str, tab: str, step: str) -> tuple[Participant, Step]:
        """Returns a participant and the page, if that is where the participant is.

        Raises:
            OtherTab: Another window counts.
            FinishedPage: The participant is at another page.
        """
        state = self._here(participant, tab)
        current = self.roster.step(state)
        if current is None or current.name != step:
            raise FinishedPage(
                "this page is finished, and there is no way back to it: load the page again"
            )
        return state, current


def instruments_of_study(folder: StudyFolder, study: Study) -> dict[str, Instrument]:
    """Returns all instruments that are asked, by name.

    Raises:
        InputError: One is unknown, with line and key of the study file, or damaged.
    """
    asked, found = study.questionnaires, dict[str, Instrument]()
    for when, names in (("before", asked.before), ("block", asked.block), ("after", asked.after)):
        for name in names:
            try:
                found[name] = read_instrument(name, folder.instruments)
            except InputError as error:
                path = folder.path / STUDY_FILE
                line = line_of(read_text(path), ("questionnaires", when))
                where = f"{path}, line {line}: questionnaires.{when}"
                raise InputError(f"{where}: {error}") from error
    return found


def _typing_of(value: Any) -> dict[str, Any]:
    """Returns how a text was written, if the page told it as pages do."""
    found = cast(dict[str, Any], value) if isinstance(value, dict) else {}
    numbers = [seconds_of(found.get(name)) for name in ("keys", "pasted", "seconds")]
    if None in numbers:
        return {}
    return {"typing": dict(zip(("keys", "pasted", "seconds"), numbers, strict=True))}


def _refuse_long(value: Any) -> None:
    if len(json.dumps(value, default=str)) > LONGEST_ANSWER:
        raise InputError(f"that answer is too long: at most {LONGEST_ANSWER} characters")
