"""What Alembic runs: `assistant/records/database.py` gives it the connection."""

from alembic import context
from sqlmodel import SQLModel

from assistant.records.database import VERSION_TABLE
from assistant.records.tables import IndexedRecord

# Importing the tables is what puts them into the metadata.
assert IndexedRecord.__tablename__ in SQLModel.metadata.tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
