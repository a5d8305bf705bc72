"""The settings of `app.py study`."""

from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from pydantic import Field

from assistant.engines.settings import GenerationSettings, ModelSettings
from assistant.settings import CommonSettings, HelpSettings
from assistant.turns.settings import TalkSettings, TurnJudge

StudyAction = Literal[
    "new",
    "check",
    "run",
    "status",
    "simulate",
    "report",
    "export",
    "withdraw",
    "unseal",
    "hold",
    "release",
]


class StudyEngineSettings(HelpSettings):
    """How the engines of all conditions run; in what they differ the study file says."""

    turn_judge: TurnJudge = "both"
    run: ModelSettings = ModelSettings()
    generation: GenerationSettings = GenerationSettings()


class StudyRunSettings(StudyEngineSettings):
    """What a study is opened for people with, on pages or in the terminal."""

    folder: Path
    scripted: bool
    talk: TalkSettings


class StudyServerSettings(StudyRunSettings):
    """Where a study's pages are, who may open the experimenter's, how many talk at one time."""

    host: str
    port: int
    hosts: tuple[str, ...]
    auth: Path | None
    talks: int


def running(engines: StudyEngineSettings, talk: TalkSettings) -> dict[str, Any]:
    """Returns the settings that all conditions share, as they are noted at each start."""
    return {**engines.model_dump(mode="json"), "talk": talk.model_dump(mode="json")}


class StudySettings(CommonSettings):
    """Runs a study: new, check, simulate, run, status, unseal, export, report, withdraw, hold.

    new FOLDER makes a study to change. check FOLDER says what will happen and what is wrong
    (--registration: as a pre-registration sheet). simulate FOLDER lets machine-made participants go
    through a copy of it. run FOLDER opens it for people. status FOLDER shows how far everybody is.
    withdraw FOLDER ID deletes one person's data. unseal FOLDER --by NAME opens the key to the
    conditions. export FOLDER writes tables, export FOLDER ID one person's own copy, report FOLDER
    figures and tests. hold FOLDER keeps the data from being deleted when its time is over, release
    FOLDER ends that.
    """

    action: Annotated[StudyAction, tyro.conf.Positional] = "check"
    """What to do."""
    folder: Annotated[Path, tyro.conf.Positional] = Path("study")
    """The study."""
    ids: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """withdraw: the participants. export: those who want a copy of what is known of them."""
    registration: bool = False
    """check: print the pre-registration sheet."""
    out: Path | None = None
    """simulate: the copy that is run (default: FOLDER-simulated). export and report: where the
    tables go (default: FOLDER/export)."""
    real: bool = False
    """simulate: with the models and voices of the conditions, instead of a script, and people who
    have natural voices."""
    improvise: bool = False
    """simulate: with --real, people say what the language model makes up in answer."""
    participants: int | None = Field(default=None, ge=1, le=1_000)
    """simulate: how many people are made (default: as many as the study is for)."""
    scripted: bool = False
    """run: answer by a script instead of models, to try the pages; the export says so."""
    terminal: str | None = None
    """run: one participant of this id goes through the study in the terminal."""
    host: str = "127.0.0.1"
    """run: address to listen on."""
    port: int = Field(default=7861, ge=0, le=65_535)
    """run: port to listen on; 0 takes a free one."""
    hosts: tuple[str, ...] = ()
    """run: further names that browsers may call this server by, such as study.example.org."""
    auth: Path | None = None
    """run: file with the line USER:PASSWORD for the experimenter's page (or set ATTUNE_AUTH);
    otherwise a password is made up and printed."""
    talks: int = Field(default=8, ge=1, le=256)
    """run: conversations at one time; others wait."""
    by: str = ""
    """unseal, withdraw, hold and release: who does it."""
    early: str = ""
    """unseal: why before the study is complete."""
    reason: str = ""
    """hold: why."""
    expired: bool = False
    """withdraw: everybody, because the data may not be kept any longer."""
    country: str = "international"
    """Whose emergency numbers and help lines are named to a person in danger, such as DE or US."""
    help_language: str = "en"
    """Language of what is said to a person in danger."""
    help_file: Path | None = None
    """TOML file that adds countries, texts and patterns to assistant/safety.toml."""
    turn_judge: TurnJudge = "both"
    """What judges whether a pause ends the turn: the sound of the voice, the words, or both."""
    run: ModelSettings = ModelSettings()
    generation: GenerationSettings = GenerationSettings()
    talk: TalkSettings = TalkSettings()
