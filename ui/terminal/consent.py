"""Asks before anything is recorded: sound, words and emotion are three choices."""

import shutil
import sys
import textwrap
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path

from assistant.errors import SettingsError
from assistant.records.recording import Consent, check_records

QUESTIONS = {
    "audio": "Keep the sound of your voice and of Attune's answers?",
    "words": "Keep the words that both of you say?",
    "emotion": "Keep how your voice was judged to feel?",
}


def ask_consent(
    records: Path,
    *,
    is_wanted: bool,
    agreed: Collection[str],
    ask: Callable[[str], str] = input,
) -> Consent | None:
    """Returns what may be recorded; None for nothing at all.

    Args:
        records: Folder for recordings.
        is_wanted: Whether a recording is asked for.
        agreed: What the person has agreed to already, so that nothing is asked.
        ask: Asks the person.

    Raises:
        SettingsError: There is nobody to ask, or nothing that could be agreed to.
        OutputError: Nothing can be written in the folder for recordings.
    """
    if not is_wanted:
        if agreed:
            raise SettingsError(
                "--consent says what may be recorded, but without --record nothing is: add "
                "--record, or leave --consent out"
            )
        return None
    check_records(records)
    if agreed:
        return _consent(agreed)
    if ask is input and not sys.stdin.isatty():
        raise SettingsError(
            "--record needs consent and nobody can be asked here: name what was agreed to, "
            "for example --consent audio words emotion"
        )
    told = (
        f"This talk can be recorded in the folder {records}. What is recorded stays on this "
        "computer, and deleting the folder deletes it all. Every choice is yours; without any yes "
        "the talk goes on unrecorded."
    )
    print(textwrap.fill(told, max(30, shutil.get_terminal_size().columns - 1)))
    said = {kind for kind, question in QUESTIONS.items() if _is_yes(ask(f"{question} [y/N] "))}
    return _consent(said) if said else None


def new_folder(records: Path) -> Path:
    """Returns a path in `records` that does not exist yet, named by the time in UTC."""
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    path, count = records / name, 1
    while path.exists():
        count += 1
        path = records / f"{name}-{count}"
    return path


def _consent(agreed: Collection[str]) -> Consent:
    return Consent(audio="audio" in agreed, words="words" in agreed, emotion="emotion" in agreed)


def _is_yes(answer: str) -> bool:
    return answer.strip().casefold() in ("y", "yes")
