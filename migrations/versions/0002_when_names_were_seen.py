"""When each name was last seen, so that the order in which polls are stored does not matter."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    column = sa.Column("seen_at", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("repository_name", column)


def downgrade() -> None:
    op.drop_column("repository_name", "seen_at")
