"""The tables. Each class is a noun of README.md; the verbs on it stand in the module of the same name.

Text columns called `*_json` hold values in the codec of `engine.bpmn` (dates, decimals and durations keep their types).
Moments are stored in UTC and carry a zone.
"""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def table(of: type[Base]) -> Table:
    """-> the table of a class, for statements that need no objects."""
    found = of.__table__
    assert isinstance(found, Table)  # every class here is mapped to one
    return found


class Moment(TypeDecorator[datetime]):
    """A moment with a zone. SQLite knows none, so UTC is stored and given back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment must carry a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExactMoment(TypeDecorator[datetime]):
    """A moment as its one ISO 8601 text in UTC: for what is sealed, where any changed byte must be found on every database."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> str | None:
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Any) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


# --- organisation ---------------------------------------------------------------------------------------------------
class Unit(Base):
    """District → street → community. `path` is `/1/4/9/`: the ids from the district down to this unit."""

    __tablename__ = "units"
    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))  # district | street | community
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    path: Mapped[str] = mapped_column(String(200), index=True)
    phone: Mapped[str] = mapped_column(String(40), default="")
    parent: Mapped[Unit | None] = relationship(remote_side=[id])


class Person(Base):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    sort_key: Mapped[str] = mapped_column(String(200), default="", index=True)  # pinyin
    phone: Mapped[str] = mapped_column(String(40), default="")
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    unit: Mapped[Unit] = relationship()


class Assignment(Base):
    """A person holds a role in a unit (and so in all units below it) for a term. `ends` is the last day, or None."""

    __tablename__ = "assignments"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), index=True)
    role: Mapped[str] = mapped_column(String(40))
    starts: Mapped[date] = mapped_column(Date)
    ends: Mapped[date | None] = mapped_column(Date)
    absence_id: Mapped[int | None] = mapped_column(ForeignKey("absences.id"))  # held only as a substitute
    person: Mapped[Person] = relationship()
    unit: Mapped[Unit] = relationship()
    absence: Mapped[Absence | None] = relationship()


class Absence(Base):
    """A person is away from a first to a last day, both included; the substitute 代办 does his work meanwhile."""

    __tablename__ = "absences"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    substitute_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    starts: Mapped[date] = mapped_column(Date)
    ends: Mapped[date] = mapped_column(Date)
    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    substitute: Mapped[Person] = relationship(foreign_keys=[substitute_id])


class PeopleLine(Base):
    """One line of who changed whose rights, when and how; only ever appended. `data` is a JSON object of strings."""

    __tablename__ = "people_log"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    actor_id: Mapped[int | None] = mapped_column(Integer)
    actor: Mapped[str] = mapped_column(String(60))
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    what: Mapped[str] = mapped_column(String(40))  # see organisation.log
    data: Mapped[str] = mapped_column(Text, default="{}")
    unit: Mapped[Unit] = relationship()
    person: Mapped[Person] = relationship()


class Account(Base):
    __tablename__ = "accounts"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), unique=True)
    login: Mapped[str] = mapped_column(String(60), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    must_change: Mapped[bool] = mapped_column(Boolean, default=False)
    disabled: Mapped[bool] = mapped_column(Boolean, default=False)
    language: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(Moment)
    person: Mapped[Person] = relationship()


class Login(Base):
    """One signed-in browser; the cookie holds a random token, the row its SHA-256. Deleting the row signs out at once."""

    __tablename__ = "logins"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Moment)
    seen_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment, index=True)
    account: Mapped[Account] = relationship()


class LoginAttempt(Base):
    """A failed attempt, by login and by address (hashed), for the throttle."""

    __tablename__ = "login_attempts"
    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(80), index=True)  # login:… or address:<hash>
    at: Mapped[datetime] = mapped_column(Moment, index=True)


