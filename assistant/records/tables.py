"""The tables of the index. What is in them is read off the logs and may be lost at any time."""

from typing import ClassVar

from sqlalchemy import ForeignKeyConstraint
from sqlmodel import Field, SQLModel


class IndexedRecord(SQLModel, table=True):
    """One recorded conversation."""

    __tablename__: ClassVar[str] = "attune_record"  # pyright: ignore[reportIncompatibleVariableOverride]

    place: str = Field(primary_key=True)
    """The folder of records; empty for an index that lies in that folder itself."""
    id: str = Field(primary_key=True)
    state: str
    """`whole`, `mended`, `open` (still being recorded) or `damaged`."""
    problem: str
    """Why it is damaged, or what was mended; empty otherwise."""
    stamp: str
    """Of the files that it was read from; see `RecordFolder.stamp`."""
    started_utc: str = Field(index=True)
    """ISO 8601, so that the order of the text is that of time; empty where it is not known."""
    duration_s: float
    turns: int
    model: str
    voice: str
    policy: str
    has_audio: bool
    has_words: bool
    """Whether there was consent to keep them; likewise below."""
    has_emotion: bool


class IndexedTurn(SQLModel, table=True):
    """One turn of a recorded conversation."""

    __tablename__: ClassVar[str] = "attune_turn"  # pyright: ignore[reportIncompatibleVariableOverride]
    __table_args__ = (
        ForeignKeyConstraint(
            ["place", "record"], ["attune_record.place", "attune_record.id"], ondelete="CASCADE"
        ),
    )

    place: str = Field(primary_key=True)
    record: str = Field(primary_key=True)
    turn: int = Field(primary_key=True)
    line: int
    """Of the log."""
    start_s: float
    end_s: float
    words: str
    reply: str
    emotion: str = Field(index=True)
    """The one that counts; empty where there is none."""
    confidence: float | None
    corrected: bool
    interrupted: bool
    failed: bool
    folded: str
    """Words of both sides in the form that searches compare: case and width are taken off."""
