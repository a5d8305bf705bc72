"""Makes the folder of a new study from the example that comes with Attune."""

from pathlib import Path

from assistant.errors import InputError, OutputError
from assistant.study.design.study_file import STUDY_FILE
from assistant.study.keeping.store import INSTRUMENTS, write_private

EXAMPLE = Path(__file__).with_name("example")


def new_study(folder: Path) -> Path:
    """Writes the example study into a new folder; returns its file.

    Raises:
        InputError: There is something in the folder already.
        OutputError: It cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not empty: name a new folder")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / INSTRUMENTS).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror}") from error
    example = (EXAMPLE / STUDY_FILE).read_text(encoding="utf-8")
    write_private(folder / STUDY_FILE, example)
    return folder / STUDY_FILE
