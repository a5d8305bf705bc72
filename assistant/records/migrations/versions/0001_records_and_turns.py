"""Records and their turns."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "attune_record",
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("stamp", sa.String(), nullable=False),
        sa.Column("started_utc", sa.String(), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("voice", sa.String(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("has_audio", sa.Boolean(), nullable=False),
        sa.Column("has_words", sa.Boolean(), nullable=False),
        sa.Column("has_emotion", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("place", "id"),
    )
    op.create_index("ix_attune_record_started_utc", "attune_record", ["started_utc"])
    op.create_table(
        "attune_turn",
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("record", sa.String(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("start_s", sa.Float(), nullable=False),
        sa.Column("end_s", sa.Float(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("reply", sa.String(), nullable=False),
        sa.Column("emotion", sa.String(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("corrected", sa.Boolean(), nullable=False),
        sa.Column("interrupted", sa.Boolean(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("folded", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("place", "record", "turn"),
        sa.ForeignKeyConstraint(
            ["place", "record"], ["attune_record.place", "attune_record.id"], ondelete="CASCADE"
        ),
    )
    op.create_index("ix_attune_turn_emotion", "attune_turn", ["emotion"])


def downgrade() -> None:
    """Removes the tables: the logs hold all that is in them."""
    op.drop_table("attune_turn")
    op.drop_table("attune_record")
