"""When GitHub was asked who bears an imported name: kept with the name, which outlives a merge."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("repository_name", sa.Column("asked_at", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE repository_name SET asked_at = (SELECT repository.asked_at FROM repository "
        "WHERE repository.id = repository_id AND lower(repository.full_name) = name)"
    )


def downgrade() -> None:
    op.drop_column("repository_name", "asked_at")
