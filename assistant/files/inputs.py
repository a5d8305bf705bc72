"""What `reply` is to answer: sound files, folders of them, and what comes by standard input."""

import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, TextIO

from assistant.errors import InputError, SettingsError

STANDARD_INPUT = "-"
SOUND_FILES = frozenset(
    ".wav .flac .ogg .oga .opus .mp3 .m4a .aac .aif .aiff .aifc .w64 .au .snd .caf .webm .wma .amr "
    ".mp4 .mov .mkv".split()
)
"""Names of files that are taken from a folder; any file may be named by itself."""
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ReplyInputs:
    """What is to be answered."""

    recordings: tuple[Path, ...] = ()
    """Sound files of a person speaking."""
    text: str | None = None
    """A typed question, answered after them."""


@contextmanager
def given_inputs(asked: ReplyInputs) -> Generator[ReplyInputs]:
    """Yields what is asked with each recording as a file, for as long as those are needed.

    A folder stands for the sound files in it, in the order of their names; `-` for a recording
    that comes by standard input, or for a question as the value of `--text`.

    Raises:
        SettingsError: Nothing comes by standard input, or it is asked for twice.
        InputError: A folder holds no sound file, or what comes is empty or no text.
    """
    waiting = [str(path) for path in asked.recordings].count(STANDARD_INPUT)
    waiting += asked.text == STANDARD_INPUT
    if waiting > 1:
        raise SettingsError("standard input can be read once only: give - for one input")
    if waiting and not _is_sent(sys.stdin):
        raise SettingsError(
            "- stands for what another program sends, and nothing is sent here: pipe it in, as in "
            "`cat question.wav | app.py reply -`, or name a file"
        )
    with TemporaryDirectory(prefix="attune-") as folder:
        recordings = tuple(_files(asked.recordings, Path(folder)))
        text = _text(sys.stdin.buffer) if asked.text == STANDARD_INPUT else asked.text
        yield ReplyInputs(recordings, text)


def _is_sent(stream: TextIO | None) -> bool:
    """Whether another program sends something: there is no stream where it was closed (`<&-`)."""
    return stream is not None and not stream.isatty()


def _files(recordings: Iterable[Path], folder: Path) -> Iterator[Path]:
    for recording in recordings:
        if str(recording) == STANDARD_INPUT:
            yield _kept(sys.stdin.buffer, folder / "stdin")
        elif recording.is_dir():
            yield from _within(recording)
        else:
            yield recording


def _within(folder: Path) -> list[Path]:
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SOUND_FILES)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read: {error.strerror}") from error
    if not found:
        raise InputError(f"there is no sound file in the folder {folder}: name one that has some")
    return found


def _kept(stream: BinaryIO, path: Path) -> Path:
    """Writes what comes to a file: readers of sound look back and forth in it."""
    with path.open("wb") as file:
        while block := stream.read(BLOCK_BYTES):
            file.write(block)
    if path.stat().st_size == 0:
        raise InputError("nothing came by standard input: pipe a recording in, or name a file")
    return path


def _text(stream: BinaryIO) -> str:
    text = stream.read().decode("utf-8", errors="replace").strip()
    if not text:
        raise InputError("nothing came by standard input: pipe a question in, or write it")
    return text
