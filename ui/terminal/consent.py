"""Asks before anything is recorded: sound, words and emotion are three choices.

What was agreed to is opened as a recording later, when model and voice are there.
"""

import shutil
import sys
import textwrap
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from assistant.errors import SettingsError
from assistant.records.recording import Consent, Recorder, check_records
from assistant.records.removal.retention import enforce_retention, forgetting, too_old

QUESTIONS = {
    "audio": "Keep the sound of your voice and of Attune's answers?",
    "words": "Keep the words that both of you say?",
    "emotion": "Keep how your voice was judged to feel?",
}


@dataclass(frozen=True, slots=True)
class AgreedRecording:
    """A recording that a person has agreed to."""

    records: Path
    """Folder for recordings."""
    consent: Consent

    def open(
        self, held: ExitStack, *, say: Callable[[str], None], on_problem: Callable[[str], None]
    ) -> Recorder:
        """Returns what records the talk, in a new folder; `held` closes it and says where it is.

        Args:
            held: Lasts as long as the talk.
            say: Says a line before and after the talk.
            on_problem: Told in a sentence, while the talk goes on, that recording has stopped.

        Raises:
            InputError: The rule of the folder is damaged.
            OutputError: What is too old cannot be deleted, or nothing be recorded.
        """
        for receipt, path in enforce_retention(self.records, forgetting(self.records, None)):
            say(too_old(receipt, path))
        recorder = Recorder(new_folder(self.records), self.consent, on_problem=on_problem)
        held.callback(say, f"The talk is recorded in {recorder.folder}.")
        held.callback(recorder.close)
        return recorder


def ask_consent(
    records: Path,
    *,
    is_wanted: bool,
    agreed: Collection[str],
    ask: Callable[[str], str] = input,
) -> AgreedRecording | None:
    """Returns the recording that may be made; None for none at all.

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
        return AgreedRecording(records, _consent(agreed))
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
    return AgreedRecording(records, _consent(said)) if said else None


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
