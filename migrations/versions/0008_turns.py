"""Turns of GitHub's limits that are reserved for jobs; what was sent of those promised."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("budget", sa.Column("spent_until", sa.BigInteger(), nullable=True))
    op.create_table(
        "turn",
        sa.Column("resource", sa.String(length=10), nullable=False),
        sa.Column("work", sa.String(length=220), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("resource", "work", name=op.f("pk_turn")),
    )


def downgrade() -> None:
    op.drop_table("turn")
    op.drop_column("budget", "spent_until")
