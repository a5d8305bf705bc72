"""What is known of one participant, to be handed to that person: answers, words and sound.

People may ask for it (in the European Union by Art. 15 of the GDPR). While the key is sealed the
copy tells the conditions as little as the tables do: the logs of the conversations, which know
model and policy, are left out.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from assistant.errors import InputError, OutputError
from assistant.records.exports import webvtt
from assistant.records.reading import read_named
from assistant.records.recording import AUDIO_NAME, LOG_NAME
from assistant.study.keeping.participant import Participant
from assistant.study.keeping.store import EXPORT, TALKS, StudyFolder, check_id, write_private
from assistant.study.tables.exporting import StudyTables, write_tables

COPIES = f"{EXPORT}-copies"
"""Where copies lie; a withdrawal deletes them, as it deletes tables."""
READ_ME = "READ ME.txt"


def own_copy(folder: StudyFolder, participant: str, out: Path | None = None) -> list[Path]:
    """Writes all that is known of a participant into a folder; returns the paths.

    Args:
        folder: The study.
        participant: Whose copy it is.
        out: The folder, which must not be there; by default one of the study.

    Raises:
        InputError: Nobody of this id has joined, or the folder is there already.
        OutputError: It cannot be written.
    """
    source = StudyTables(folder)
    state = source.states.get(check_id(participant))
    if state is None:
        raise InputError(f"there is no participant {participant!r} in {folder.path}")
    out = out or folder.path / COPIES / participant
    if out.exists():
        raise InputError(f"{out} is there already: delete it, or name another folder by --out")
    about = out / READ_ME
    write_private(about, "\n".join(_told(source, state)) + "\n")
    return [about, *write_tables(source, out, only=participant), *_talks(folder, participant, out)]


def _told(source: StudyTables, state: Participant) -> Iterator[str]:
    study = source.study
    yield f"All that is known of {state.name} in the study “{study.title}”."
    yield f"Joined {state.joined_utc}; kept until {study.retention_until}."
    agreed = [kind for kind, given in state.consent.items() if given]
    yield f"Agreed to (version {state.consent_version}): {', '.join(agreed) or 'nothing kept'}."
    yield "Tables end in .csv, codebook.csv explains their columns; talks hold sound and words."
    if source.is_sealed:
        yield "Conditions are letters until the study is complete."
    yield f"Questions, and deletion: {study.contact}"


def _talks(folder: StudyFolder, participant: str, out: Path) -> Iterator[Path]:
    records = folder.participant(participant) / TALKS
    for place in sorted(path.parent for path in records.glob(f"*/{LOG_NAME}")):
        record = read_named(records, place.name)
        words = out / TALKS / f"{place.name}.vtt"
        write_private(words, webvtt.export(record))
        yield words
        if (place / AUDIO_NAME).exists():
            yield _copied(place / AUDIO_NAME, words.with_suffix(".wav"))


def _copied(sound: Path, to: Path) -> Path:
    try:
        shutil.copyfile(sound, to)
        to.chmod(0o600)
    except OSError as error:
        raise OutputError(f"{to} cannot be written ({error.strerror}): free some space") from error
    return to
