"""Open issues may be unknown: the archive counts them without pull requests from 2021-08-20 on.

What was imported of those days before becomes null. A reading of no list's poll is an imported one
or of WATCH, at its midnight: which of the two is not told, so that it is null as well.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = ("placement", "reading")

IMPORTED = """FROM poll WHERE outcome = 'imported' AND fetched_at = 1000 * slot
    AND slot >= 1629417600"""


def upgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table, table_kwargs={"sqlite_with_rowid": False}) as batch:
            batch.alter_column("open_issues", existing_type=sa.Integer(), nullable=True)
    op.execute(
        "UPDATE placement SET open_issues = NULL "
        f"WHERE (list_id, slot) IN (SELECT list_id, slot {IMPORTED})"
    )
    op.execute(
        "UPDATE reading SET open_issues = NULL "
        f"WHERE list_id IS NULL AND slot IN (SELECT slot {IMPORTED})"
    )


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"UPDATE {table} SET open_issues = 0 WHERE open_issues IS NULL")
        with op.batch_alter_table(table, table_kwargs={"sqlite_with_rowid": False}) as batch:
            batch.alter_column("open_issues", existing_type=sa.Integer(), nullable=False)
