"""Writes exports: nothing is written over, and each file is noted in the records it came from."""

from collections.abc import Callable, Sequence
from pathlib import Path

from assistant.errors import InputError, OutputError, SettingsError
from assistant.records.exports.csv_tables import CODEBOOK
from assistant.records.exports.table import FORMATS, Format, TablesFormat
from assistant.records.private_files import write_new
from assistant.records.reading import Record, RecordFolder, read_record
from assistant.records.removal.ledger import note


def write_exports(
    found: Sequence[RecordFolder], form: str, out: Path, on_problem: Callable[[str], None]
) -> list[Path]:
    """Exports records and returns the files that were written.

    Args:
        found: The records; one that cannot be read is a problem, and the others are exported.
        form: A name of `FORMATS`.
        out: A folder, which is made; for one record also a file with the suffix of the form.
        on_problem: Told in a sentence what could not be exported.

    Raises:
        SettingsError: There is no such form.
        OutputError: A file is there already, or cannot be written.
    """
    if form not in FORMATS:
        raise SettingsError(f"--format {form}: the forms are {', '.join(FORMATS)}")
    chosen = FORMATS[form]
    _refuse_other_form(form, out)
    if isinstance(chosen, TablesFormat):
        return _write_tables(_readable(found, on_problem), form, chosen, out)
    written: list[Path] = []
    is_file = len(found) == 1 and out.suffix.lower() == f".{chosen.suffix.lower()}"
    for one in found:
        path = out if is_file else out / f"{one.id}.{chosen.suffix}"
        try:
            _write_one(read_record(one), form, chosen, path)
        except InputError as error:
            on_problem(str(error))
        else:
            written.append(path)
    return written


def _refuse_other_form(form: str, out: Path) -> None:
    """Refuses a name that promises another form than it would get: a folder of that name is none.

    Raises:
        SettingsError: It does.
    """
    kinds = {
        one.suffix.lower(): name
        for name, one in FORMATS.items()
        if not isinstance(one, TablesFormat)
    }
    promised = kinds.get(out.suffix.lower().removeprefix("."))
    if promised is not None and promised != form and not out.is_dir():
        raise SettingsError(
            f"--out {out} names a file of the form {promised}, not {form}: give --format "
            f"{promised}, or another name"
        )


def _write_one(record: Record, form: str, chosen: Format, path: Path) -> None:
    _check_free(path)  # before it is noted: deleting the record must not take an older file
    data = chosen.export(record).encode("utf-8", errors="replace")
    note(record.folder, form, path, data)
    write_new(path, data)


def _write_tables(
    records: Sequence[Record], form: str, chosen: TablesFormat, out: Path
) -> list[Path]:
    files = {out / name: text for name, text in chosen.export(records).items()}
    for path in files:
        _check_free(path)
    for path, text in files.items():
        data = text.encode("utf-8", errors="replace")
        if path.name != CODEBOOK:  # it says nothing of anybody
            for record in records:
                note(record.folder, form, path, data, is_shared=True)
        write_new(path, data)
    return list(files)


def _check_free(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise OutputError(
            f"{path} is there already and is not written over: choose another place by --out"
        )


def _readable(found: Sequence[RecordFolder], on_problem: Callable[[str], None]) -> list[Record]:
    records: list[Record] = []
    for one in found:
        try:
            records.append(read_record(one))
        except InputError as error:
            on_problem(str(error))
    return records
