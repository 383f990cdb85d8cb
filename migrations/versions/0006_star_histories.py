"""Repositories that somebody follows or asked for, and their days of stars."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("budget", sa.Column("urgent_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "follow",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("full_name", sa.String(length=200), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=True),
        sa.Column("followed_since", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("turn_at", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("gone_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repository.id"], name=op.f("fk_follow_repository_id_repository")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_follow")),
    )
    op.create_index(op.f("ix_follow_repository_id"), "follow", ["repository_id"])
    op.create_table(
        "star_history",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("days", sa.LargeBinary(), nullable=True),
        sa.Column("pages_read", sa.SmallInteger(), nullable=False),
        sa.Column("pages", sa.SmallInteger(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.Column("unavailable", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
            name=op.f("fk_star_history_repository_id_repository"),
        ),
        sa.PrimaryKeyConstraint("repository_id", name=op.f("pk_star_history")),
    )


def downgrade() -> None:
    op.drop_table("star_history")
    op.drop_table("follow")
    op.drop_column("budget", "urgent_at")
