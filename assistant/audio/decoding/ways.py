"""Which way a sound file is read: by libsndfile, by the program `ffmpeg`, or by both in turn."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from assistant.audio.decoding import ffmpeg
from assistant.audio.decoding.ffmpeg import FfmpegSound, Span
from assistant.audio.decoding.file_slice import FileSlice
from assistant.audio.decoding.mp3 import is_mp3, mp3_spans
from assistant.audio.decoding.riff import MAGICS, WavPart, wav_parts
from assistant.audio.decoding.source import LibrarySound, NoSamples, Samples, SoundSource
from assistant.errors import InputError

Way = Callable[[], SoundSource]
"""Opens a sound; raises `InputError` where this way does not lead there."""

_EXACT_MAGICS = (*MAGICS, b"FORM", b"riff", b"fLaC", b".snd", b"caff")
"""WAV, AIFF, W64, FLAC, AU and CAF: libsndfile reads them to the sample and sees what is missing.
Of MP3 and Ogg it believes a length that may be an estimate, or that of the first of several files
in one, and stops there; ffmpeg reads on."""
NO_SAMPLES = "holds no samples: record it again"


@dataclass(frozen=True, slots=True)
class SoundPart:
    """One stretch of sound in a file; it is opened when its turn comes."""

    open: Way
    duration_s: float | None
    """Length in seconds, where it is known before."""


def sound_parts(path: Path) -> list[SoundPart]:
    """Returns the stretches of sound in a file, in order: one, but for joined WAV and MP3 files.

    Raises:
        OSError: The file cannot be read.
        InputError: It is a WAV file without sound.
    """
    with path.open("rb") as file:
        magic = file.read(4)
        found = wav_parts(file) if magic in MAGICS else []
        spans = mp3_spans(file) if is_mp3(magic) else []
    parts = [part for part in found if part.size]
    if found and not parts:
        raise InputError(f"{path} {NO_SAMPLES}")
    if len(spans) > 1:
        return [SoundPart(partial(_open_span, path, span), None) for span in spans]
    if not parts:
        return [SoundPart(partial(_open, path, magic in _EXACT_MAGICS), None)]
    first, *others = [SoundPart(partial(_open_part, path, p), p.duration_s) for p in parts]
    # What libsndfile does not decode in the first part, it decodes in no other.
    ways = [first.open, partial(FfmpegSound, path)]
    return [SoundPart(partial(_first_of, path, ways), first.duration_s), *others]


def _open(path: Path, is_exact: bool) -> SoundSource:
    library, program = partial(LibrarySound, _name(path)), partial(FfmpegSound, path)
    if not is_exact:
        return _first_of(path, [program, library])
    source = _first_of(path, [library, program])
    if isinstance(source, FfmpegSound) or source.duration_s is not None:
        return _Continued(source, path) if isinstance(source, LibrarySound) else source
    # A FLAC file without a length ends, for libsndfile, in an error like any damage.
    source.close()
    return _first_of(path, [program, library])


def _open_span(path: Path, span: Span) -> SoundSource:
    start, end = span
    program = partial(FfmpegSound, path, span=span)
    return _first_of(path, [program, lambda: LibrarySound(FileSlice(path, start, end - start))])


def _open_part(path: Path, part: WavPart) -> SoundSource:
    stretch = FileSlice(path, part.start, part.size, header=part.header)
    return LibrarySound(stretch, is_short=part.is_short)


def _first_of(path: Path, ways: list[Way]) -> SoundSource:
    """Returns what the first way that leads to sound opens.

    Raises:
        InputError: None does; the message names the remedy.
    """
    is_empty, told = False, ""
    for way in ways:
        try:
            return way()
        except NoSamples:
            is_empty = True
        except InputError as error:
            told = str(error) if isinstance(way, partial) and way.func is FfmpegSound else told
    if is_empty:
        raise InputError(f"{path} {NO_SAMPLES}")
    if ffmpeg.is_installed() and told:
        raise InputError(told)
    raise InputError(
        f"{path} is not a sound file that can be read here: install ffmpeg (`apt install ffmpeg`), "
        f"which reads nearly all formats, or save it as WAV, FLAC, Ogg or MP3"
    )


class _Continued:
    """A file that libsndfile reads up to its damage, and ffmpeg from there on."""

    def __init__(self, source: LibrarySound, path: Path) -> None:
        self._library = source
        self._source: SoundSource = source
        self._path = path
        self._has_ended = False
        self.rate_hz = source.rate_hz
        self.duration_s, self.tracks = source.duration_s, source.tracks
        self.damage: str | None = None

    def read(self) -> Samples:
        """Returns the next second or so; at the end, none."""
        block = self._source.read()
        if len(block) or self._has_ended:
            return block
        self._has_ended = True
        self.damage = self._library.damage
        reads_on = (self.damage or self._library.has_more) and ffmpeg.is_installed()
        return self._read_on() if reads_on else block

    def close(self) -> None:
        """Lets go of the file."""
        self._source.close()

    def _read_on(self) -> Samples:
        nothing = self._library.read()
        read = self._library.frames_read
        try:
            rest = FfmpegSound(self._path, skip_frames=read)
        except InputError:
            return nothing
        block = rest.read()
        if len(block) and rest.rate_hz == self.rate_hz:
            self.damage = f"is damaged after {read / self.rate_hz:.1f} s and some of it is missing"
            self._library.close()
            self._source = rest
            return block
        rest.close()
        return nothing


def _name(path: Path) -> Any:
    """Returns the name as libsndfile takes it: bytes, where names need not be text."""
    return os.fsencode(path) if os.name == "posix" else path
