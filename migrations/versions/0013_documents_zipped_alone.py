"""Documents are stored zipped alone, with what they were made from."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("document", sa.Column("made_from", sa.Text(), nullable=True))


def downgrade() -> None:
    # The older version sends what it finds in `body`, until it builds anew.
    op.execute("DELETE FROM document WHERE length(body) = 0")
    op.drop_column("document", "made_from")
