"""Whether a place for results is free, or holds what an earlier run of `reply` wrote there."""

from pathlib import Path

from pydantic import ValidationError

from assistant.errors import SettingsError
from assistant.records.transcript import ConversationRecord

LONGEST_HEAD_BYTES = 1 << 20


def refuse_foreign(answer: Path) -> None:
    """Refuses to write over a file that another program, or a person, has made.

    The transcript beside an answer begins with a line that says what made both.

    Args:
        answer: The WAV file; the transcript lies beside it as .jsonl and .md.

    Raises:
        SettingsError: A file is there that `reply` did not write; names it.
    """
    transcript = answer.with_suffix(".jsonl")
    there = [path for path in (answer, transcript, answer.with_suffix(".md")) if path.exists()]
    if there and not _is_ours(transcript):
        raise SettingsError(
            f"{there[0]} is there already and no answer of Attune's: choose another place by "
            "--out, or write over it with --force"
        )


def _is_ours(transcript: Path) -> bool:
    try:
        with transcript.open("rb") as file:
            ConversationRecord.model_validate_json(file.readline(LONGEST_HEAD_BYTES))
    except (OSError, ValidationError):
        return False
    return True
