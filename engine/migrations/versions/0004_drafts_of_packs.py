"""drafts of packs, their files, and how their scenarios went"""

import sqlalchemy as sa
from alembic import op

import engine.models

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "pack_drafts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("pack", sa.String(length=80), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_at", engine.models.Moment(timezone=True), nullable=False),
        sa.Column("saved_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_pack_drafts_unit_id")),
        sa.ForeignKeyConstraint(["deployment_id"], ["deployments.id"], name=op.f("fk_pack_drafts_deployment_id")),
        sa.ForeignKeyConstraint(["saved_by"], ["people.id"], name=op.f("fk_pack_drafts_saved_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pack_drafts")),
    )
    with op.batch_alter_table("pack_drafts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pack_drafts_unit_id"), ["unit_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_pack_drafts_deployment_id"), ["deployment_id"], unique=False)

    op.create_table(
        "pack_draft_files",
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["draft_id"], ["pack_drafts.id"], name=op.f("fk_pack_draft_files_draft_id")),
        sa.PrimaryKeyConstraint("draft_id", "path", name=op.f("pk_pack_draft_files")),
    )
    op.create_table(
        "rehearsals",
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("failure_json", sa.Text(), nullable=True),
        sa.Column("story_json", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["draft_id"], ["pack_drafts.id"], name=op.f("fk_rehearsals_draft_id")),
        sa.PrimaryKeyConstraint("draft_id", "path", name=op.f("pk_rehearsals")),
    )
