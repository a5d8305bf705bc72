"""The command `study`: what each of its actions does and prints."""

import importlib.util
import sys
from collections.abc import Callable, Iterable
from contextlib import closing

from assistant.errors import EngineUnavailable, InputError, SettingsError
from assistant.study.design.reading import read_study
from assistant.study.keeping.store import StudyFolder
from assistant.study.settings import (
    StudyEngineSettings,
    StudyRunSettings,
    StudyServerSettings,
    StudySettings,
)
from command_line.called import advice

LIBRARIES = ("fastapi", "uvicorn", "websockets")


def study(settings: StudySettings) -> int:
    """Runs `study`; returns the exit status.

    Raises:
        AssistantError: It cannot be done; says why and what to do.
    """
    actions: dict[str, Callable[[StudySettings], int]] = {
        "new": _new,
        "check": _check,
        "run": _run,
        "status": _status,
        "simulate": _simulate,
        "report": _report,
        "export": _export,
        "withdraw": _withdraw,
        "unseal": _unseal,
        "hold": _hold,
        "release": _release,
    }
    if settings.ids and settings.action not in ("withdraw", "export"):
        raise InputError(f"study {settings.action} takes a folder alone, not {settings.ids[0]!r}")
    if settings.action != "new":
        _enforce_retention(settings)
    return actions[settings.action](settings)


def _enforce_retention(settings: StudySettings) -> None:
    """Deletes what may not be kept any longer, before anything else is done with the study."""
    from assistant.study.keeping.retention import enforce_retention

    try:
        plan = read_study(settings.folder)
    except SettingsError:
        return  # the command itself says what is wrong with it
    told = enforce_retention(StudyFolder(settings.folder), plan).told
    if told:
        print(f"attune: {told}", file=sys.stderr)


def _print(lines: Iterable[str]) -> int:
    for line in lines:
        print(line)
    return 0


def _new(settings: StudySettings) -> int:
    from assistant.study.design.scaffold import new_study

    path = new_study(settings.folder)
    print(advice(f"{path} is made: change it, then `app.py study check {settings.folder}`"))
    return 0


def _check(settings: StudySettings) -> int:
    from assistant.study.run.overview import plan, registration
    from assistant.study.run.runner import Runner

    runner = Runner(StudyFolder(settings.folder))
    return _print(registration(runner) if settings.registration else plan(runner))


def _status(settings: StudySettings) -> int:
    from assistant.study.run.overview import status
    from assistant.study.run.runner import Runner

    return _print(status(Runner(StudyFolder(settings.folder))))


def _run(settings: StudySettings) -> int:
    if settings.terminal is not None:
        from ui.study.terminal import take_part

        return take_part(settings.part(StudyRunSettings), settings.terminal)
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise EngineUnavailable(
            f"the pages of a study need {', '.join(missing)}: `pip install -e '.[web]'` in "
            "Attune's folder"
        )
    from ui.study.server import serve

    return serve(settings.part(StudyServerSettings))


def _simulate(settings: StudySettings) -> int:
    from assistant.study.run.engines import StudyEngines
    from assistant.study.simulated.command import Crowd, copy_study, simulate

    read_study(settings.folder)
    to = settings.out or settings.folder.with_name(f"{settings.folder.name}-simulated")
    folder = copy_study(settings.folder, to)
    running = settings.part(StudyEngineSettings)
    crowd = Crowd(settings.talk, settings.participants, settings.improvise)
    with closing(StudyEngines(folder.path, running, scripted=not settings.real)) as engines:
        outcome = simulate(folder, engines, crowd, tell=lambda line: print(line, file=sys.stderr))
    cells = ", ".join(f"{cell}: {count}" for cell, count in sorted(outcome.cells.items()))
    print(f"{outcome.completed} completed the study ({cells}), {outcome.turns} turns")
    for label, condition in sorted(outcome.key.conditions.items()):
        print(f"  {label} was {condition}")
    print(f"tables: {outcome.tables}")
    for row in outcome.untraced:
        print(f"not found in the logs: {row}")
    return 1 if outcome.untraced else 0


def _export(settings: StudySettings) -> int:
    from assistant.study.keeping.retention import check_retention
    from assistant.study.keeping.seal import is_sealed
    from assistant.study.tables.exporting import export

    folder = StudyFolder(settings.folder)
    plan = read_study(settings.folder)
    check_retention(plan)
    if settings.ids:
        return _copies(folder, settings)
    for path in export(folder, settings.out or settings.folder / "export"):
        print(path)
    if is_sealed(folder, plan):
        sealed = "conditions are letters: `app.py study unseal` opens the key when all are done"
        print(advice(sealed))
    return 0


def _copies(folder: StudyFolder, settings: StudySettings) -> int:
    """Writes what is known of single participants, for these to have."""
    from assistant.study.tables.own_copy import own_copy

    if settings.out is not None and len(settings.ids) > 1:
        raise InputError("--out takes the copy of one participant: name one, or leave it out")
    for name in settings.ids:
        paths = own_copy(folder, name, settings.out)
        print(f"{paths[0].parent}: {len(paths)} files, to be handed to {name} alone")
    return 0


def _report(settings: StudySettings) -> int:
    from assistant.study.report.write import write_report

    status = _export(settings)
    tables = settings.out or settings.folder / "export"
    print(write_report(tables, tables.with_name(f"{tables.name}-report")))
    return status


def _withdraw(settings: StudySettings) -> int:
    from assistant.study.keeping.retention import delete_expired
    from assistant.study.keeping.withdrawal import withdraw

    folder = StudyFolder(settings.folder)
    if settings.expired:
        receipts = delete_expired(folder)
    elif settings.ids:
        reason = f"asked for, deleted by {settings.by}" if settings.by else "asked for"
        receipts = [withdraw(folder, name, reason=reason) for name in settings.ids]
    else:
        raise InputError("name the participants: `app.py study withdraw FOLDER ID`")
    for receipt in receipts:
        count = len(receipt["deleted"])
        print(f"receipt {receipt['receipt']}: {count} files deleted, {receipt['utc']}")
    print(f"receipts are in {folder.receipts}")
    return 0


def _unseal(settings: StudySettings) -> int:
    from assistant.study.keeping.seal import unseal
    from assistant.study.run.runner import Runner

    folder = StudyFolder(settings.folder)
    runner = Runner(folder)
    left = max(0, runner.study.participants - runner.roster.count()["completed"])
    key = unseal(folder, by=settings.by, early=settings.early, left=left)
    return _print(f"{label} is {condition}" for label, condition in sorted(key.conditions.items()))


def _hold(settings: StudySettings) -> int:
    from assistant.study.keeping.retention import hold

    read_study(settings.folder)
    hold(StudyFolder(settings.folder), by=settings.by, reason=settings.reason)
    print(f"{settings.folder} is on hold: nothing is deleted because of its age until a release")
    return 0


def _release(settings: StudySettings) -> int:
    from assistant.study.keeping.retention import release

    plan = read_study(settings.folder)
    release(StudyFolder(settings.folder), by=settings.by)
    print(f"the hold is over: the data may be kept until {plan.retention_until}")
    return 0