# --- procedures -----------------------------------------------------------------------------------------------------
class Deployment(Base):
    """The act by which an actor put one pack into use in a unit's scope at a moment."""

    __tablename__ = "deployments"
    id: Mapped[int] = mapped_column(primary_key=True)
    pack: Mapped[str] = mapped_column(String(80), index=True)
    pack_version: Mapped[str] = mapped_column(String(40), default="")
    title: Mapped[str] = mapped_column(String(200), default="")
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), index=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    at: Mapped[datetime] = mapped_column(Moment)
    note: Mapped[str] = mapped_column(Text, default="")
    unit: Mapped[Unit] = relationship()
    actor: Mapped[Person | None] = relationship()


class DeploymentFile(Base):
    __tablename__ = "deployment_files"
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployments.id"), primary_key=True)
    path: Mapped[str] = mapped_column(String(200), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ProcessDefinition(Base):
    """A deployed, immutable version of one executable process."""

    __tablename__ = "process_definitions"
    __table_args__ = (UniqueConstraint("key", "unit_id", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(120), index=True)
    version: Mapped[int] = mapped_column(Integer)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), index=True)
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployments.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    file: Mapped[str] = mapped_column(String(200))
    startable: Mapped[bool] = mapped_column(Boolean, default=True)  # has a none start event and is no mere part
    deployment: Mapped[Deployment] = relationship()
    unit: Mapped[Unit] = relationship()


class PackDraft(Base):
    """A draft 草稿 of a pack, made from a deployment: people change it until it is put into use or given up. `version` counts
    the times it was saved; whoever saves must have read the version before."""

    __tablename__ = "pack_drafts"
    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), index=True)
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployments.id"), index=True)
    pack: Mapped[str] = mapped_column(String(80))
    title: Mapped[str] = mapped_column(String(200), default="")
    version: Mapped[int] = mapped_column(Integer, default=1)
    saved_at: Mapped[datetime] = mapped_column(Moment)
    saved_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    unit: Mapped[Unit] = relationship()
    deployment: Mapped[Deployment] = relationship()
    saver: Mapped[Person | None] = relationship()


