"""The index of records: what they hold, for lists and searches; the logs stay the truth."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select
from sqlmodel import SQLModel, col

from assistant.errors import InputError, OutputError
from assistant.records.database import Database, remove_file
from assistant.records.reading import RecordFolder, find_record, find_records, no_folder
from assistant.records.rows import Row, folded, rows_of, storable
from assistant.records.tables import IndexedRecord, IndexedTurn

T = TypeVar("T")
BATCH = 200
"""Records that are written in one transaction: others wait no longer than that takes."""

_TABLES = ((IndexedTurn, IndexedTurn.record), (IndexedRecord, IndexedRecord.id))
"""Turns first: they point to their records."""
Watch = Callable[[int, int], None]
"""Told how many records are read, and of how many."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; every given condition must hold, text and emotion in one turn."""

    text: str = ""
    """Words of either side, in any case."""
    emotion: str = ""
    since: str = ""
    """ISO 8601, inclusive."""
    until: str = ""
    """Likewise, exclusive."""
    most: int | None = None
    """Records at most, the latest first; None for all."""
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """A record as a list shows it."""

    record: IndexedRecord
    emotions: dict[str, int] = field(default_factory=dict[str, int])
    """Turns by the emotion that counts."""
    match: IndexedTurn | None = None
    """The first turn that was looked for; without a search, the first turn."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a look at the folder changed in the index."""

    read: int
    gone: int


