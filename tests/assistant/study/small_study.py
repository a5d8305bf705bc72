"""A small study in a folder, for tests."""

from pathlib import Path

from assistant.study.keeping.store import StudyFolder
from assistant.study.run.runner import Runner

TAB = "tab-1"
CONTENT = """
contact = "Somebody, somebody@example.org"
seed = 7
participants = 4
retention_until = 2099-12-31

[factors.hearing.voice]
[factors.hearing.words]
engine = "cascade"
[factors.speaking.empathetic]
[factors.speaking.flat]
policy = "flat"

[talk]
turns = 1
practice_turns = 0
probe = "Did you feel understood?"

[sound]
attention_word = "seven"

[questionnaires]
block = ["sus"]
"""


def make_study(folder: Path, content: str = CONTENT) -> StudyFolder:
    """Writes a study into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.toml").write_text(content, encoding="utf-8")
    return StudyFolder(folder)


def enter(runner: Runner, name: str, tab: str = TAB) -> dict:
    """Takes somebody up to the first conversation; returns its page."""
    runner.join(name, {}, tab)
    runner.done(name, tab, "information", {})
    choices = {"take_part": True, "audio": True, "words": True, "emotion": True}
    runner.done(name, tab, "consent", choices)
    runner.attention(name, tab, "Seven.")
    return runner.done(name, tab, "sound", {"microphone_db": -20.0, "loudspeaker": True})


def talk(runner: Runner, name: str, tab: str = TAB) -> dict:
    """Holds the conversation that a participant is at, with nobody; returns the next page."""
    step = runner.talks.begin(name, tab)
    runner.talks.end(name, step, turns=1, seconds=3.0, reason="turns")
    return runner.done(name, tab, step.name, {})


def fill_in(runner: Runner, name: str, page: dict, tab: str = TAB) -> dict:
    """Answers all questions of a page with their least answer; returns the next page."""
    for item in page["items"]:
        value = item["labels"][0] if item["form"] == "choice" else item["minimum"]
        runner.answer(name, tab, page["step"], item["name"], value, 1.0)
    return runner.done(name, tab, page["step"], {})


def go_through(runner: Runner, name: str, tab: str = TAB) -> dict:
    """Takes somebody to the end; returns the last page."""
    page = enter(runner, name, tab)
    while page["kind"] not in ("completed", "stopped"):
        if page["kind"] == "talk":
            page = talk(runner, name, tab)
        elif page["kind"] == "questions":
            page = fill_in(runner, name, page, tab)
        else:
            page = runner.done(name, tab, page["step"], {})
    return page
