"""The record of a conversation: an event log and a stereo WAV on one clock, written as it happens.

A folder holds `events.jsonl` (the truth: one line an event) and, with consent to sound,
`audio.wav` (left: the person, right: the assistant as played; 16 kHz). Both are handed to the
system with every frame, so a process that is killed loses less than half a second, and whatever
was cut off in the middle is mended when the folder is opened again (`mending`).
"""

import dataclasses
import errno
import fcntl
import json
import os
import struct
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from pydantic import BaseModel, ConfigDict

from assistant import events
from assistant.audio.waveform import SPEECH_RATE_HZ, Waveform, to_int16
from assistant.carried import Content
from assistant.errors import EngineFailed, OutputError
from assistant.event_lines import to_record
from assistant.worker import Worker

LOG_NAME, AUDIO_NAME = "events.jsonl", "audio.wav"
FORMAT = "attune-log"
VERSION = 2
"""Of what is written. Since 2 a turn that waited for an order to be answered lies where it was
said; `first_version` reads what was written before."""
FRAMES_PER_HEADER = 12
"""Frames from one update of the WAV's header to the next: less than half a second."""
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
HEADER_BYTES = _HEADER.size
BYTES_PER_SAMPLE = 4
"""Two channels of 16 bits."""


class Consent(BaseModel):
    """What the person agreed to have recorded; each is a choice of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    audio: bool = True
    """Keep the sound of the conversation."""
    words: bool = True
    """Keep what was said, by the person and by the assistant."""
    emotion: bool = True
    """Keep the emotion estimates and the styles that follow from them."""

    @property
    def agreed(self) -> frozenset[Content]:
        """The kinds of what events hold that may be kept; the course of a talk always may."""
        chosen = {
            Content.WORDS: self.words,
            Content.EMOTION: self.emotion,
            Content.SOUND: self.audio,
        }
        return frozenset({Content.COURSE, *(kind for kind, may in chosen.items() if may)})


class LogHead(BaseModel):
    """The first line of a log."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = FORMAT
    version: int = VERSION
    consent: Consent = Consent()
    rate_hz: int = SPEECH_RATE_HZ


class Recorder:
    """Records one conversation; `listen` and `tap` are the loop's listener and tap.

    Files are written on a thread of their own. When that fails (a full disk, say), recording
    stops, the person is told once, the conversation goes on, and what was written is whole.
    """

    def __init__(
        self, folder: Path, consent: Consent, *, on_problem: Callable[[str], None]
    ) -> None:
        """Creates the files.

        Args:
            folder: Is created; must not hold a record already. Readable for its owner only.
            consent: What may be kept.
            on_problem: Told in a sentence, on the event loop, that recording has stopped.

        Raises:
            OutputError: The files cannot be created.
        """
        self.folder = folder
        self._consent = consent
        self._on_problem = on_problem
        self._failed: OSError | None = None
        self._is_failure_told = False
        self._worker = Worker("recorder", limit=4_096)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._log = _Appended(folder / LOG_NAME)
            self._log.append(_line(LogHead(consent=consent).model_dump()))
            self._audio = WavWriter(folder / AUDIO_NAME) if consent.audio else None
        except OSError as error:
            raise OutputError(_impossible(folder, error)) from error

    @property
    def is_behind(self) -> bool:
        """Whether something is still to be written."""
        return self._worker.waiting > 0

    @property
    def log_descriptor(self) -> int:
        """The file descriptor of the log."""
        return self._log.fileno()

    def listen(self, event: events.Event) -> None:
        """Appends what happened, as far as there is consent to it."""
        kept = permitted(event, self._consent)
        if kept is None:
            return
        utc = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._write(partial(self._log.append, _line({**to_record(kept), "wall_utc": utc})))

    def tap(self, person: Waveform, assistant: Waveform) -> None:
        """Appends one frame of both sides."""
        if self._audio is not None:
            self._write(partial(self._audio.write, person, assistant))

    def close(self) -> None:
        """Writes what is left and closes the files. Not to be called on the event loop.

        Raises:
            OutputError: Something could not be written, and the person does not know yet.
        """
        self._worker.close()
        try:
            if self._audio is not None:
                self._audio.close()
            self._log.close()
        except OSError as error:
            self._failed = self._failed or error
        if self._failed is not None and not self._is_failure_told:
            raise OutputError(_failure(self.folder, self._failed)) from self._failed

    def _write(self, write: Callable[[], Any]) -> None:
        if self._failed is not None:
            return
        try:
            self._worker.submit(partial(self._written, write), self._after_write)
        except EngineFailed:
            # The disk has taken nothing for minutes, and what waits is all that may: the talk goes
            # on without a record, and is not ended for it.
            self._failed = OSError(errno.ETIMEDOUT, "the disk takes nothing any more")
            self._after_write(None, self._failed)

    def _written(self, write: Callable[[], Any]) -> None:
        """Runs on the worker. After a failure nothing more is written: a gap would be no record."""
        if self._failed is None:
            try:
                write()
            except OSError as error:
                self._failed = error
                raise

    def _after_write(self, _result: Any, error: BaseException | None) -> None:
        if error is None:
            return
        if not isinstance(error, OSError):
            raise error
        self._is_failure_told = True
        self._on_problem(_failure(self.folder, error))


