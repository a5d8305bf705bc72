"""The way of a participant through a study, whatever shows the pages: what comes, what is kept.

Nothing is held in memory but which window counts: each call reads the participant's log, checks
what is asked against it, appends what happened, syncs it to the disk, and only then answers. So a
process that is killed at any moment loses nothing that anybody was told is saved.
"""

import json
import math
import secrets
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from assistant.errors import InputError, SettingsError
from assistant.study import assignment, lock, pages, seal
from assistant.study.conditions import Condition
from assistant.study.design import Study, read_study
from assistant.study.instruments import (
    Instrument,
    check_answer,
    failed_checks,
    read_instrument,
    shown_order,
)
from assistant.study.pages import Page
from assistant.study.participant import COUNTING, Participant, fold
from assistant.study.steps import Step, entrance, way
from assistant.study.store import (
    StudyFolder,
    append,
    check_id,
    read_lines,
    stamped,
)
from assistant.study.tabs import Tabs

GIVEN_UP_AFTER = timedelta(hours=48)
"""Whoever is silent for so long is taken to have dropped out when the next one needs a cell."""
LONGEST_ANSWER = 20_000
MOST_LINK_CHARACTERS = 200
LINK_KEYS = ("STUDY_ID", "SESSION_ID")


class FinishedPage(InputError):
    """A page is over, or not there yet: the participant is at another one."""


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
        self.instruments: dict[str, Instrument] = {
            name: read_instrument(name, folder.instruments)
            for name in lock.instruments_of(self.study)
        }
        self.tabs = Tabs()

    # Who is where.

    def participant(self, name: str) -> Participant:
        """Returns the state of a participant.

        Raises:
            InputError: Nobody of this id has joined.
        """
        state = self._state(check_id(name))
        if state is None:
            raise InputError("nobody has joined under this id yet: open the link to the study")
        return state

    def _state(self, name: str) -> Participant | None:
        return fold(name, read_lines(self.folder.log(name)))

    def steps(self, state: Participant) -> tuple[Step, ...]:
        """Returns the steps of a participant, as far as they are known."""
        if state.cell:
            return way(self.study, state.sequence)
        return entrance(self.study)

    def step(self, state: Participant) -> Step | None:
        """Returns the step that a participant is at; None where nothing follows."""
        if state.status in ("completed", "withdrawn", "screened_out"):
            return None
        return next((step for step in self.steps(state) if step.name not in state.done), None)

    def count(self) -> Counter[str]:
        """Returns how many participants have each status."""
        return Counter(state.status for state in self.everybody())

    def everybody(self) -> list[Participant]:
        """Returns all participants, in the order of their joining."""
        states = (self._state(name) for name in self.folder.participants())
        return [state for state in states if state is not None]

    # Coming in.

    def join(self, participant: str, link: Mapping[str, str], tab: str) -> Page:
        """Opens the study for somebody; returns the page to be shown, with the id in it.

        Args:
            participant: Of the link; empty where it carries none.
            link: Its other parameters, as they came; only known ones are kept.
            tab: The window that opens it: it counts from now on.

        Raises:
            InputError: The id cannot be one, or the study is closed.
        """
        name = check_id(participant) if participant else self._new_id()
        # Two who come first at the same time must not both deal the letters of the key.
        with self.folder.exclusively():
            self._refuse_withdrawn(name)
            state = self._state(name)
            if state is None:
                self._begin(name, link)
            else:
                step = self.step(state)
                self._note(name, "resumed", step=step.name if step else "")
        self.tabs.open(name, tab)
        return {**self._shown(name), "participant": name}

    def _begin(self, name: str, link: Mapping[str, str]) -> None:
        self._let_in()
        lock.make_lock(self.folder, self.study)
        seal.make_key(self.folder, self.study)
        known = {key: link[key][:MOST_LINK_CHARACTERS] for key in LINK_KEYS if link.get(key)}
        self._note(name, "joined", link=known)

    def _new_id(self) -> str:
        if not self.study.entry.without_id:
            raise InputError(
                "this link holds no participant id: open the link exactly as you were given it"
            )
        return f"p-{secrets.token_hex(6)}"

    def _refuse_withdrawn(self, name: str) -> None:
        from assistant.study.withdrawal import gone_name

        if self.folder.log(gone_name(self.folder, name)).exists():
            raise InputError(
                "the data under this id was deleted, as was asked for: nobody can take part again "
                "under it"
            )

    def _let_in(self) -> None:
        check_retention(self.study)
        count = self.count()
        # Who is at it may still drop out; but nobody should go through it all for nothing.
        if count["completed"] + count["active"] >= self.study.participants:
            self._give_up_silent()
            count = self.count()
        if count["completed"] + count["active"] >= self.study.participants:
            raise InputError(self.study.texts.closed)

    # Going through.

    def page(self, participant: str, tab: str) -> Page:
        """Returns the page that a participant is at.

        Raises:
            OtherTab: Another window counts.
            InputError: Nobody of this id has joined.
        """
        self.participant(participant)
        self.tabs.check(participant, tab)
        return self._shown(participant)

    def answer(
        self, participant: str, tab: str, step: str, item: str, value: Any, seconds: Any
    ) -> None:
        """Keeps the answer to one item; when this returns, it is on the disk.

        Args:
            participant: Who answers.
            tab: The window it comes from.
            step: The page.
            item: The item's name.
            value: As the page sent it; None takes an answer back.
            seconds: Since the item was shown, by the page's own clock; None where it has none.

        Raises:
            FinishedPage: The participant is at another page.
            InputError: There is no such item, or no such answer to it.
            OutputError: It cannot be written; what was saved before is kept.
        """
        state, current = self._at(participant, tab, step)
        asked = self._asked(current)
        order = shown_order(asked, pages.seed_of(self.study, participant, step))
        place = next((n for n, one in enumerate(order, 1) if one.name == item), None)
        if place is None:
            raise InputError(f"there is no item {item[:40]!r} on this page: load it again")
        _refuse_long(value)
        value = None if value is None else check_answer(order[place - 1], value)
        given = state.answers.get((step, item))
        if given is not None and given.value == value:
            return  # sent again, because the reply to the first time was lost
        self._note(
            participant,
            "answered",
            step=step,
            block=current.block,
            instrument=asked.name,
            item=item,
            position=place,
            value=value,
            seconds=_seconds(seconds),
        )

    def done(self, participant: str, tab: str, step: str, values: Mapping[str, Any]) -> Page:
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
        state = self.participant(participant)
        self.tabs.check(participant, tab)
        if step in state.done or self.step(state) is None:
            return self._shown(participant)
        state, current = self._at(participant, tab, step)
        match current.kind:
            case "consent":
                if not self._consent(participant, values):
                    return self._shown(participant)
            case "sound":
                self._sound(state, values)
                if self.participant(participant).status == "screened_out":
                    return self._shown(participant)
            case "questions":
                self._complete(state, current)
            case "talk":
                self._talk_is_over(state, current)
            case "information" | "debrief":
                pass
        self._finish(participant, current)
        return self._shown(participant)

    def back(self, participant: str, tab: str) -> Page:
        """Opens the page of questions before this one again, where the study allows it.

        Raises:
            InputError: It does not, or there is none right before.
        """
        state = self.participant(participant)
        self.tabs.check(participant, tab)
        before = self._before(state)
        if before is None:
            raise InputError("a finished page cannot be opened again in this study")
        self._note(participant, "went_back", step=before.name)
        return self._shown(participant)

    def _before(self, state: Participant) -> Step | None:
        """Returns the page that may be opened again."""
        current, steps = self.step(state), self.steps(state)
        if not self.study.questionnaires.back or current not in steps:
            return None
        index = steps.index(current)
        before = steps[index - 1] if index else None
        return before if before is not None and before.kind == "questions" else None

    def leave(self, participant: str, tab: str) -> Page:
        """Ends the study for somebody who stops; what was said so far is kept.

        Who wants it deleted withdraws instead, see `assistant.study.withdrawal`.
        """
        state = self.participant(participant)
        self.tabs.check(participant, tab)
        if state.status not in ("completed", "withdrawn"):
            self._note(participant, "stopped", reason="left", status="screened_out")
        return self._shown(participant)

    def _shown(self, participant: str) -> Page:
        state = self.participant(participant)
        step = self.step(state)
        if step is None:
            return {**pages.last_page(self.study, state), "participant": participant}
        steps = self.steps(state)
        count = len(steps) if state.cell else len(way(self.study, self._longest()))
        asked = self.instruments.get(step.instrument)
        place = (steps.index(step) + 1, count)
        self._note(participant, "page_shown", step=step.name)
        page = pages.draw(self.study, state, step, place, asked)
        can_go_back = self._before(state) is not None
        return {**page, "participant": participant, "can_go_back": can_go_back}

    def _longest(self) -> tuple[str, ...]:
        first = assignment.cells(self.study)[0]
        return assignment.sequence(self.study, first, "")

    def _at(self, participant: str, tab: str, step: str) -> tuple[Participant, Step]:
        state = self.participant(participant)
        self.tabs.check(participant, tab)
        current = self.step(state)
        if current is None or current.name != step:
            raise FinishedPage(
                "this page is finished, and there is no way back to it: load the page again"
            )
        return state, current

    def _asked(self, step: Step) -> Instrument:
        if step.kind != "questions":
            raise InputError("this page asks nothing: load it again")
        return self.instruments[step.instrument]

    def _finish(self, participant: str, step: Step) -> None:
        # What follows from a finished page is written before it: who is killed in between comes
        # back to the same page and finishes it again, and does not stand behind it with nothing.
        if not self.participant(participant).cell and step == entrance(self.study)[-1]:
            self._allocate(participant)
        if step.kind == "debrief":
            own = self.study.entry.completion_code
            self._note(participant, "completed", code=own or secrets.token_hex(4).upper())
        self._note(participant, "page_done", step=step.name)

    # What single pages ask for.

    def _consent(self, participant: str, values: Mapping[str, Any]) -> bool:
        if values.get("take_part") is not True:
            self._note(participant, "stopped", reason="no consent", status="screened_out")
            return False
        choices = {name: values.get(name) is True for name in ("audio", "words", "emotion")}
        self._note(
            participant,
            "consented",
            **choices,
            version=self.study.texts.consent_version,
            sha256=pages.consent_sha256(self.study),
        )
        return True

    def _sound(self, state: Participant, values: Mapping[str, Any]) -> None:
        """Takes the measures of the check in, and says what is not good enough."""
        sound = self.study.sound
        if sound.check and "microphone" not in state.passed:
            level = values.get("microphone_db")
            if not isinstance(level, int | float) or not -200.0 < level <= 20.0:
                raise InputError("the microphone was not heard yet: speak a sentence first")
            self._measure(state, "microphone_db", round(float(level), 1))
            is_loud = level >= sound.least_db
            self._check(state, "microphone", is_loud, "speak louder, or closer to the microphone")
        if sound.headphones != "off" and "headphones" not in state.passed:
            right = self._headphones(state, values)
            passed = right >= pages.HEADPHONES_RIGHT or sound.headphones == "asked"
            self._check(state, "headphones", passed, "put headphones on, and listen again")
        if sound.attention_word and "attention" not in self.participant(state.name).passed:
            raise InputError(f"say the word {sound.attention_word!r} aloud first")

    def _headphones(self, state: Participant, values: Mapping[str, Any]) -> int:
        given: object = values.get("headphones")
        chosen = cast(list[Any], given) if isinstance(given, list) else []
        trials = pages.headphone_trials(self.study, state.name)
        if len(chosen) != len(trials) or None in chosen:
            raise InputError("listen to all tones of the headphone check first")
        pairs = zip(trials, chosen, strict=True)
        right = sum(trial.index("quiet") == choice for trial, choice in pairs)
        self._measure(state, "headphones_right", right)
        return right

    def _measure(self, state: Participant, item: str, value: float) -> None:
        self._note(
            state.name,
            "answered",
            step="sound",
            block=None,
            instrument="sound",
            item=item,
            position=None,
            value=value,
            seconds=None,
        )

    def attention(self, participant: str, tab: str, heard: str) -> bool:
        """Looks for the word that was to be said in what was heard; the words are not kept.

        Raises:
            FinishedPage: The participant is not at the check.
        """
        state, _ = self._at(participant, tab, "sound")
        word = self.study.sound.attention_word
        said = "".join(c if c.isalnum() else " " for c in heard.casefold()).split()
        forms = {word.casefold(), *_FIGURES.get(word.casefold(), ())}
        passed = bool(forms & set(said))
        self._measure(state, "attention_word", int(passed))
        self._note_check(state.name, "attention", passed)
        return passed

    def _check(self, state: Participant, check: str, passed: bool, remedy: str) -> None:
        self._note_check(state.name, check, passed)
        if not passed and self.participant(state.name).status != "screened_out":
            raise InputError(f"that was not good enough: {remedy}")

    def _note_check(self, participant: str, check: str, passed: bool) -> None:
        self._note(participant, "checked", check=check, passed=passed)
        if self.participant(participant).failures >= self.study.sound.attempts:
            reason = f"failed the check of {check}"
            self._note(participant, "stopped", reason=reason, status="screened_out")

    def _complete(self, state: Participant, step: Step) -> None:
        asked = self.instruments[step.instrument]
        given = {
            name: answer.value for (at, name), answer in state.answers.items() if at == step.name
        }
        missing = [
            name for name, item in asked.asked.items() if item.required and given.get(name) is None
        ]
        if missing:
            count = len(missing)
            raise InputError(
                f"{count} {'question is' if count == 1 else 'questions are'} not answered yet"
            )
        for name in failed_checks(asked, given):
            reason = f"failed attention check {name} in {step.name}"
            self._note(state.name, "excluded", reason=reason)

    # Conversations.

    def condition(self, step: Step) -> Condition:
        """Returns what the assistant is like in a conversation; practice is the base alone."""
        if step.is_practice:
            return Condition.model_validate(self.study.base)
        key = seal.read_key(self.folder)
        return self.study.condition(key.conditions[step.condition])

    def begin_talk(self, participant: str, tab: str) -> Step:
        """Begins a conversation, or goes on with one that was cut off; returns its step.

        Raises:
            FinishedPage: The participant is not at a conversation.
        """
        state = self.participant(participant)
        self.tabs.check(participant, tab)
        step = self.step(state)
        if step is None or step.kind != "talk":
            raise FinishedPage("there is no conversation on this page: load it again")
        before = state.talks.get(step.name)
        attempt = before.attempts + 1 if before else 1
        if before and before.is_open:
            # The process died in its middle: the record says how far it got.
            self._end_cut_off(participant, step, before.attempts)
        self._note(
            participant,
            "talk_started",
            step=step.name,
            block=step.block,
            condition=step.condition,
            attempt=attempt,
            folder=self.talk_folder(step, attempt),
        )
        return step

    def talk_folder(self, step: Step, attempt: int) -> str:
        """Returns the name of the record folder of an attempt."""
        return step.name if attempt == 1 else f"{step.name}.{attempt}"

    def _end_cut_off(self, participant: str, step: Step, attempt: int) -> None:
        from assistant.study.talk_record import answered_turns

        folder = self.folder.talk(participant, self.talk_folder(step, attempt))
        turns, seconds = answered_turns(folder)
        self._note(
            participant,
            "talk_ended",
            step=step.name,
            attempt=attempt,
            turns=turns,
            seconds=round(seconds, 1),
            reason="cut off",
        )

    def end_talk(
        self, participant: str, step: Step, *, turns: int, seconds: float, reason: str
    ) -> None:
        """Notes that an attempt at a conversation is over."""
        talk = self.participant(participant).talks[step.name]
        self._note(
            participant,
            "talk_ended",
            step=step.name,
            attempt=talk.attempts,
            turns=turns,
            seconds=round(seconds, 1),
            reason=reason,
        )

    def probe(self, participant: str, tab: str, turn: int, value: Any, seconds: Any) -> None:
        """Keeps the answer to the question after an answer of the assistant.

        Raises:
            InputError: Nothing is asked, or the answer is no number from 1 to 7.
        """
        state = self.participant(participant)
        self.tabs.check(participant, tab)
        step = self.step(state)
        if step is None or step.kind != "talk" or not self.study.talk.probe:
            raise FinishedPage("nothing is asked on this page: load it again")
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 7:
            raise InputError("the answer is a whole number from 1 to 7")
        self._note(
            participant,
            "answered",
            step=step.name,
            block=step.block,
            instrument="probe",
            item="probe",
            position=None,
            attempt=state.talks[step.name].attempts if step.name in state.talks else 1,
            turn=turn,
            value=value,
            seconds=_seconds(seconds),
        )

    def _talk_is_over(self, state: Participant, step: Step) -> None:
        talk = state.talks.get(step.name)
        if talk is None or not talk.ended or talk.ended in ("lost", "cut off"):
            raise InputError("the conversation is not over yet: go on with it")

    def note(self, participant: str, kind: str, **values: Any) -> None:
        """Appends what an experimenter or a conversation did.

        Raises:
            InputError: The participant's data was deleted meanwhile.
        """
        self.participant(participant)
        self._note(participant, kind, **values)

    # Cells.

    def _allocate(self, participant: str) -> None:
        # Two newcomers at the same time must not both see the same cell as the emptiest.
        with self.folder.exclusively():
            self._give_up_silent()
            everybody = self.everybody()
            key = seal.read_key(self.folder)
            taken = Counter(key.cells[one.cell] for one in everybody if one.status in COUNTING)
            cell = assignment.next_cell(self.study, taken)
            names = assignment.sequence(self.study, cell, participant)
            labels = [key.label(name) for name in names]
            self._note(participant, "allocated", cell=key.group(cell.name), sequence=labels)

    def _give_up_silent(self) -> None:
        for state in self.everybody():
            if state.status == "active" and _is_silent(state):
                self._note(state.name, "stopped", reason="silent", status="dropped")

    def _note(self, participant: str, kind: str, **values: Any) -> None:
        append(self.folder.log(participant), stamped(kind, values))


_FIGURES = {
    word: (str(figure),)
    for figure, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
}


def _is_silent(state: Participant) -> bool:
    try:
        last = datetime.fromisoformat(state.last_utc)
    except ValueError:
        return False
    return datetime.now(UTC) - last > GIVEN_UP_AFTER


def _seconds(value: Any) -> float | None:
    """Returns a time that a page measured, if it can be one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return round(max(0.0, float(value)), 3)


def _refuse_long(value: Any) -> None:
    if len(json.dumps(value, default=str)) > LONGEST_ANSWER:
        raise InputError(f"that answer is too long: at most {LONGEST_ANSWER} characters")


def check_retention(study: Study, today: date | None = None) -> None:
    """Makes sure that the data of a study may still be used.

    Raises:
        SettingsError: It may not; says how it is deleted.
    """
    today = today or datetime.now(UTC).date()
    if today > study.retention_until:
        raise SettingsError(
            f"the data of this study may be kept until {study.retention_until} only: delete it by "
            "`app.py study withdraw FOLDER --expired` (or correct the clock of this computer, "
            f"which says {today})"
        )
