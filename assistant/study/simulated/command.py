"""Simulated participants: a whole study through the real conversation loop, before people come."""

import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from assistant.errors import InputError, OutputError
from assistant.records.recording import Consent, Recorder
from assistant.study.design.conditions import Condition
from assistant.study.design.study_file import STUDY_FILE
from assistant.study.keeping import lock, seal
from assistant.study.keeping.store import INSTRUMENTS, StudyFolder
from assistant.study.run.engines import StudyEngines
from assistant.study.run.pages import COMPLETED, STOPPED, WITHDRAWN, PageContent
from assistant.study.run.runner import Runner
from assistant.study.run.talk_watch import TalkWatch
from assistant.study.settings import running
from assistant.study.simulated.improvised import Improviser
from assistant.study.simulated.person import Sayings, SimulatedPerson
from assistant.study.simulated.talk import SimulatedTalk
from assistant.study.tables.exporting import export
from assistant.study.tables.tracing import untraced
from assistant.turns.settings import TalkSettings

TAB = "simulated"


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who is made up, and how they talk."""

    talk: TalkSettings
    """How turns are taken."""
    size: int | None = None
    """How many; None for as many as the study is for."""
    improvises: bool = False
    """Whether they say what the language model makes up in answer."""


@dataclass(frozen=True, slots=True)
class StudyOutcome:
    """What came of a simulated study."""

    completed: int
    cells: Counter[str]
    """Participants who completed it, by cell."""
    turns: int
    untraced: list[str]
    """Rows of the export whose source does not bear them out."""
    tables: Path
    key: seal.Key
    """What the letters stood for, unsealed at the end."""


def copy_study(folder: Path, to: Path) -> StudyFolder:
    """Copies study file, instruments and policies, so that the study itself stays unlocked.

    A copy that exists is gone on with where it is of the same study file.

    Raises:
        InputError: There is something else in its place.
        OutputError: It cannot be written.
    """
    source = folder / STUDY_FILE
    if to.exists():
        old = to / STUDY_FILE
        if not old.exists() or old.read_bytes() != source.read_bytes():
            raise InputError(f"{to} holds something else: delete it, or name another by --out")
        return StudyFolder(to)
    try:
        to.mkdir(mode=0o700, parents=True)
        for path in folder.glob("*.toml"):
            shutil.copy(path, to / path.name)
        if (folder / INSTRUMENTS).is_dir():
            shutil.copytree(folder / INSTRUMENTS, to / INSTRUMENTS)
    except OSError as error:
        raise OutputError(f"{to} cannot be written: {error.strerror}") from error
    return StudyFolder(to)


def simulate(
    folder: StudyFolder, engines: StudyEngines, crowd: Crowd, *, tell: Callable[[str], None]
) -> StudyOutcome:
    """Lets participants go through a study until it is complete, unseals it and exports.

    Args:
        folder: A copy of the study.
        engines: What answers. Where it is no script, people have natural voices.
        crowd: The people.
        tell: Told of everybody who is through.

    Raises:
        AssistantError: The study or its engines cannot be used; says why.
    """
    runner = Runner(folder)
    shared = running(engines.settings, crowd.talk)
    kind = "scripted" if engines.scripted else "real"
    lock.note_run(folder, runner.study, engines=kind, settings=shared)
    people = _People(runner, engines, crowd)
    for number in range(1, (crowd.size or runner.study.participants) + 1):
        name = f"sim-{number:03}"
        page = people.take_part(name)
        tell(f"{name}: {page['kind']} ({runner.roster.participant(name).cell})")
    return _finished(runner, folder)


def _finished(runner: Runner, folder: StudyFolder) -> StudyOutcome:
    complete = [state for state in runner.roster.everybody() if state.status == "completed"]
    left = max(0, runner.study.participants - len(complete))
    key = seal.unseal(folder, by="simulation", early="simulation" if left else "", left=left)
    out = folder.path / "export"
    export(folder, out)
    return StudyOutcome(
        completed=len(complete),
        cells=Counter(state.cell for state in complete),
        turns=sum(talk.turns for state in complete for talk in state.talks.values()),
        untraced=untraced(folder.path, out),
        tables=out,
        key=key,
    )


class _People:
    def __init__(self, runner: Runner, engines: StudyEngines, crowd: Crowd) -> None:
        self._runner, self._engines, self._crowd = runner, engines, crowd
        self._sayings = Sayings(natural=not engines.scripted)
        self._voice = ""

    def take_part(self, name: str) -> PageContent:
        """Goes through all pages; returns the last one. Who was there already goes on."""
        runner = self._runner
        chance = random.Random(f"{runner.study.seed}:{name}")
        self._voice = self._sayings.voice_of(int(name.rpartition("-")[2]))
        page = runner.join(name, {}, TAB)
        while page["kind"] not in (COMPLETED, STOPPED, WITHDRAWN):
            values = self._fill_in(name, page, chance)
            page = runner.done(name, TAB, page["step"], values)
        return page

    def _fill_in(self, name: str, page: PageContent, chance: random.Random) -> dict[str, Any]:
        match page["kind"]:
            case "consent":
                return {"take_part": True, "audio": True, "words": True, "emotion": True}
            case "sound":
                return self._check_sound(name, page)
            case "talk":
                self._talk(name, chance, page["task"])
            case "questions":
                seconds = 0.0
                for item in page["items"]:
                    value = made_up_answer(item, chance)
                    seconds = round(seconds + chance.uniform(1.5, 6.0), 2)
                    self._runner.answer(name, TAB, page["step"], item["name"], value, seconds)
            case _:
                pass
        return {}

    def _check_sound(self, name: str, page: PageContent) -> dict[str, Any]:
        if page["word"]:
            self._runner.attention(name, TAB, page["word"])
        return {
            "microphone_db": -24.0,
            "loudspeaker": True,
            "headphones": [trial.index("quiet") for trial in page["trials"]],
        }

    def _talk(self, name: str, chance: random.Random, task: str) -> None:
        runner = self._runner
        step = runner.talks.begin(name, TAB)
        state = runner.roster.participant(name)
        before = state.talks[step.name]
        condition = runner.talks.condition(step)
        person = self._person(chance, condition, task)
        talk = SimulatedTalk(self._engines, self._crowd.talk, person)
        watch = TalkWatch(
            runner.study.talk,
            before,
            is_practice=step.is_practice,
            over=talk.over,
            answered=talk.answered.append,
        )
        record = runner.talks.record(name, step, before.attempts)
        recorder = Recorder(record, Consent(**state.consent), on_problem=_fail)
        try:
            talk.hold(condition, watch, recorder)
        finally:
            recorder.close()
        if runner.study.talk.probe and not step.is_practice:
            for turn in talk.answered:
                seconds = round(chance.uniform(0.5, 3.0), 2)
                runner.talks.probe(name, TAB, turn, chance.randint(1, 7), seconds)
        end = runner.talks.end
        end(name, step, turns=watch.turns, seconds=watch.seconds, reason=talk.reason)

    def _person(self, chance: random.Random, condition: Condition, task: str) -> SimulatedPerson:
        begin = self._sayings.some(chance, self._voice)
        if not self._crowd.improvises:
            return SimulatedPerson(begin)
        speak = partial(self._sayings.spoken, voice=self._voice)
        model = self._engines.model(condition)
        return SimulatedPerson(begin, Improviser(model, task, speak).answer)


def made_up_answer(item: dict[str, Any], chance: random.Random) -> Any:
    """Returns an answer that the item takes."""
    match item["form"]:
        case "choice":
            return chance.choice(item["labels"])
        case "text":
            return "made up by a simulation"[: int(item["maximum"])]
        case "grid":
            low, high = int(item["minimum"]), int(item["maximum"])
            return f"{chance.randint(low, high)},{chance.randint(low, high)}"
        case _:
            return chance.randint(int(item["minimum"]), int(item["maximum"]))


def _fail(message: str) -> None:
    raise OutputError(message)