def check_records(folder: Path) -> None:
    """Makes sure that talks can be recorded in `folder`, which is created.

    Raises:
        OutputError: They cannot; says why and what to do.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written and not only created: on a full disk an empty file can still be made.
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(bytes(4096))
    except OSError as error:
        raise OutputError(_impossible(folder, error)) from error


def permitted(event: events.Event, consent: Consent) -> events.Event | None:
    """Returns what of `event` may be kept; None for nothing.

    Only what an event declares (`Event.carries`) and the person agreed to is kept. What no line of
    `EVENTS` knows could not be read back, and says nothing that can be relied on: it is left out.
    """
    if events.EVENTS.get(type(event).__name__) is not type(event):
        return None
    values = {
        field.name: getattr(event, field.name)
        for field in dataclasses.fields(event)
        if field.name != "at_s"
    }
    emptied = event.carries.without(values, consent.agreed)
    return None if emptied is None else dataclasses.replace(event, **emptied)


class _Appended:
    """A new file, for its owner only, that grows by whole pieces, each at once."""

    def __init__(self, path: Path) -> None:
        # Never over another record, and never through a link to a file elsewhere.
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        # Held until the file is closed, also by force: who reads it knows that it still grows.
        with suppress(OSError):  # some file systems know no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._size = 0

    def append(self, data: bytes) -> None:
        """Appends all of `data`, or nothing of it.

        Raises:
            OSError: It cannot be written, for example because the disk is full.
        """
        try:
            _write_all(self._file, data)
        except OSError:
            # A part of it may have fitted. Where it cannot be taken back, opening the record does.
            with suppress(OSError):
                self._file.truncate(self._size)
                self._file.seek(self._size)
            raise
        self._size += len(data)

    def begin_with(self, data: bytes) -> None:
        """Writes `data` over the beginning."""
        self._file.seek(0)
        _write_all(self._file, data)
        self._file.seek(self._size)

    def fileno(self) -> int:
        """The file descriptor."""
        return self._file.fileno()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _write_all(file: BinaryIO, data: bytes) -> None:
    """Unbuffered files may take a part only."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]


class WavWriter:
    """A stereo WAV whose header is right at every moment but the last half second."""

    def __init__(self, path: Path) -> None:
        self._file = _Appended(path)
        self._samples = 0
        self._frames = 0
        self._file.append(wav_header(0))

    def write(self, left: Waveform, right: Waveform) -> None:
        """Appends equally many samples of both channels."""
        stereo = np.stack([to_int16(left), to_int16(right)], axis=1)
        self._file.append(stereo.astype("<i2").tobytes())
        # Sound first, then the header that counts it: whoever is killed between both leaves sound
        # that is mended, and no header that promises what is not there.
        self._samples += len(left)
        self._frames += 1
        if self._frames % FRAMES_PER_HEADER == 0:
            self._update_header()

    def close(self) -> None:
        """Completes the header."""
        try:
            self._update_header()
        finally:
            self._file.close()

    def _update_header(self) -> None:
        self._file.begin_with(wav_header(self._samples))


def wav_header(samples: int) -> bytes:
    """Returns the header of a stereo 16-bit WAV of so many samples."""
    size = min(samples * BYTES_PER_SAMPLE, 0xFFFFFFFF - 36)
    rate = SPEECH_RATE_HZ
    bytes_per_s = rate * BYTES_PER_SAMPLE
    return _HEADER.pack(
        *(b"RIFF", size + 36, b"WAVE", b"fmt ", 16, 1, 2, rate, bytes_per_s),
        *(BYTES_PER_SAMPLE, 16, b"data", size),
    )


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _failure(folder: Path, error: OSError) -> str:
    return (
        f"the recording in {folder} has stopped ({error.strerror}): what was written so far is "
        "kept; free some space and start a new one"
    )


def _impossible(folder: Path, error: OSError) -> str:
    return (
        f"nothing can be recorded in {folder} ({error.strerror}): name another folder by "
        "--records, or let this one be written in"
    )
