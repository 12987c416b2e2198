"""opinions on a solicitation, and their groups with answers"""

import sqlalchemy as sa
from alembic import op

import engine.models

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "opinion_groups",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("posting_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("adopted", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("answered_at", engine.models.Moment(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Integer(), nullable=True),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["answered_by"], ["people.id"], name=op.f("fk_opinion_groups_answered_by")),
        sa.ForeignKeyConstraint(["posting_id"], ["postings.id"], name=op.f("fk_opinion_groups_posting_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opinion_groups")),
    )
    with op.batch_alter_table("opinion_groups", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_opinion_groups_posting_id"), ["posting_id"], unique=False)

    op.create_table(
        "opinions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("posting_id", sa.Integer(), nullable=False),
        sa.Column("instance_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("receipt", sa.String(length=20), nullable=False),
        sa.Column("attitude", sa.String(length=20), nullable=False),
        sa.Column("worries_json", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("building", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("contact", sa.String(length=100), nullable=False),
        sa.Column("helper", sa.String(length=60), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("assisted_by", sa.Integer(), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("received_at", engine.models.Moment(timezone=True), nullable=False),
        sa.Column("changed_at", engine.models.Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["assisted_by"], ["people.id"], name=op.f("fk_opinions_assisted_by")),
        sa.ForeignKeyConstraint(["group_id"], ["opinion_groups.id"], name=op.f("fk_opinions_group_id")),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name=op.f("fk_opinions_instance_id")),
        sa.ForeignKeyConstraint(["posting_id"], ["postings.id"], name=op.f("fk_opinions_posting_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opinions")),
        sa.UniqueConstraint("receipt", name=op.f("uq_opinions_receipt")),
    )
    with op.batch_alter_table("opinions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_opinions_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_opinions_instance_id"), ["instance_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_opinions_posting_id"), ["posting_id"], unique=False)
