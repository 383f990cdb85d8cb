"""The first schema: models.py says what each table holds.

Moments are whole seconds (slots) or milliseconds since 1970, UTC.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "budget",
        sa.Column("resource", sa.String(length=10), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("blocked_until", sa.BigInteger(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=True),
        sa.Column("remaining", sa.Integer(), nullable=True),
        sa.Column("reset_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("resource", name=op.f("pk_budget")),
    )
    op.create_table(
        "document",
        sa.Column("name", sa.String(length=150), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("gzipped", sa.LargeBinary(), nullable=False),
        sa.Column("etag", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=True),
        sa.Column("built_at", sa.BigInteger(), nullable=False),
        sa.Column("next_build_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_document")),
    )
    op.create_table(
        "list",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list")),
        sa.UniqueConstraint("slug", name=op.f("uq_list_slug")),
    )
    op.create_table(
        "repository",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("github_id", sa.BigInteger(), nullable=True),
        sa.Column("full_name", sa.String(length=200), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("html_url", sa.Text(), nullable=False),
        sa.Column("pushed_at", sa.BigInteger(), nullable=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repository")),
        sa.UniqueConstraint("github_id", name=op.f("uq_repository_github_id")),
    )
    op.create_table(
        "placement",
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("forks", sa.Integer(), nullable=False),
        sa.Column("open_issues", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["list.id"], name=op.f("fk_placement_list_id_list")),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repository.id"], name=op.f("fk_placement_repository_id_repository")
        ),
        sa.PrimaryKeyConstraint("list_id", "slot", "rank", name=op.f("pk_placement")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "poll",
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("fetched_at", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.SmallInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["list_id"], ["list.id"], name=op.f("fk_poll_list_id_list")),
        sa.PrimaryKeyConstraint("list_id", "slot", name=op.f("pk_poll")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reading",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("forks", sa.Integer(), nullable=False),
        sa.Column("open_issues", sa.Integer(), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["list_id"], ["list.id"], name=op.f("fk_reading_list_id_list")),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repository.id"], name=op.f("fk_reading_repository_id_repository")
        ),
        sa.PrimaryKeyConstraint("repository_id", "slot", name=op.f("pk_reading")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "repository_name",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repository.id"],
            name=op.f("fk_repository_name_repository_id_repository"),
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_repository_name")),
    )
    op.create_table(
        "standing",
        sa.Column("repository_id", sa.Integer(), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["list.id"], name=op.f("fk_standing_list_id_list")),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repository.id"], name=op.f("fk_standing_repository_id_repository")
        ),
        sa.PrimaryKeyConstraint("repository_id", "list_id", name=op.f("pk_standing")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("standing")
    op.drop_table("repository_name")
    op.drop_table("reading")
    op.drop_table("poll")
    op.drop_table("placement")
    op.drop_table("repository")
    op.drop_table("list")
    op.drop_table("document")
    op.drop_table("budget")