class PackDraftFile(Base):
    __tablename__ = "pack_draft_files"
    draft_id: Mapped[int] = mapped_column(ForeignKey("pack_drafts.id"), primary_key=True)
    path: Mapped[str] = mapped_column(String(200), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Rehearsal(Base):
    """How a scenario of a draft went when it was run last, on the content of that hash."""

    __tablename__ = "rehearsals"
    draft_id: Mapped[int] = mapped_column(ForeignKey("pack_drafts.id"), primary_key=True)
    path: Mapped[str] = mapped_column(String(200), primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(200), default="")
    failure_json: Mapped[str | None] = mapped_column(Text)  # the sentence; None: it passed
    story_json: Mapped[str] = mapped_column(Text, default="[]")  # [moment, what happened]


# --- running --------------------------------------------------------------------------------------------------------
class InstanceState(enum.StrEnum):
    RUNNING = "running"
    SUSPENDED = "suspended"
    INCIDENT = "incident"
    COMPLETED = "completed"
    TERMINATED = "terminated"
    CANCELLED = "cancelled"


ENDED = (InstanceState.COMPLETED, InstanceState.TERMINATED, InstanceState.CANCELLED)


class Instance(Base):
    """One enactment of a definition; of the main procedure, one matter with its number.

    `version` counts the steps; whoever writes must have read the version before. `live` is the text of the tokens.
    `history_length` and `history_hash` are the head of the chain of history events.
    """

    __tablename__ = "instances"
    __table_args__ = (UniqueConstraint("unit_id", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    definition_id: Mapped[int] = mapped_column(ForeignKey("process_definitions.id"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), index=True)
    number: Mapped[str | None] = mapped_column(String(60))  # unique in its unit
    title: Mapped[str] = mapped_column(String(200), default="")
    state: Mapped[str] = mapped_column(String(20), default=InstanceState.RUNNING, index=True)
    version: Mapped[int] = mapped_column(Integer, default=0)
    live: Mapped[str] = mapped_column(Text, default="")
    stage: Mapped[str] = mapped_column(String(60), default="")  # the `yishi:stage` reached last
    result_json: Mapped[str | None] = mapped_column(Text)  # the variables at the end
    started_at: Mapped[datetime] = mapped_column(Moment, index=True)
    started_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    history_length: Mapped[int] = mapped_column(Integer, default=0)
    history_hash: Mapped[str] = mapped_column(String(64), default="")
    definition: Mapped[ProcessDefinition] = relationship()
    unit: Mapped[Unit] = relationship()


class InstancePart(Base):
    """The text of one open instance of a parallel multi-instance activity."""

    __tablename__ = "instance_parts"
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    text: Mapped[str] = mapped_column(Text)


class TaskState(enum.StrEnum):
    OPEN = "open"
    CLAIMED = "claimed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Task(Base):
    """Work laid before people. `role` is the candidate group: that role in the matter's unit or a unit above it."""

    __tablename__ = "tasks"
    __table_args__ = (Index("ix_tasks_place", "instance_id", "token"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), index=True)
    token: Mapped[int] = mapped_column(Integer)
    part: Mapped[int | None] = mapped_column(Integer)  # the part of a parallel multi-instance activity it lies in
    element: Mapped[str] = mapped_column(String(120))
    process: Mapped[str] = mapped_column(String(120))  # key of the (called) process that holds the element
    name: Mapped[str] = mapped_column(String(200))
    stage: Mapped[str] = mapped_column(String(60), default="")
    kind: Mapped[str] = mapped_column(String(40), default="")  # of step: posting, answer …
    role: Mapped[str | None] = mapped_column(String(200))  # one or more keys, separated by blanks; None = anybody in the unit
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    state: Mapped[str] = mapped_column(String(20), default=TaskState.OPEN, index=True)
    priority: Mapped[int] = mapped_column(Integer, default=0)
    due_at: Mapped[datetime | None] = mapped_column(Moment, index=True)
    created_at: Mapped[datetime] = mapped_column(Moment)
    claimed_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    instance: Mapped[Instance] = relationship()
    unit: Mapped[Unit] = relationship()
    assignee: Mapped[Person | None] = relationship(foreign_keys=[assignee_id])


class Draft(Base):
    """What a person has typed into a task's form and not yet sent, as typed (name → list of strings)."""

    __tablename__ = "drafts"
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    typed_json: Mapped[str] = mapped_column(Text)
    saved_at: Mapped[datetime] = mapped_column(Moment)


class JobState(enum.StrEnum):
    OWED = "owed"
    FAILED = "failed"  # waits for a person: an incident tells why


class Job(Base):
    """Work owed at a due time by no person; the row is deleted in the transaction that does the work.

    kind: timer | service | message | signal | start (a start event's timer) | notification.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_place", "instance_id", "token"), Index("ix_jobs_due", "state", "due_at"))
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instances.id"))
    definition_id: Mapped[int | None] = mapped_column(ForeignKey("process_definitions.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    token: Mapped[int | None] = mapped_column(Integer)
    part: Mapped[int | None] = mapped_column(Integer)
    event: Mapped[int] = mapped_column(Integer, default=0)  # which of the events of a multiple event
    element: Mapped[str] = mapped_column(String(120), default="")
    topic: Mapped[str] = mapped_column(String(120), default="")
    payload_json: Mapped[str] = mapped_column(Text, default="{}")
    due_at: Mapped[datetime] = mapped_column(Moment)
    state: Mapped[str] = mapped_column(String(20), default=JobState.OWED)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    leased_until: Mapped[datetime | None] = mapped_column(Moment)
    key: Mapped[str] = mapped_column(String(120), unique=True)  # idempotency key of the effect


class Subscription(Base):
    """An instance's (or, for a start event, a definition's) wait for a message or signal."""

    __tablename__ = "subscriptions"
    __table_args__ = (Index("ix_subscriptions_place", "instance_id", "token"), Index("ix_subscriptions_name", "kind", "name"))
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))  # message | signal
    name: Mapped[str] = mapped_column(String(200))
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instances.id"))
    definition_id: Mapped[int | None] = mapped_column(ForeignKey("process_definitions.id"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"))
    token: Mapped[int | None] = mapped_column(Integer)
    part: Mapped[int | None] = mapped_column(Integer)
    event: Mapped[int] = mapped_column(Integer, default=0)
    element: Mapped[str] = mapped_column(String(120))
    correlation_json: Mapped[str] = mapped_column(Text, default="{}")


class Incident(Base):
    """A recorded failure of the model or the world, which waits for a person. `act_json` is what was tried."""

    __tablename__ = "incidents"
    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instances.id"), index=True)
    definition_id: Mapped[int | None] = mapped_column(ForeignKey("process_definitions.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), index=True)
    task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id"))
    job_id: Mapped[int | None] = mapped_column(Integer)
    element: Mapped[str] = mapped_column(String(120), default="")
    code: Mapped[str | None] = mapped_column(String(120))
    template: Mapped[str] = mapped_column(Text)  # the sentence: English template …
    values_json: Mapped[str] = mapped_column(Text, default="{}")  # … and what goes into it
    act_json: Mapped[str] = mapped_column(Text)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    at: Mapped[datetime] = mapped_column(Moment)
    resolved_at: Mapped[datetime | None] = mapped_column(Moment)
    resolved_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    resolution: Mapped[str] = mapped_column(String(40), default="")  # retried | dismissed
    instance: Mapped[Instance | None] = relationship()


class HistoryEvent(Base):
    """One line of who did what; only ever appended. `hash` covers all columns before it and the line before."""

    __tablename__ = "history"
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), primary_key=True)
    line: Mapped[int] = mapped_column(Integer, primary_key=True)  # 1, 2, 3 … in the instance
    at: Mapped[datetime] = mapped_column(ExactMoment)  # when recorded
    took_place: Mapped[date | None] = mapped_column(Date)  # when it happened, if told otherwise (补录)
    actor_id: Mapped[int | None] = mapped_column(Integer)
    actor: Mapped[str] = mapped_column(String(130), default="")  # of a substitute, both names
    role: Mapped[str] = mapped_column(String(40), default="")
    what: Mapped[str] = mapped_column(String(40))
    element: Mapped[str] = mapped_column(String(120), default="")
    token: Mapped[int | None] = mapped_column(Integer)
    data_json: Mapped[str] = mapped_column(Text, default="")
    hash: Mapped[str] = mapped_column(String(64))


# --- papers and board -----------------------------------------------------------------------------------------------
class Paper(Base):
    """An attachment of a matter; the content lies in the store under its SHA-256."""

    __tablename__ = "papers"
    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instances.id"), index=True)
    task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), index=True)
    field: Mapped[str] = mapped_column(String(120), default="")
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    added_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    added_at: Mapped[datetime] = mapped_column(Moment)
    filed: Mapped[bool] = mapped_column(Boolean, default=False)  # its task has been completed with it


class Posting(Base):
    """A notice on the public board 公开栏 of a unit. `until` is the last moment of the posting time."""

    __tablename__ = "postings"
    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40))  # solicitation | resolution | result | reply …
    number: Mapped[str] = mapped_column(String(60))
    code: Mapped[str] = mapped_column(String(20), unique=True)  # in the public address
    title: Mapped[str] = mapped_column(String(200))
    facts_json: Mapped[str] = mapped_column(Text, default="{}")
    places: Mapped[str] = mapped_column(Text, default="")
    posted_by: Mapped[str] = mapped_column(String(60), default="")
    posted_on: Mapped[date] = mapped_column(Date)
    days: Mapped[int] = mapped_column(Integer, default=0)
    until: Mapped[datetime | None] = mapped_column(Moment)
    counting_json: Mapped[str] = mapped_column(Text, default="[]")  # sentences: how the days were counted
    history_line: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Moment)
    instance: Mapped[Instance] = relationship()
    unit: Mapped[Unit] = relationship()


class Objection(Base):
    """An objection 异议 of a resident against a posting. Name and contact are optional and never published."""

    __tablename__ = "objections"
    id: Mapped[int] = mapped_column(primary_key=True)
    posting_id: Mapped[int] = mapped_column(ForeignKey("postings.id"), index=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), index=True)
    number: Mapped[int] = mapped_column(Integer)  # 1, 2, 3 … in the matter
    receipt: Mapped[str] = mapped_column(String(20), unique=True)  # eight digits to write down
    text: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(String(60), default="")
    contact: Mapped[str] = mapped_column(String(100), default="")
    channel: Mapped[str] = mapped_column(String(20), default="web")  # web | assisted | paper
    assisted_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    received_at: Mapped[datetime] = mapped_column(Moment)
    answer: Mapped[str] = mapped_column(Text, default="")
    answered_at: Mapped[datetime | None] = mapped_column(Moment)
    satisfied: Mapped[bool | None] = mapped_column(Boolean)
    posting: Mapped[Posting] = relationship()


class OpinionGroup(Base):
    """What several opinions have in common, and the answer to it: `adopted` is yes, partly, no or empty. Once `settled`, the
    answer stands in the submitted summary."""

    __tablename__ = "opinion_groups"
    id: Mapped[int] = mapped_column(primary_key=True)
    posting_id: Mapped[int] = mapped_column(ForeignKey("postings.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    adopted: Mapped[str] = mapped_column(String(10), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    answered_at: Mapped[datetime | None] = mapped_column(Moment)
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    settled: Mapped[bool] = mapped_column(Boolean, default=False)


class Opinion(Base):
    """What a resident says to a solicitation 征求意见. Name and contact are optional and never published."""

    __tablename__ = "opinions"
    id: Mapped[int] = mapped_column(primary_key=True)
    posting_id: Mapped[int] = mapped_column(ForeignKey("postings.id"), index=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("opinion_groups.id"), index=True)
    number: Mapped[int] = mapped_column(Integer)  # 1, 2, 3 … in the matter
    receipt: Mapped[str] = mapped_column(String(20), unique=True)  # eight digits; none is an objection's too
    attitude: Mapped[str] = mapped_column(String(20))  # support | conditional | oppose | undecided
    worries_json: Mapped[str] = mapped_column(Text, default="[]")
    text: Mapped[str] = mapped_column(Text, default="")
    building: Mapped[str] = mapped_column(String(40), default="")
    name: Mapped[str] = mapped_column(String(60), default="")
    contact: Mapped[str] = mapped_column(String(100), default="")
    helper: Mapped[str] = mapped_column(String(60), default="")  # the neighbour who filled it in
    channel: Mapped[str] = mapped_column(String(20), default="web")  # web | assisted | paper
    assisted_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))  # the cadre who entered it
    received_on: Mapped[date] = mapped_column(Date)  # when it was handed in
    received_at: Mapped[datetime] = mapped_column(Moment)  # when it was recorded
    changed_at: Mapped[datetime | None] = mapped_column(Moment)
    posting: Mapped[Posting] = relationship()
    group: Mapped[OpinionGroup | None] = relationship()


class Counter(Base):
    """The next number of a kind in a unit and year."""

    __tablename__ = "counters"
    unit_id: Mapped[int] = mapped_column(ForeignKey("units.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    year: Mapped[int] = mapped_column(Integer, primary_key=True)
    value: Mapped[int] = mapped_column(Integer, default=0)
