"""What residents say to a solicitation 征求意见: opinions with a receipt, the ledger 意见台账, its groups and their answers."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from . import access, board, bpmn, clock
from .access import Actor, Permission
from .errors import Conflict, Invalid, NotFound, Sentence, say
from .models import ENDED, Instance, Objection, Opinion, OpinionGroup, Person, Posting

KIND = "solicitation"
"""Of the notices that ask, and of the steps in which answers are collected and summed up."""
ATTITUDES: Mapping[str, Sentence] = {
    "support": say("For it"),
    "conditional": say("For it, if something is changed"),
    "oppose": say("Against it"),
    "undecided": say("Not sure, I want to know more"),
}
WORRIES: Mapping[str, Sentence] = {
    "money": say("It costs money"),
    "noise": say("Noise"),
    "safety": say("It is not safe"),
    "passage": say("Getting in and out becomes harder"),
    "cleaning": say("Nobody cleans up"),
    "upkeep": say("Nobody looks after it later"),
}
ADOPTED: Mapping[str, Sentence] = {"yes": say("Adopted"), "partly": say("Adopted in part"), "no": say("Not adopted")}
CHANNELS: Mapping[str, Sentence] = {"web": say("on the web"), "assisted": say("entered for the resident"), "paper": say("on paper")}
LONGEST = {"text": 2000, "building": 40, "name": 60, "contact": 100, "helper": 60}
MAX_TITLE, MAX_REASON = 200, 1000


@dataclass(frozen=True)
class Said:
    """One opinion before it is kept. All but `attitude` may be empty.

    `helper` is the neighbour who filled it in; `received_on` the day on which a paper form was handed in.
    """

    attitude: str
    worries: Sequence[str] = ()
    text: str = ""
    building: str = ""
    name: str = ""
    contact: str = ""
    helper: str = ""
    received_on: date | None = None


@dataclass(frozen=True)
class Summary:
    """Counts of a solicitation; every attitude is in `attitudes`, the others have only what occurs; groups are
    counted by their id."""

    total: int
    attitudes: Mapping[str, int]
    worries: Mapping[str, int]
    channels: Mapping[str, int]
    buildings: Mapping[str, int]
    groups: Mapping[int, int]
    ungrouped: int


@dataclass(frozen=True)
class Entry:
    """One line of the ledger, with as much of the person as the reader may know."""

    opinion: Opinion
    name: str
    contact: str
    entered_by: str


# --- residents ------------------------------------------------------------------------------------------------------
def is_open(posting: Posting) -> bool:
    """-> whether residents may answer now: the notice asks, its time runs, and so does the matter."""
    return posting.kind == KIND and board.is_open(posting) and posting.instance.state not in ENDED


def give(session: Session, posting: Posting, actor: Actor, said: Said, *, channel: str = "web") -> Opinion:
    """A resident answers a solicitation. -> the opinion, with the receipt by which it is changed and its answer found.

    `channel` is `web`, or, for a cadre who enters it, `assisted` (both names are kept) or `paper`. What was handed in on
    paper in time may be entered later, as long as its round has not been summed up.
    Invalid with a sentence for each field; Conflict when the time is over; Forbidden for whoever may not enter for others.
    """
    if channel != "web":
        access.require(actor, Permission.ASSIST_RESIDENTS, posting.unit)
    _refuse_late(session, posting, channel)
    said = _clean(said)
    _check(posting, said, channel)
    instance = session.get_one(Instance, posting.instance_id)
    session.refresh(instance, with_for_update=True)  # the next number is one person's
    number = 1 + (session.scalar(select(func.max(Opinion.number)).where(Opinion.instance_id == instance.id)) or 0)
    opinion = Opinion(
        posting_id=posting.id, instance_id=instance.id, number=number, receipt=board.new_receipt(session), channel=channel,
        assisted_by=actor.person_id if channel != "web" else None, received_at=clock.now(),
        received_on=(said.received_on if channel == "paper" else None) or clock.today(), **_columns(said))
    session.add(opinion)
    session.flush()
    return opinion


def change(session: Session, opinion: Opinion, said: Said) -> None:
    """Whoever has the receipt says it otherwise. It leaves its group, because it may no longer belong there.

    Invalid with a sentence for each field; Conflict when the time is over.
    """
    _refuse_late(session, opinion.posting, "web")
    said = _clean(said)
    _check(opinion.posting, said, "web")
    for name, value in _columns(said).items():
        setattr(opinion, name, value)
    opinion.changed_at, opinion.group_id = clock.now(), None
    session.flush()


def by_receipt(session: Session, receipt: str) -> Opinion | Objection:
    """-> the opinion or the objection with this receipt number (blanks do not count). NotFound."""
    digits = "".join(c for c in receipt if c.isdigit())
    found = session.scalar(select(Opinion).where(Opinion.receipt == digits)
                           .options(joinedload(Opinion.posting).joinedload(Posting.instance), joinedload(Opinion.group)))
    if found is not None:
        return found
    try:
        return board.by_receipt(session, digits)
    except NotFound:
        raise NotFound(say("There is nothing with this receipt number. Look at the eight digits again.")) from None


def worries(opinion: Opinion) -> list[str]:
    """-> the keys of what the resident worries about."""
    found: list[str] = bpmn.decode(opinion.worries_json)
    return found


# --- the ledger -----------------------------------------------------------------------------------------------------
def rounds(session: Session, instance: Instance) -> list[Posting]:
    """-> the solicitations of a matter, the latest first."""
    return list(session.scalars(select(Posting).where(Posting.instance_id == instance.id, Posting.kind == KIND)
                                .options(joinedload(Posting.instance), joinedload(Posting.unit)).order_by(Posting.id.desc())))


def summary(session: Session, instance: Instance, posting: Posting | None = None) -> Summary:
    """-> the counts of one solicitation of the matter, or of its latest one. Only such counts are published."""
    asked = posting or next(iter(rounds(session, instance)), None)
    rows = session.execute(select(Opinion.attitude, Opinion.worries_json, Opinion.channel, Opinion.building, Opinion.group_id)
                           .where(Opinion.posting_id == (asked.id if asked else None))).all()
    attitudes = Counter(row.attitude for row in rows)
    return Summary(
        len(rows), {key: attitudes[key] for key in ATTITUDES}, Counter(w for row in rows for w in bpmn.decode(row.worries_json)),
        Counter(row.channel for row in rows), Counter(row.building for row in rows if row.building),
        Counter(row.group_id for row in rows if row.group_id), sum(row.group_id is None for row in rows))


def ledger(session: Session, posting: Posting, actor: Actor) -> list[Entry]:
    """-> the opinions of a solicitation in their order. Names only for whoever sees the unit's matters, else Forbidden;
    how to reach somebody only for whoever acts there [个人信息保护法 §6, §51: least access]."""
    access.require(actor, Permission.SEE_MATTERS, posting.unit)
    acts = access.may(actor, Permission.ACT, posting.unit)
    rows = session.execute(select(Opinion, Person.name).outerjoin(Person, Person.id == Opinion.assisted_by)
                           .where(Opinion.posting_id == posting.id).options(joinedload(Opinion.group)).order_by(Opinion.number))
    return [Entry(opinion, opinion.name, opinion.contact if acts else "", by or opinion.helper) for opinion, by in rows]


def groups(session: Session, posting: Posting) -> list[OpinionGroup]:
    """-> the groups of a solicitation, in the order in which they were made; their answers are public."""
    return list(session.scalars(select(OpinionGroup).where(OpinionGroup.posting_id == posting.id).order_by(OpinionGroup.id)))


def add_group(session: Session, posting: Posting, actor: Actor, title: str) -> OpinionGroup:
    """The cadre names what several opinions have in common. Forbidden; Invalid for a title that is empty, long or taken."""
    access.require(actor, Permission.ACT, posting.unit)
    title = title.strip()
    problem = None
    if not title:
        problem = say("Write in a few words what these opinions have in common.")
    elif len(title) > MAX_TITLE:
        problem = say("At most {limit} characters fit here.", limit=MAX_TITLE)
    elif any(group.title == title for group in groups(session, posting)):
        problem = say("There is a group of this name already.")
    if problem is not None:
        raise Invalid(say("The group has not been made."), {"title": problem})
    group = OpinionGroup(posting_id=posting.id, title=title)
    session.add(group)
    session.flush()
    return group


def assign(session: Session, posting: Posting, actor: Actor, opinions: Collection[int], group: OpinionGroup | None) -> None:
    """Puts opinions (by id) into a group, or with None out of any. Forbidden; Invalid when none is named."""
    access.require(actor, Permission.ACT, posting.unit)
    if not opinions:
        raise Invalid(say("Nothing has been put into a group."), {"opinion": say("Tick the opinions first.")})
    session.execute(update(Opinion).where(Opinion.posting_id == posting.id, Opinion.id.in_(opinions))
                    .values(group_id=group.id if group else None).execution_options(synchronize_session=False))
    session.expire_all()


def answer(session: Session, posting: Posting, group: OpinionGroup, actor: Actor, adopted: str, reason: str) -> None:
    """The group is answered: adopted, in part or not, because … Everybody with a receipt of the solicitation can read it.

    Forbidden; Invalid with a sentence for each field; Conflict once the summary with the answer has been submitted.
    """
    access.require(actor, Permission.ACT, posting.unit)
    _refuse_settled(group)
    problems = {}
    if adopted not in ADOPTED:
        problems["adopted"] = say("Say whether it is adopted.")
    if not reason.strip():
        problems["reason"] = say("Write why: residents read it with their receipt.")
    elif len(reason) > MAX_REASON:
        problems["reason"] = say("At most {limit} characters fit here.", limit=MAX_REASON)
    if problems:
        raise Invalid(say("The answer has not been kept."), problems)
    _answered(group, actor, adopted, reason)
    session.flush()


def remove_group(session: Session, posting: Posting, group: OpinionGroup, actor: Actor) -> None:
    """The group is taken away, its opinions are in none. Forbidden; Conflict once it has been answered in a summary."""
    access.require(actor, Permission.ACT, posting.unit)
    _refuse_settled(group)
    session.execute(update(Opinion).where(Opinion.group_id == group.id).values(group_id=None)
                    .execution_options(synchronize_session=False))
    session.delete(group)
    session.flush()
    session.expire_all()


# --- the step that sums up ------------------------------------------------------------------------------------------
def known(session: Session, instance: Instance) -> dict[str, Any]:
    """-> what the ledger knows, under the names which the summary's form asks for; nothing if nobody has answered.

    It is a beginning: households that were visited and left nothing in the ledger are added by hand.
    """
    asked = next(iter(rounds(session, instance)), None)
    if asked is None:
        return {}
    counted, grouped = summary(session, instance, asked), groups(session, asked)
    found: dict[str, Any] = {"households_answered": counted.total, **counted.attitudes} if counted.total else {}
    if grouped:
        found["opinion_groups"] = [{"group": g.title, "adopted": g.adopted or None, "reason": g.reason} for g in grouped]
    return found


def follow(session: Session, instance: Instance, values: Mapping[str, Any], actor: Actor) -> None:
    """The summary has been submitted: its answers (`opinion_groups`) are those which the receipts show from now on.

    Invalid while opinions lie in a group that the summary leaves without an answer: none may vanish.
    """
    asked, told = next(iter(rounds(session, instance)), None), values.get("opinion_groups")
    if asked is None or not isinstance(told, Sequence):
        return
    there = {group.title: group for group in groups(session, asked)}
    for row in told:
        title = str(row.get("group") or "").strip()
        group = there.get(title)
        if group is None:
            group = there[title] = OpinionGroup(posting_id=asked.id, title=title[:MAX_TITLE])
            session.add(group)
        _answered(group, actor, str(row.get("adopted") or ""), str(row.get("reason") or ""))
        group.settled = True
    left = next((group for group in there.values() if not group.answered_at), None)
    if left is not None:
        raise Invalid(say("The summary is not complete."),
                      {"opinion_groups": say("The ledger has the group “{group}”, which has no answer here.", group=left.title)})
    session.flush()


# --- within ---------------------------------------------------------------------------------------------------------
def _refuse_late(session: Session, posting: Posting, channel: str) -> None:
    if posting.kind != KIND:
        raise Conflict(say("This notice asks for no opinions."))
    if is_open(posting):
        return
    summed_up = session.scalar(select(OpinionGroup.id).where(OpinionGroup.posting_id == posting.id, OpinionGroup.settled).limit(1))
    if channel != "paper" or summed_up is not None or posting.instance.state in ENDED:
        raise Conflict(say("The time for opinions on this is over. Ask at the office of the community."))


def _check(posting: Posting, said: Said, channel: str) -> None:
    problems: dict[str, Sentence] = {}
    if said.attitude not in ATTITUDES:
        problems["attitude"] = say("Choose one of the answers.")
    if not set(said.worries) <= set(WORRIES):
        problems["worries"] = say("Choose from the list only.")
    for field, limit in LONGEST.items():
        if len(getattr(said, field)) > limit:
            problems[field] = say("At most {limit} characters fit here.", limit=limit)
    if channel == "assisted" and not said.name:
        problems["name"] = say("What is entered for somebody bears both names. Without a name it can be handed in on paper.")
    if channel == "paper":
        last = (posting.until - timedelta(microseconds=1)).astimezone(clock.ZONE).date() if posting.until else clock.today()
        if not posting.posted_on <= (said.received_on or clock.today()) <= min(last, clock.today()):
            problems["received_on"] = say("Say on which day it was handed in; it must lie in the time of the solicitation.")
    if problems:
        raise Invalid(say("It was not handed in."), problems)


def _clean(said: Said) -> Said:
    """-> the same with the line ends of one kind, and without signs that cannot be read (PostgreSQL keeps no NUL)."""
    def plain(text: str) -> str:
        lines = text.replace("\r\n", "\n")
        return "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs")).strip()

    return replace(said, text=plain(said.text), building=plain(said.building), name=plain(said.name), contact=plain(said.contact),
                   helper=plain(said.helper))


def _columns(said: Said) -> dict[str, Any]:
    chosen = [key for key in WORRIES if key in said.worries]
    return {"attitude": said.attitude, "worries_json": bpmn.encode(chosen),
            **{field: getattr(said, field) for field in LONGEST}}


def _answered(group: OpinionGroup, actor: Actor, adopted: str, reason: str) -> None:
    group.adopted, group.reason = adopted, reason.strip()
    group.answered_at, group.answered_by = clock.now(), actor.person_id


def _refuse_settled(group: OpinionGroup) -> None:
    if group.settled:
        raise Conflict(say("This answer has been submitted with the summary and is in the record: it can no longer be changed."))
