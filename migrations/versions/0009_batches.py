"""Node ids, how many repositories to ask for at once, and readings that stand for several."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("repository", sa.Column("node_id", sa.Text(), nullable=True))
    op.add_column("reading", sa.Column("seen_until", sa.BigInteger(), nullable=True))
    op.add_column("watched", sa.Column("at_once", sa.SmallInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("watched", "at_once")
    op.drop_column("reading", "seen_until")
    op.drop_column("repository", "node_id")
