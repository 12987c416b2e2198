"""The public board 公开栏: postings with their days, objections of residents and their answers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from . import bpmn, clock, definitions, feel, instances, messages
from .access import Actor
from .errors import Conflict, Incident, Invalid, NotFound, Sentence, say
from .models import HistoryEvent, Instance, Objection, Opinion, Posting, Subscription, Unit

KINDS = ("posting", "answer")
OBJECTION_RAISED = "objection_raised"
MAX_OBJECTION = 2000
_CODE = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that is misread on paper


def follow(session: Session, instance: Instance, place: definitions.Place, values: Mapping[str, Any], actor: Actor) -> None:
    """What a completed step does on the board: a step of kind `posting` hangs up a notice, one of kind `answer` answers
    an objection. `values` are the variables with what the form brought. Incident where they do not suffice."""
    if place.kind == "posting":
        _post(session, instance, place, values, actor)
    elif place.kind == "answer":
        _answer(session, instance, values)


def _post(session: Session, instance: Instance, place: definitions.Place, values: Mapping[str, Any], actor: Actor) -> Posting:
    posted_on = feel.to_python(values.get("posted_on"))
    if not isinstance(posted_on, date):
        raise Incident(say("“{step}” posts a notice, but the day of posting (posted_on) is missing.", step=place.name),
                       place.element.id)
    days = _days(values)
    calendar = definitions.compiled(session, instance.definition_id).pack.parameters.calendar
    counted = clock.deadline(posted_on, days, calendar) if days else None
    year = posted_on.year
    number = instances.next_number(session, instance.unit_id, "posting", year)
    line = session.scalar(select(func.max(HistoryEvent.line)).where(
        HistoryEvent.instance_id == instance.id, HistoryEvent.element == place.element.id, HistoryEvent.what == "completed"))
    posting = Posting(
        instance_id=instance.id, unit_id=instance.unit_id, kind=str(place.element.extensions.get("posting") or "resolution"),
        number=f"公告〔{year}〕{number}号", code=_code(), title=str(values.get("posting_title") or instance.title)[:200],
        facts_json=bpmn.encode({"text": values.get("posting_text") or "", "facts": values.get("posting_facts"),
                                "told": values.get("posting_told")}),
        places=str(values.get("places") or ""), posted_by=actor.name, posted_on=posted_on, days=days,
        until=counted.ends_at if counted else None,
        counting_json=bpmn.encode([_kept(s) for s in counted.sentences] if counted else []),
        history_line=line, created_at=clock.now())
    session.add(posting)
    session.flush()
    return posting


def _days(values: Mapping[str, Any]) -> int:
    own = values.get("posting_days")
    if own is None:
        own = ((values.get(instances.PARAMETERS) or {}).get("posting") or {}).get("days")
    return int(own or 0)


def _answer(session: Session, instance: Instance, values: Mapping[str, Any]) -> None:
    number = values.get("objection_number")
    if number is None and isinstance(values.get("objection"), Mapping):
        number = values["objection"].get("number")
    objection = session.scalar(select(Objection).where(Objection.instance_id == instance.id, Objection.number == int(number or 0)))
    if objection is None:
        return  # raised on paper and never entered as an objection of its own
    objection.answer, objection.answered_at = str(values.get("answer") or ""), clock.now()
    objection.satisfied = {"yes": True, "no": False}.get(str(values.get("satisfied")))
    session.flush()


# --- what the public may do and see -----------------------------------------------------------------------------------
def postings(session: Session, unit: Unit, *, kind: str | None = None, limit: int = 100) -> list[Posting]:
    """-> the notices of a unit, the latest first."""
    query = select(Posting).where(Posting.unit_id == unit.id).options(joinedload(Posting.instance))
    if kind is not None:
        query = query.where(Posting.kind == kind)
    return list(session.scalars(query.order_by(Posting.posted_on.desc(), Posting.id.desc()).limit(limit)))


def posting(session: Session, code: str) -> Posting:
    """-> the notice with this public code. NotFound."""
    found = session.scalar(select(Posting).where(Posting.code == code)
                           .options(joinedload(Posting.instance), joinedload(Posting.unit)))
    if found is None:
        raise NotFound(say("There is no such notice. Look on the board."))
    return found


def day_of(posting: Posting, today: date | None = None) -> int:
    """-> which day of the posting it is: 0 on the day it was hung up (it is not counted), at most `days`."""
    return max(0, min(posting.days, ((today or clock.today()) - posting.posted_on).days))


def is_open(posting: Posting, at: datetime | None = None) -> bool:
    """-> whether objections are still in time, now or at another moment."""
    return posting.until is not None and (at or clock.now()) < posting.until


def takes_objections(session: Session, posting: Posting) -> bool:
    """-> whether it is open and its matter waits for objections now; not every notice can be objected to."""
    return is_open(posting) and session.scalar(
        select(Subscription.id).where(Subscription.kind == "message", Subscription.name == OBJECTION_RAISED,
                                      Subscription.instance_id == posting.instance_id).limit(1)) is not None


def facts(posting: Posting) -> Mapping[str, Any]:
    """-> {text, facts, told} as they were posted; `told` is what a resident should know before answering, by its label."""
    found: Mapping[str, Any] = bpmn.decode(posting.facts_json)
    return found


def counting(posting: Posting) -> list[Sentence]:
    """-> how the days were counted."""
    return [Sentence(s["template"], s["values"]) for s in bpmn.decode(posting.counting_json)]


def objections(session: Session, *, instance: Instance | None = None, posting: Posting | None = None) -> list[Objection]:
    """-> the objections of a matter or against a notice, in their order."""
    query = select(Objection).order_by(Objection.number)
    if instance is not None:
        query = query.where(Objection.instance_id == instance.id)
    if posting is not None:
        query = query.where(Objection.posting_id == posting.id)
    return list(session.scalars(query))


def object_to(session: Session, posting: Posting, actor: Actor, *, text: str, name: str = "", contact: str = "",
              channel: str = "web", at: datetime | None = None) -> Objection:
    """A resident objects to a notice; the matter is told and must answer. Name and contact are optional, never published.
    `at`: when it came in, if not now.

    Invalid with a sentence for each field; Conflict when the time is over.
    """
    problems = {}
    if not text.strip():
        problems["text"] = say("Write what you object to.")
    elif len(text) > MAX_OBJECTION:
        problems["text"] = say("This is longer than {limit} characters. Shorten it, or bring it to the office on paper.",
                               limit=MAX_OBJECTION)
    for field, value, limit in (("name", name, 60), ("contact", contact, 100)):
        if len(value) > limit:
            problems[field] = say("At most {limit} characters fit here.", limit=limit)
    if problems:
        raise Invalid(say("The objection was not sent."), problems)
    received_at = at or clock.now()
    if not is_open(posting, received_at):
        raise Conflict(say("The time for objections to this notice is over. Ask at the office of the community."))
    instance = session.get_one(Instance, posting.instance_id)
    session.refresh(instance, with_for_update=True)  # the next number is one person's
    number = 1 + (session.scalar(select(func.max(Objection.number)).where(Objection.instance_id == instance.id)) or 0)
    objection = Objection(
        posting_id=posting.id, instance_id=instance.id, number=number, receipt=new_receipt(session), text=text.strip(),
        name=name.strip(), contact=contact.strip(), channel=channel, assisted_by=actor.person_id, received_at=received_at)
    session.add(objection)
    session.flush()
    payload = {"objection": {"number": number, "text": objection.text, "received_on": received_at.astimezone(clock.ZONE).date()}}
    if messages.correlate(session, OBJECTION_RAISED, payload, actor, instance=instance) is None:
        raise Conflict(say("This matter takes no objections at the moment. Ask at the office of the community."))
    session.refresh(objection)
    return objection


def by_receipt(session: Session, receipt: str) -> Objection:
    """-> the objection with this receipt number (blanks do not count). NotFound."""
    digits = "".join(c for c in receipt if c.isdigit())
    found = session.scalar(select(Objection).where(Objection.receipt == digits).options(joinedload(Objection.posting)))
    if found is None:
        raise NotFound(say("There is no objection with this receipt number. Look at the digits again."))
    return found


def new_receipt(session: Session) -> str:
    """-> eight digits that no objection and no opinion bears: one look-up finds both."""
    while True:
        digits = f"{secrets.randbelow(10**8):08d}"
        if not any(session.scalar(select(kind.id).where(kind.receipt == digits)) for kind in (Objection, Opinion)):
            return digits


def _kept(sentence: Sentence) -> dict[str, Any]:
    return {"template": sentence.template, "values": {k: str(v) for k, v in sentence.values.items()}}


def _code() -> str:
    return "".join(secrets.choice(_CODE) for _ in range(8))

