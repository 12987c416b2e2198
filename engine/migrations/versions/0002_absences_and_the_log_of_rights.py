"""absences, and who changed whose rights"""

import sqlalchemy as sa
from alembic import op

import engine.models

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "absences",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("substitute_id", sa.Integer(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_absences_person_id")),
        sa.ForeignKeyConstraint(["substitute_id"], ["people.id"], name=op.f("fk_absences_substitute_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absences")),
    )
    with op.batch_alter_table("absences", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_absences_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_absences_substitute_id"), ["substitute_id"], unique=False)

    op.create_table(
        "people_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", engine.models.Moment(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_people_log_person_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_people_log_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people_log")),
    )
    with op.batch_alter_table("people_log", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_people_log_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_people_log_unit_id"), ["unit_id"], unique=False)

    with op.batch_alter_table("assignments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("absence_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_assignments_absence_id"), "absences", ["absence_id"], ["id"])

    with op.batch_alter_table("history", schema=None) as batch_op:
        batch_op.alter_column("actor", existing_type=sa.String(length=60), type_=sa.String(length=130))
