"""The files of a corpus, whether they lie in folders or in zip and tar shards."""

import csv
import io
import logging
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import soundfile

from train.data.audio_files import SHARDS
from train.data.manifest import Drops

logger = logging.getLogger(__name__)

AUDIO = (".wav", ".flac", ".opus", ".ogg", ".mp3", ".sph", ".aiff", ".aif")
"""Endings that libsndfile reads."""

VIDEO = (".mp4", ".avi", ".mkv", ".m4a", ".aac", ".flv")
"""Endings that need `ffmpeg -i FILE -ac 1 -ar 16000 FILE.wav` first."""


class CorpusFiles:
    """Names of a corpus's files, relative with slashes, each with its audio reference.

    Raises:
        ValueError: There is no such folder or shard, or it is empty.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise ValueError(f"there is no corpus {path}: give its folder, zip or tar")
        self._references: dict[str, str] = {}
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        root = path if path.is_dir() else path.parent
        for file in files:
            if file.is_file():
                self._add(file, file.relative_to(root).as_posix())
        if not self._references:
            raise ValueError(f"{path} is empty")
        self.path = path

    def names(self, *endings: str) -> list[str]:
        """Returns the names that end with one of `endings` (lower case), all if none is given."""
        if not endings:
            return sorted(self._references)
        return sorted(name for name in self._references if name.lower().endswith(endings))

    def audio(self) -> list[str]:
        """Returns the names of audio files; what a system writes beside them is left out."""
        return [n for n in self.names(*AUDIO) if not PurePosixPath(n).name.startswith("._")]

    def by_stem(self) -> dict[str, str]:
        """Returns the names of audio files by name without folder and ending."""
        return {PurePosixPath(name).stem: name for name in self.audio()}

    def reference(self, name: str) -> str:
        """Returns the audio reference of a file."""
        return self._references[name]

    def find(self, ending: str) -> str:
        """Returns the first name that ends with `ending`.

        Raises:
            ValueError: There is none: the corpus is incomplete.
        """
        for name in self.names():
            if name == ending or name.endswith("/" + ending):
                return name
        raise ValueError(f"{self.path} lacks {ending}: the corpus is incomplete or another one")

    def text(self, name: str) -> str:
        """Returns a text file; UTF-8, UTF-16 with its mark, else Windows-1252.

        Raises:
            ValueError: It cannot be read.
        """
        content = self._bytes(name)
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return content.decode("utf-16", errors="replace")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            logger.warning("%s is not UTF-8: read as Windows-1252", name)
            return content.decode("cp1252", errors="replace")

    def lines(self, name: str) -> Iterator[tuple[str, str]]:
        """Yields (place, line) of a text file's lines that are not blank."""
        for number, line in enumerate(self.text(name).split("\n"), start=1):
            if line.strip():
                yield f"{name}:{number}", line.rstrip("\r")

    def rows(
        self, name: str, *columns: str, delimiter: str = ",", quoted: bool = True
    ) -> Iterator[tuple[str, dict[str, str]]]:
        """Yields (place, row by column) of a table whose first line names the columns.

        A row that lacks a column is yielded with "" there, so that its reader counts it.

        Raises:
            ValueError: The table lacks one of `columns`, or its quotes do not close.
        """
        rows = csv.DictReader(
            io.StringIO(self.text(name), newline=""),
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        )
        lacking = [column for column in columns if column not in (rows.fieldnames or ())]
        if lacking:
            raise ValueError(f"{self.path}: {name} lacks the columns {', '.join(lacking)}")
        try:
            for row in rows:
                place = f"{name}:{rows.line_num}"
                yield place, {k: v or "" for k, v in row.items() if k is not None}
        except csv.Error as error:
            raise ValueError(f"{self.path}: {name}:{rows.line_num} is broken ({error})") from error

    def rate(self, name: str) -> int | None:
        """Returns the sample rate of a long audio file; None where it cannot be read."""
        try:
            return int(soundfile.info(self._references[name]).samplerate)
        except (soundfile.LibsndfileError, RuntimeError, OSError):
            return None

    def _bytes(self, name: str) -> bytes:
        from train.data.audio_files import parse_reference, shard_bytes

        place = parse_reference(self._references[name])
        return shard_bytes(place) if place.in_shard else place.path.read_bytes()

    def _add(self, file: Path, name: str) -> None:
        try:
            if file.suffix.lower() == ".zip":
                with zipfile.ZipFile(file) as shard:
                    members = [m for m in shard.namelist() if not m.endswith("/")]
                self._references |= {member: f"{file}#{member}" for member in members}
            elif file.suffix.lower() in SHARDS and tarfile.is_tarfile(file):
                self._add_tar(file)
            else:
                self._references[name] = str(file)
        except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
            raise ValueError(f"{file} is damaged ({error}): copy it again") from error

    def _add_tar(self, file: Path) -> None:
        plain = file.suffix.lower() == ".tar"
        with tarfile.open(file) as shard:
            for member in shard:
                if member.isfile():
                    place = f"{file}:{member.offset_data}:{member.size}"
                    self._references[member.name.removeprefix("./")] = (
                        place if plain else f"{file}#{member.name}"
                    )
            end = shard.offset
        if plain:
            _check_end(file, end)


def _check_end(file: Path, end: int) -> None:
    """Refuses a tar that stops before its end mark: members are missing.

    Raises:
        ValueError: It was cut short.
    """
    with file.open("rb") as shard:
        shard.seek(end)
        if shard.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
            raise ValueError(f"{file} is damaged (it has no end): copy it again")


def label_of(native: str, labels: dict[str, str | None], drops: Drops, where: str) -> str | None:
    """Returns our label of a corpus's own; None, counted in `drops`, where it has none.

    Args:
        native: What the corpus calls the emotion.
        labels: The corpus's table; None stands for an emotion outside the five.
        drops: Receives labels without a counterpart and labels that the table lacks.
        where: Named with the drop.
    """
    if native not in labels:
        drops.add(f"unknown label {native!r}", where)
        return None
    label = labels[native]
    if label is None:
        drops.add(f"label {native!r} is none of the five emotions", where)
    return label
