"""Imported history, events, watched repositories: models.py says what each table holds."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("repository", sa.Column("asked_at", sa.BigInteger(), nullable=True))
    op.add_column("repository", sa.Column("same_as_id", sa.Integer(), nullable=True))
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["list.id"], name=op.f("fk_event_list_id_list")),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repository.id"], name=op.f("fk_event_repository_id_repository")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_event_list", "event", ["list_id", "id"])
    op.create_index(op.f("ix_event_repository_id"), "event", ["repository_id"])
    op.create_table(
        "watched",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("stars", sa.Integer(), nullable=True),
        sa.Column("forks", sa.Integer(), nullable=True),
        sa.Column("open_issues", sa.Integer(), nullable=True),
        sa.Column("fetched_at", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repository.id"], name=op.f("fk_watched_repository_id_repository")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_watched")),
    )
    op.create_table(
        "progress",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_progress")),
    )


def downgrade() -> None:
    for name in ("progress", "watched", "event"):
        op.drop_table(name)
    op.drop_column("repository", "same_as_id")
    op.drop_column("repository", "asked_at")