class Index:
    """The index of one folder of records."""

    def __init__(self, root: Path, url: str | None = None) -> None:
        """Opens it, and makes it where there is none.

        Raises:
            InputError: There is no folder of records.
            SettingsError: `url` names no database that an index can be.
            EngineUnavailable: A library is missing.
            OutputError: The database cannot be used.
        """
        if not root.is_dir():
            raise InputError(no_folder(root))
        self._root = root
        self._database = Database(root, url)
        self._place = self._database.place

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the database."""
        self._database.close()

    def sync(self, watch: Watch = lambda done, of: None) -> Synced:
        """Reads what is new or changed in the folder, and forgets what is gone.

        Raises:
            InputError: The folder cannot be read.
            OutputError: The database cannot be used.
        """
        # The index first: what another process adds meanwhile is then read twice. The other way
        # round it would be taken for gone.
        known = self._known()
        found = {storable(one.id): one for one in find_records(self._root)}
        stale = [found[name] for name in found if known.get(name) != found[name].stamp]
        self._read(stale, watch)
        gone = [one for one in known if one not in found]
        for batch in batched(gone):
            with self._database.writing() as connection:
                self._forget(connection, batch)
        return Synced(len(stale), len(gone))

    def sync_only(self, ids: Iterable[str]) -> Synced:
        """Reads these records, in a folder that may hold very many others.

        Raises:
            OutputError: The database cannot be used.
        """
        named = {one: find_record(self._root, one) for one in ids}
        there = [one for one in named.values() if one is not None]
        self._read(there, lambda _done, _of: None)
        gone = [name for name, one in named.items() if one is None]
        if gone:
            self.forget(gone)
        return Synced(len(there), len(gone))

    def _read(self, stale: list[RecordFolder], watch: Watch) -> None:
        """Writes the rows of records."""
        done = 0
        for batch in batched(stale):
            # Read before the transaction begins: logs are long, and all who write wait for it.
            rows = [rows_of(self._place, one) for one in batch]
            with self._database.writing() as connection:
                self._write(connection, rows)
            done += len(batch)
            watch(done, len(stale))

    def forget(self, ids: Iterable[str]) -> None:
        """Takes records out, beyond recovery from the database's files."""
        with self._database.writing() as connection:
            self._forget(connection, map(storable, ids))
        self._database.tidy()

    def clear(self) -> None:
        """Takes out all records of this folder."""
        self.forget(self._known())

    def count(self, query: Query) -> int:
        """Returns how many records there are."""
        statement = select(func.count()).select_from(IndexedRecord).where(*self._conditions(query))
        with self._database.reading() as connection:
            return connection.execute(statement).scalar_one()

    def search(self, query: Query) -> list[Listed]:
        """Returns the records, the latest first."""
        statement = (
            _all_of("attune_record")
            .where(*self._conditions(query))
            # By id, too: among equal times the pages of a list would repeat one record and miss
            # another.
            .order_by(col(IndexedRecord.started_utc).desc(), col(IndexedRecord.id).desc())
            .limit(query.most)
            .offset(query.skip)
        )
        listed: list[Listed] = []
        with self._database.reading() as connection:
            rows = connection.execute(statement).mappings().all()
            records = [IndexedRecord(**row) for row in rows]
            for batch in batched(records):
                ids = [record.id for record in batch]
                emotions = self._emotions(connection, ids)
                matches = self._matches(connection, ids, query)
                listed += [
                    Listed(one, emotions.get(one.id, {}), matches.get(one.id)) for one in batch
                ]
        return listed

    def _known(self) -> dict[str, str]:
        """Returns the stamps by id."""
        statement = select(col(IndexedRecord.id), col(IndexedRecord.stamp)).where(
            col(IndexedRecord.place) == self._place
        )
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(statement)}

    def _write(self, connection: Connection, rows: list[tuple[Row, list[Row]]]) -> None:
        # Another process may have written some of them since: the last one to read is right.
        self._forget(connection, [record["id"] for record, _ in rows])
        connection.execute(insert(IndexedRecord), [record for record, _ in rows])
        turns = [turn for _, of_record in rows for turn in of_record]
        if turns:
            connection.execute(insert(IndexedTurn), turns)

    def _forget(self, connection: Connection, ids: Iterable[str]) -> None:
        for batch in batched(ids):
            for table, id_of in _TABLES:
                is_one = col(id_of).in_(batch)
                connection.execute(delete(table).where(col(table.place) == self._place, is_one))

    def _conditions(self, query: Query) -> Iterator[ColumnElement[bool]]:
        yield col(IndexedRecord.place) == self._place
        if query.since:
            yield col(IndexedRecord.started_utc) >= query.since
        if query.until:
            yield col(IndexedRecord.started_utc) < query.until
        if query.text or query.emotion:
            yield col(IndexedRecord.id).in_(
                select(col(IndexedTurn.record)).where(*self._turn_conditions(query))
            )

    def _turn_conditions(self, query: Query) -> Iterator[ColumnElement[bool]]:
        yield col(IndexedTurn.place) == self._place
        if query.text:
            # Folded like the words; escaped, since who looks for "100 %" means the sign.
            yield col(IndexedTurn.folded).contains(folded(query.text), autoescape=True)
        if query.emotion:
            yield col(IndexedTurn.emotion) == query.emotion

    def _emotions(self, connection: Connection, ids: list[str]) -> dict[str, dict[str, int]]:
        statement = (
            select(col(IndexedTurn.record), col(IndexedTurn.emotion), func.count())
            .where(
                col(IndexedTurn.place) == self._place,
                col(IndexedTurn.record).in_(ids),
                col(IndexedTurn.emotion) != "",
            )
            .group_by(col(IndexedTurn.record), col(IndexedTurn.emotion))
        )
        found: dict[str, dict[str, int]] = {}
        for record, emotion, count in connection.execute(statement):
            found.setdefault(record, {})[emotion] = count
        return found

    def _matches(
        self, connection: Connection, ids: list[str], query: Query
    ) -> dict[str, IndexedTurn]:
        first = (
            select(col(IndexedTurn.record), func.min(col(IndexedTurn.turn)).label("turn"))
            .where(col(IndexedTurn.record).in_(ids), *self._turn_conditions(query))
            .group_by(col(IndexedTurn.record))
            .subquery()
        )
        statement = (
            _all_of("attune_turn")
            .join(
                first,
                (col(IndexedTurn.record) == first.c.record)
                & (col(IndexedTurn.turn) == first.c.turn),
            )
            .where(col(IndexedTurn.place) == self._place)
        )
        rows = connection.execute(statement).mappings()
        return {row["record"]: IndexedTurn(**row) for row in rows}


def rebuild(root: Path, url: str | None = None, watch: Watch = lambda done, of: None) -> Synced:
    """Makes the index anew from the logs, also where the present one cannot be read.

    Raises:
        InputError: The folder cannot be read.
        OutputError: The database cannot be used.
    """
    try:
        with Index(root, url) as index:
            index.clear()
    except OutputError:
        remove_file(root, url)
    with Index(root, url) as index:
        return index.sync(watch)


def _all_of(table: str) -> Select[*tuple[Any, ...]]:
    return SQLModel.metadata.tables[table].select()


def batched(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """Yields `items` in lists of at most `size`."""
    waiting = iter(items)
    while batch := list(islice(waiting, size)):
        yield batch
