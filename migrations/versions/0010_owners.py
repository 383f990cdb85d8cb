"""Owners of whom all repositories are followed; how each followed one came to be so."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "follow_owner",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("login", sa.String(length=100), nullable=False),
        sa.Column("forks", sa.Boolean(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.Column("next_page", sa.Text(), nullable=True),
        sa.Column("refreshed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_follow_owner")),
    )
    op.add_column("follow", sa.Column("named", sa.Boolean(), nullable=True))
    op.add_column("follow", sa.Column("listed_by", sa.String(length=100), nullable=True))
    op.add_column("follow", sa.Column("listed_at", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_follow_listed_by"), "follow", ["listed_by"])
    op.execute("UPDATE follow SET named = true WHERE followed_since IS NOT NULL")


def downgrade() -> None:
    op.drop_index(op.f("ix_follow_listed_by"), "follow")
    op.drop_column("follow", "listed_at")
    op.drop_column("follow", "listed_by")
    op.drop_column("follow", "named")
    op.drop_table("follow_owner")
