"""Who takes part: everybody's state, read from the logs at each call, and who gets which cell.

What happened is appended and synced before anybody is told so: a process that is killed at any
moment loses nothing that anybody was told is saved. Memory holds nothing but what a log said when
it was read last, and looks first whether it is still the same.
"""

import secrets
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from assistant.errors import InputError
from assistant.study.design import assignment
from assistant.study.design.study import Study
from assistant.study.keeping import lock, seal
from assistant.study.keeping.participant import COUNTING, Participant, fold
from assistant.study.keeping.retention import check_retention
from assistant.study.keeping.store import StudyFolder, append, check_id, read_lines, stamped
from assistant.study.keeping.withdrawal import gone_name
from assistant.study.run.steps import Step, entrance, way

GIVEN_UP_AFTER = timedelta(hours=48)
"""Whoever is silent for so long is taken to have dropped out when the next one needs a cell."""
MOST_LINK_CHARACTERS = 200
LINK_KEYS = ("STUDY_ID", "SESSION_ID")


class Roster:
    """The participants of a study."""

    def __init__(self, folder: StudyFolder, study: Study) -> None:
        """Takes in nothing but the hashes of what the study was read from."""
        self.folder, self.study = folder, study
        self._opened_with = lock.frozen(folder, study)
        self._read: dict[str, tuple[tuple[int, int, int], Participant | None]] = {}

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
        log = self.folder.log(name)
        try:
            now = log.stat()
        except OSError:
            self._read.pop(name, None)
            return None
        # A log grows or goes: another process may write it, and whoever withdrew leaves another.
        mark = (now.st_ino, now.st_size, now.st_mtime_ns)
        known = self._read.get(name)
        if known is None or known[0] != mark:
            known = self._read[name] = (mark, fold(name, read_lines(log)))
        return known[1]

    def everybody(self) -> list[Participant]:
        """Returns all participants, in the order of their joining."""
        states = (self._state(name) for name in self.folder.participants())
        return [state for state in states if state is not None]

    def count(self) -> Counter[str]:
        """Returns how many participants have each status."""
        return Counter(state.status for state in self.everybody())

    def steps(self, state: Participant) -> tuple[Step, ...]:
        """Returns the steps of a participant, as far as they are known."""
        return way(self.study, state.sequence) if state.cell else entrance(self.study)

    def step(self, state: Participant) -> Step | None:
        """Returns the step that a participant is at; None where nothing follows."""
        if state.is_over:
            return None
        return next((step for step in self.steps(state) if step.name not in state.done), None)

    def note(self, participant: str, kind: str, **values: Any) -> None:
        """Appends what happened to somebody who has joined.

        Raises:
            InputError: The participant's data was deleted meanwhile.
            OutputError: It cannot be written; the log is as it was.
        """
        self.participant(participant)
        self._note(participant, kind, **values)

    def _note(self, participant: str, kind: str, **values: Any) -> None:
        append(self.folder.log(participant), stamped(kind, values))

    # Coming in.

    def admit(self, participant: str, link: Mapping[str, str], *, driven: bool = False) -> str:
        """Takes somebody in, or notes that somebody is back; returns the id.

        Args:
            participant: Of the link; empty where it carries none.
            link: Its other parameters; only known ones are kept.
            driven: Whether the browser says that a program drives it.

        Raises:
            InputError: The id cannot be one, was withdrawn, or the study is closed.
        """
        found = {"driven": True} if driven else {}
        name = check_id(participant) if participant else self._new_id()
        # Two who come first at the same time must not both deal the letters of the key.
        with self.folder.exclusively():
            self._refuse_withdrawn(name)
            state = self._state(name)
            if state is None:
                self._begin(name, link, found)
            else:
                step = self.step(state)
                self._note(name, "resumed", step=step.name if step else "", **found)
        return name

    def _begin(self, name: str, link: Mapping[str, str], found: Mapping[str, bool]) -> None:
        check_retention(self.study)
        self._refuse_when_full()
        # The first participant freezes what lies on the disk, and is shown what was read from it.
        if lock.frozen(self.folder, self.study) != self._opened_with:
            raise InputError(
                "the files of this study changed after it was opened: whoever runs it has to stop "
                "it and start it again"
            )
        lock.make_lock(self.folder, self.study)
        seal.make_key(self.folder, self.study)
        known = {key: link[key][:MOST_LINK_CHARACTERS] for key in LINK_KEYS if link.get(key)}
        self._note(name, "joined", link=known, **found)

    def _new_id(self) -> str:
        if not self.study.entry.without_id:
            raise InputError(
                "this link holds no participant id: open the link exactly as you were given it"
            )
        return f"p-{secrets.token_hex(6)}"

    def _refuse_withdrawn(self, name: str) -> None:
        if self.folder.log(gone_name(self.folder, name)).exists():
            raise InputError(
                "the data under this id was deleted, as was asked for: nobody can take part again "
                "under it"
            )

    def _refuse_when_full(self) -> None:
        # Who is at it may still drop out; but nobody should go through it all for nothing.
        if self._is_full():
            self._give_up_silent()
            if self._is_full():
                raise InputError(self.study.texts.closed)

    def _is_full(self) -> bool:
        count = self.count()
        return count["completed"] + count["active"] >= self.study.participants

    # Cells.

    def allocate(self, participant: str) -> None:
        """Gives a participant a cell, and with it the conditions."""
        # Two newcomers at the same time must not both see the same cell as the emptiest.
        with self.folder.exclusively():
            self._give_up_silent()
            key = seal.read_key(self.folder)
            counting = [state for state in self.everybody() if state.status in COUNTING]
            taken = Counter(key.cells[state.cell] for state in counting)
            cell = assignment.next_cell(self.study, taken)
            names = assignment.sequence(self.study, cell, participant)
            labels = [key.label(name) for name in names]
            self._note(participant, "allocated", cell=key.group(cell.name), sequence=labels)

    def _give_up_silent(self) -> None:
        for state in self.everybody():
            if state.status == "active" and _is_silent(state):
                self._note(state.name, "stopped", reason="silent", status="dropped")


def _is_silent(state: Participant) -> bool:
    try:
        last = datetime.fromisoformat(state.last_utc)
    except ValueError:
        return False
    return datetime.now(UTC) - last > GIVEN_UP_AFTER
