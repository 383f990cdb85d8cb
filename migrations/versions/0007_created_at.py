"""When repositories were made: those of a list of new ones leave it as they grow old."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("repository", sa.Column("created_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("repository", "created_at")
