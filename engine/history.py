"""The append-only log: who did what, when recorded and when it took place, chained by hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import String, bindparam, insert, select, type_coerce
from sqlalchemy.orm import Session

from . import clock
from .database import Prepared
from .errors import Sentence, say
from .models import HistoryEvent, Instance, table

_TABLE = table(HistoryEvent)
_INSERT = Prepared(insert(_TABLE).values({c.name: bindparam(c.name) for c in _TABLE.columns}))


class Line(NamedTuple):
    """What is to be recorded. `what` is a verb of the engine (`completed`, `claimed`, `suspended` …) or of the model's run
    (`started`, `flow`, `cancelled`); `data` is text in the codec of engine.bpmn, or empty."""

    what: str
    element: str = ""
    token: int | None = None
    data: str = ""
    actor_id: int | None = None
    actor: str = ""
    role: str = ""
    took_place: date | None = None


@dataclass(frozen=True)
class Head:
    """The end of an instance's chain: the number of its last line and that line's hash."""

    length: int
    hash: str


def append(session: Session, instance_id: int, head: Head, lines: Iterable[Line]) -> Head:
    """Adds `lines` to the chain in one statement. -> its new head, which the caller stores in the instance's row."""
    at, number, digest, rows = clock.now(), head.length, head.hash, []
    at_text = at.isoformat(timespec="microseconds")
    for line in lines:
        number += 1
        digest = _hash(digest, number, at_text, line)
        rows.append(dict(zip(_COLUMNS, (instance_id, number, at, line.took_place, line.actor_id, line.actor, line.role,
                                        line.what, line.element, line.token, line.data, digest), strict=True)))
    if rows:
        _INSERT.run(session, rows)
    return Head(number, digest)


_COLUMNS = ("instance_id", "line", "at", "took_place", "actor_id", "actor", "role", "what", "element", "token",
            "data_json", "hash")


def lines(session: Session, instance_id: int, *, what: Iterable[str] | None = None, newest_first: bool = False,
          limit: int | None = None) -> list[HistoryEvent]:
    """-> the recorded lines of an instance in order, only those with one of the verbs `what` if given."""
    query = select(HistoryEvent).where(HistoryEvent.instance_id == instance_id)
    if what is not None:
        query = query.where(HistoryEvent.what.in_(list(what)))
    query = query.order_by(HistoryEvent.line.desc() if newest_first else HistoryEvent.line)
    return list(session.scalars(query.limit(limit)))


def verify(session: Session, instance_id: int | None = None) -> Iterator[Sentence]:
    """Walks the chains (all, or one instance's). -> one sentence for each instance whose record has been changed."""
    instances = select(Instance.id, Instance.number, Instance.history_length, Instance.history_hash).order_by(Instance.id)
    if instance_id is not None:
        instances = instances.where(Instance.id == instance_id)
    known = set()
    for identity, number, length, head in session.execute(instances).all():
        known.add(identity)
        flaw = _flaw(session, identity, length, head)
        if flaw is not None:
            yield say("Matter {matter}: {flaw}", matter=number or identity, flaw=flaw)
    if instance_id is None:
        orphans = select(HistoryEvent.instance_id).distinct().where(HistoryEvent.instance_id.not_in(known))
        for identity in session.scalars(orphans):
            yield say("Matter {matter}: its row is gone, but its history is here.", matter=identity)


def _flaw(session: Session, instance_id: int, length: int, head: str) -> Sentence | None:
    digest, expected = "", 0
    query = (select(_TABLE, type_coerce(_TABLE.c.at, String).label("at_text")).where(_TABLE.c.instance_id == instance_id)
             .order_by(_TABLE.c.line))
    rows = session.execute(query.execution_options(yield_per=500))
    while True:
        try:
            row = rows.fetchone()
        except (ValueError, TypeError, LookupError) as error:  # a changed byte can make a column unreadable
            return say("after line {line} a line cannot be read ({reason}).", line=expected, reason=error)
        if row is None:
            break
        expected += 1
        if row.line != expected:
            return say("line {line} is missing.", line=expected)
        digest = _hash(digest, row.line, row.at_text, Line(row.what, row.element, row.token, row.data_json, row.actor_id,
                                                      row.actor, row.role, row.took_place))
        if digest != row.hash:
            return say("line {line} has been changed.", line=row.line)
    if expected != length or digest != head:
        return say("{count} lines are here, but {length} were written.", count=expected, length=length) \
            if expected != length else say("the seal in the matter's row does not fit its last line.")
    return None


def _hash(before: str, number: int, at: str, line: Line) -> str:
    fields: list[Any] = [before, number, at, line.took_place and line.took_place.isoformat(),
                         line.actor_id, line.actor, line.role, line.what, line.element, line.token, line.data]
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
