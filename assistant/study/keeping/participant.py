"""What is known of a participant: folded from the lines of the log, and from nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Literal

from assistant.study.keeping.store import Line

Status = Literal[
    "joined", "consented", "active", "completed", "withdrawn", "dropped", "screened_out"
]
LEFT = "left"
"""Why somebody stopped who wanted to; whoever was given up as silent may come back."""
COUNTING: frozenset[Status] = frozenset({"active", "completed"})
"""Who counts when cells are filled."""


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """The latest answer to an item."""

    value: Any
    seconds: float | None
    line: int
    """Where it stands in the log, from 1."""


@dataclass(frozen=True, slots=True)
class TalkSoFar:
    """A conversation, over all its attempts."""

    attempts: int = 0
    turns: int = 0
    """Answers that were given in attempts that are over."""
    seconds: float = 0.0
    """Of attempts that are over."""
    ended: str = ""
    """Why the last attempt ended; empty while one is under way, or was cut off by a crash."""
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Participant:
    """A participant's state."""

    name: str
    status: Status = "joined"
    joined_utc: str = ""
    last_utc: str = ""
    completed_utc: str = ""
    link: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the link carried beside the id, such as STUDY_ID."""
    consent: Mapping[str, bool] = field(default_factory=dict[str, bool])
    """audio, words and emotion, each a choice; empty before consent."""
    consent_version: str = ""
    consent_sha256: str = ""
    cell: str = ""
    sequence: tuple[str, ...] = ()
    """Labels of the conditions in their order."""
    done: tuple[str, ...] = ()
    """Names of finished steps, in the order in which they were finished."""
    answers: Mapping[tuple[str, str], ItemAnswer] = field(
        default_factory=dict[tuple[str, str], ItemAnswer]
    )
    """By step and item; of a probe also by turn, as `probe:1.3` of the
    first attempt."""
    talks: Mapping[str, TalkSoFar] = field(default_factory=dict[str, TalkSoFar])
    failures: Mapping[str, int] = field(default_factory=dict[str, int])
    """How often each check of sound and attention was failed."""
    passed: frozenset[str] = frozenset()
    """Checks that were passed."""
    exclusions: tuple[str, ...] = ()
    """Reasons to leave this participant out of the analysis; the data stays."""
    stopped: str = ""
    """Why it ended before its end; empty where it did not."""
    code: str = ""
    lines: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing follows for this participant."""
        has_left = self.status == "dropped" and self.stopped == LEFT
        return has_left or self.status in ("completed", "withdrawn", "screened_out")


def fold(name: str, lines: Iterable[Line]) -> Participant | None:
    """Returns the state after `lines`; None where nobody has joined."""
    return reduce(after, lines, Participant(name)) if (lines := list(lines)) else None


def after(state: Participant, line: Line) -> Participant:
    """Returns the state after one happening; unknown kinds change nothing but the count."""
    state = replace(state, lines=state.lines + 1, last_utc=str(line.get("utc", "")))
    change = _CHANGES.get(str(line.get("kind", "")))
    return state if change is None else change(state, line)


def _joined(state: Participant, line: Line) -> Participant:
    return replace(state, joined_utc=str(line["utc"]), link=dict(line.get("link", {})))


def _consented(state: Participant, line: Line) -> Participant:
    choices = {name: bool(line.get(name)) for name in ("audio", "words", "emotion")}
    return replace(
        state,
        status="consented",
        consent=choices,
        consent_version=str(line["version"]),
        consent_sha256=str(line["sha256"]),
    )


def _allocated(state: Participant, line: Line) -> Participant:
    sequence = tuple(map(str, line["sequence"]))
    return replace(state, status="active", cell=str(line["cell"]), sequence=sequence)


def _page_done(state: Participant, line: Line) -> Participant:
    step = str(line["step"])
    return state if step in state.done else replace(state, done=(*state.done, step))


def _went_back(state: Participant, line: Line) -> Participant:
    step = str(line["step"])
    return replace(state, done=tuple(name for name in state.done if name != step))


def _answered(state: Participant, line: Line) -> Participant:
    item = str(line["item"])
    if line.get("turn") is not None:
        item = f"{item}:{line['attempt']}.{line['turn']}"
    given = ItemAnswer(line.get("value"), line.get("seconds"), state.lines)
    return replace(state, answers={**state.answers, (str(line["step"]), item): given})


def _checked(state: Participant, line: Line) -> Participant:
    check = str(line["check"])
    if line.get("passed"):
        return replace(state, passed=state.passed | {check})
    return replace(state, failures={**state.failures, check: state.failures.get(check, 0) + 1})


def _talk_started(state: Participant, line: Line) -> Participant:
    step = str(line["step"])
    before = state.talks.get(step, TalkSoFar())
    talk = replace(before, attempts=before.attempts + 1, ended="", is_open=True)
    return replace(state, talks={**state.talks, step: talk})


def _talk_ended(state: Participant, line: Line) -> Participant:
    step = str(line["step"])
    before = state.talks.get(step, TalkSoFar())
    talk = replace(
        before,
        turns=before.turns + int(line.get("turns", 0)),
        seconds=before.seconds + float(line.get("seconds", 0.0)),
        ended=str(line["reason"]),
        is_open=False,
    )
    return replace(state, talks={**state.talks, step: talk})


def _completed(state: Participant, line: Line) -> Participant:
    done = replace(state, status="completed", completed_utc=str(line["utc"]))
    return replace(done, code=str(line["code"]))


def _stopped(state: Participant, line: Line) -> Participant:
    return replace(state, status=line.get("status", "dropped"), stopped=str(line["reason"]))


def _resumed(state: Participant, _line: Line) -> Participant:
    """Who was given up and comes back goes on; his cell may then have one too many."""
    is_back = state.status == "dropped" and state.cell and state.stopped != LEFT
    return replace(state, status="active", stopped="") if is_back else state


def _withdrawn(state: Participant, line: Line) -> Participant:
    """Nothing is left but that somebody was here."""
    utc = str(line.get("utc", ""))
    return Participant(
        state.name,
        status="withdrawn",
        joined_utc=str(line.get("joined_utc", utc)),
        last_utc=utc,
        cell=str(line.get("cell", "")),
        lines=state.lines,
    )


def _excluded(state: Participant, line: Line) -> Participant:
    reason = str(line["reason"])
    known = state.exclusions
    return state if reason in known else replace(state, exclusions=(*known, reason))


_CHANGES = {
    "joined": _joined,
    "consented": _consented,
    "allocated": _allocated,
    "page_done": _page_done,
    "went_back": _went_back,
    "answered": _answered,
    "checked": _checked,
    "talk_started": _talk_started,
    "talk_ended": _talk_ended,
    "completed": _completed,
    "stopped": _stopped,
    "resumed": _resumed,
    "withdrawn": _withdrawn,
    "excluded": _excluded,
}
