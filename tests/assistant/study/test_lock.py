import pytest

from assistant.errors import SettingsError
from assistant.study.keeping.lock import check_settings, note_run
from assistant.study.keeping.store import read_lines
from assistant.study.run.runner import Runner
from assistant.study.settings import StudyEngineSettings, running
from assistant.study.tables.exporting import StudyTables
from assistant.turns.settings import TalkSettings
from tests.assistant.study.small_study import enter, make_study

USUAL = running(StudyEngineSettings(), TalkSettings())
OTHER = running(StudyEngineSettings(turn_judge="words"), TalkSettings(interruptible=False))


def note(runner, settings, engines="real"):
    note_run(runner.folder, runner.study, engines=engines, settings=settings)


def test_a_start_with_other_settings_is_refused_once_somebody_has_taken_part(tmp_path):
    runner = Runner(make_study(tmp_path))
    note(runner, OTHER)
    note(runner, USUAL)  # nobody has come: all may be tried
    enter(runner, "p1")
    with pytest.raises(SettingsError, match=r"turn_judge was 'both', not 'words'.*interruptible"):
        note(runner, OTHER)
    note(runner, USUAL)
    assert len(read_lines(runner.folder.runs)) == 3
    assert StudyTables(runner.folder).facts()["runs"][-1]["settings"] == USUAL


def test_a_trial_by_script_does_not_bind_the_models(tmp_path):
    runner = Runner(make_study(tmp_path))
    note(runner, OTHER, engines="scripted")
    enter(runner, "p1")
    check_settings(runner.folder, "real", USUAL)


def test_a_setting_that_another_version_had_is_no_change(tmp_path):
    runner = Runner(make_study(tmp_path))
    note(runner, {**USUAL, "once_there": 1})
    enter(runner, "p1")
    check_settings(runner.folder, "real", {**USUAL, "new": True})
