"""A record opened again: what was cut off in the middle is mended, and its log read back."""

import fcntl
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from assistant import events
from assistant.audio.waveform import SPEECH_RATE_HZ
from assistant.errors import InputError
from assistant.event_lines import from_record
from assistant.records.first_version import placed
from assistant.records.recording import (
    AUDIO_NAME,
    BYTES_PER_SAMPLE,
    FORMAT,
    HEADER_BYTES,
    LOG_NAME,
    VERSION,
    LogHead,
    wav_header,
)


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


_LINES = json.JSONDecoder(parse_constant=_refused)


@dataclass(frozen=True, slots=True)
class ConversationLog:
    """A record read back."""

    head: LogHead
    events: list[events.Event]
    utc: list[str]
    """Wall time of each event, ISO 8601."""
    repairs: tuple[str, ...]
    """What had to be mended, in sentences; empty for a record that was closed."""


def open_record(folder: Path) -> ConversationLog:
    """Mends what was cut off in a record, on disk, and returns its log.

    Raises:
        InputError: There is no record, or it is damaged in its middle; names file and line.
    """
    repairs = [*_repair_log(folder / LOG_NAME), *_repair_wav(folder / AUDIO_NAME)]
    return read_log(folder / LOG_NAME, tuple(repairs))


def is_being_written(folder: Path) -> bool:
    """Whether a conversation is being recorded in `folder` at this moment."""
    try:
        descriptor = os.open(folder / LOG_NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # Shared, so that those who look do not take each other for a writer; it is let go with the
        # descriptor.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def read_so_far(folder: Path) -> ConversationLog:
    """Returns the log of a record: as it stands where it still grows, else mended on disk.

    A record that grows is not mended: its recorder would write behind the mended end.

    Raises:
        InputError: It cannot be read, is a link, or a line is none of a record.
    """
    link = next((path for path in (folder, folder / AUDIO_NAME) if path.is_symlink()), None)
    if link is not None:
        raise InputError(f"{link} is a link: records are files of their own")
    return read_log(folder / LOG_NAME) if is_being_written(folder) else open_record(folder)


def _brief(error: Exception) -> str:
    """Returns the reason on one line; pydantic writes several, with words of the talk."""
    if isinstance(error, ValidationError):
        return error.errors()[0]["msg"]
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)


def read_log(path: Path, repairs: tuple[str, ...] = ()) -> ConversationLog:
    """Returns the whole lines of a log, which may still be written; changes nothing on disk.

    Raises:
        InputError: It cannot be read, or a line is none of a record; names file and line.
    """
    # not splitlines: words may hold other line separators
    lines = _content(path).split(b"\n")[:-1]
    happened: list[events.Event] = []
    utc: list[str] = []
    number = 1
    try:
        head = _head(lines)
        for line in lines[1:]:
            number += 1
            record = _LINES.decode(line.decode("utf-8"))
            utc.append(str(record.pop("wall_utc")))
            happened.append(from_record(record))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path}, line {number} is no line of a record: {_brief(error)}"
        ) from error
    if head.version == 1:
        happened = placed(happened)
    return ConversationLog(head, happened, utc, repairs)


def _head(lines: list[bytes]) -> LogHead:
    if not lines:
        raise ValueError("it is empty")
    head = LogHead.model_validate_json(lines[0])
    if head.format != FORMAT or head.version > VERSION:
        raise ValueError(f"{head.format} {head.version} is not known here: update Attune")
    return head


def _content(path: Path) -> bytes:
    """Returns what is in a file, and never follows a link or waits for a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InputError(f"{path} cannot be read: it is no file")
            return file.read()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _repair_log(path: Path) -> list[str]:
    content = _content(path)
    end = content.rfind(b"\n") + 1
    if end == len(content):
        return []
    with path.open("r+b") as file:
        file.truncate(end)
    return [f"the last line of {path.name} was cut off and has been removed"]


def _repair_wav(path: Path) -> list[str]:
    if not path.exists():
        return []
    size = path.stat().st_size
    samples = max(0, size - HEADER_BYTES) // BYTES_PER_SAMPLE
    whole = HEADER_BYTES + samples * BYTES_PER_SAMPLE
    header = wav_header(samples)
    with path.open("r+b") as file:
        # A whole file is left as it is: its time is part of the stamp by which the index knows it.
        if file.read(HEADER_BYTES) == header and size == whole:
            return []
        file.seek(0)
        file.write(header)
        file.truncate(whole)
    return [f"the length in {path.name} was mended: {samples / SPEECH_RATE_HZ:.1f} s"]
