"""The database behind the index: SQLite in the folder of records, or PostgreSQL by URL."""

import contextlib
import importlib.util
import os
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from assistant.errors import EngineUnavailable, OutputError, SettingsError

FILE_NAME = "index.sqlite"
VERSION_TABLE = "attune_records_version"
NEWEST = "0001"
"""The last migration; a test compares it with the files."""
MIGRATIONS = Path(__file__).with_name("migrations")
WAIT_MS = 30_000
"""How long a writer waits for another one; a batch of a sync takes far less."""
_LOCK = 0x41_74_74_75_6E_65
"""Key of PostgreSQL's advisory lock: one writer at a time, as with SQLite."""
_PRAGMAS = (
    "journal_mode = WAL",  # who reads does not wait for who writes
    f"busy_timeout = {WAIT_MS}",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "secure_delete = ON",  # what is deleted is overwritten, and not only forgotten
)


class Database:
    """A database whose tables are of this version; opened and brought up to date when made."""

    def __init__(self, root: Path, url: str | None = None) -> None:
        """Opens the index of the records in `root`.

        Args:
            root: The folder of records.
            url: `postgresql://…` or `sqlite:///FILE`; None for a file in `root`.

        Raises:
            SettingsError: The URL names no such database.
            EngineUnavailable: The library for it is missing.
            OutputError: The database cannot be used; the logs are whole all the same.
        """
        self._root = root
        self._url = read_url(url, root)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self.place = "" if url is None else str(root.resolve())
        """How the records of `root` are told from those of other folders in the database."""
        with self.told():
            if self.is_sqlite and self.file is not None:
                _create_private(self.file)
            self.engine = _engine(self._url, is_sqlite=self.is_sqlite)
            try:
                self._migrate()
            except BaseException:
                self.engine.dispose()
                raise

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database."""
        named = self._url.database if self.is_sqlite else None
        return Path(named) if named else None

    @contextlib.contextmanager
    def writing(self) -> Generator[Connection]:
        """Yields a connection that nobody else writes beside; committed at the end."""
        with self.told(), self.engine.connect() as connection:
            connection = connection.execution_options(writes=True)
            with connection.begin():
                if not self.is_sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
                yield connection

    @contextlib.contextmanager
    def reading(self) -> Generator[Connection]:
        """Yields a connection that sees one state of the index."""
        with self.told(), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def told(self) -> Generator[None]:
        """Says in a sentence what a database cannot do, and that nothing is lost by it."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            shown = self._url.render_as_string(hide_password=True)
            remedy = (
                "`app.py records rebuild` makes it anew from them"
                if self.is_sqlite
                else "start the database or mend --index, or leave --index out"
            )
            raise OutputError(
                f"the index {shown} cannot be used ({_reason(error)}); the records in "
                f"{self._root} are whole, for their logs are the truth: {remedy}"
            ) from error

    def tidy(self) -> None:
        """Writes what was deleted out of SQLite's journal too."""
        if self.is_sqlite:
            with self.told(), self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Gives the connections back."""
        self.engine.dispose()

    def _migrate(self) -> None:
        with self.engine.connect() as connection:
            if _version(connection) == NEWEST:  # Alembic takes longer to import than this to ask
                return
        from alembic import command
        from alembic.config import Config

        # A second process that opens the index at this moment waits here, and finds it done.
        with self.writing() as connection:
            found = _version(connection)
            if found is not None and found > NEWEST:
                raise OSError("it was made by a newer Attune")
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def remove_file(root: Path, url: str | None) -> None:
    """Removes an index that is a file, readable or not; a server's is left alone.

    Raises:
        OutputError: It cannot be removed.
    """
    parsed = read_url(url, root)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return
    for ending in ("", "-wal", "-shm"):
        path = Path(parsed.database + ending)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{path} cannot be removed: {error.strerror}") from error


def read_url(url: str | None, root: Path) -> URL:
    """Returns the address of the database that `url` names, or of the file in `root`.

    Raises:
        SettingsError: It names no database that an index can be.
        EngineUnavailable: The library for it is missing.
    """
    if url is None:
        return URL.create("sqlite", database=str(root / FILE_NAME))
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SettingsError(
            "--index is no URL of a database: write postgresql://USER@HOST/NAME or sqlite:///FILE"
        ) from error
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed
    if backend not in ("postgresql", "postgres"):
        raise SettingsError(
            f"--index {backend}: the index can be postgresql://USER@HOST/NAME or sqlite:///FILE"
        )
    if importlib.util.find_spec("psycopg") is None:
        raise EngineUnavailable(
            "PostgreSQL needs psycopg: `pip install -e '.[postgres]'` in Attune's folder"
        )
    return parsed.set(drivername="postgresql+psycopg")


def _engine(url: URL, *, is_sqlite: bool) -> Engine:
    if not is_sqlite:
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    engine = create_engine(url, connect_args={"check_same_thread": False})

    def prepare(raw: Any, _record: Any) -> None:
        # Python's own handling of transactions would begin them too late to keep others out.
        raw.isolation_level = None
        for pragma in _PRAGMAS:
            raw.execute(f"PRAGMA {pragma}")

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def _create_private(path: Path) -> None:
    """Makes the file before SQLite does, for its owner only; its journals take that over."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def _reason(error: BaseException) -> str:
    inner = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    told = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(inner)
    return told.strip().splitlines()[0] if told.strip() else type(inner).__name__
