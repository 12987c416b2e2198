"""What residents say to a solicitation 征求意见: the short form, its receipt and answer, and the ledger of the staff.

As on the board nobody signs in and nobody is followed; which receipt this browser has last shown is kept in its own cookie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask import session as browser
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_limiter.errors import RateLimitExceeded

from engine import access, board, clock, opinions
from engine.access import Permission
from engine.errors import Conflict, Invalid, NotFound, Sentence, say
from engine.models import Instance, Opinion, OpinionGroup, Posting
from engine.opinions import Said

from . import progress, rendering
from .auth import actor, public
from .board import RECEIPT_SHOWN_FOR, limiter
from .session import db, rollback

room = Blueprint("opinions", __name__)
FROM_ONE_ADDRESS = "60 per hour"  # a whole stairwell may share one
ENTERED = ("assisted", "paper", "web")
FIELDS = tuple(opinions.LONGEST)
PAGE = 50


@dataclass(frozen=True)
class Typed:
    """The form as it was filled in."""

    said: Said
    channel: str = ""
    received_on: str = ""


# --- the short form -------------------------------------------------------------------------------------------------
@room.get("/board/notice/<code>/opinion")
@public
def opinion(code: str) -> ResponseReturnValue:
    posting = board.posting(db(), code)
    may_assist = access.may(actor(), Permission.ASSIST_RESIDENTS, posting.unit)
    if not opinions.is_open(posting) and not may_assist:
        return _form(posting, refusal=say("The time for opinions on this is over. Ask at the office of the community.")), 409
    return _form(posting)


@room.post("/board/notice/<code>/opinion")
@public
def give(code: str) -> ResponseReturnValue:
    posting = board.posting(db(), code)
    typed = _typed(posting)
    try:
        if typed.channel == "web":
            with limiter.limit(FROM_ONE_ADDRESS):
                made = opinions.give(db(), posting, actor(), typed.said)
        else:
            made = opinions.give(db(), posting, actor(), typed.said, channel=typed.channel)
    except RateLimitExceeded:
        rollback()
        return _form(posting, typed, refusal=say("So many opinions have come from your connection within an hour that this one was "
                                                 "not taken. Try again in an hour, or bring it to the office.")), 429
    except Invalid as refusal:
        rollback()
        return _form(posting, typed, problems=refusal.problems), 422
    except Conflict as refusal:
        rollback()
        return _form(posting, typed, refusal=refusal.sentence), 409
    _remember(made.receipt)
    return redirect(url_for(".received"), 303)


@room.get("/board/opinion/received")
@public
def received() -> ResponseReturnValue:
    """The receipt, to be written down. It is shown to this browser only, and not for long: others use it too."""
    found = _remembered()
    if found is None:
        return redirect(url_for("board.receipt"), 303)
    again = found.channel != "web" and access.may(actor(), Permission.ASSIST_RESIDENTS, found.posting.unit)
    return render_template("opinions/received.html", unit=found.posting.unit, opinion=found, again=again,
                           steps=_what_comes(found.posting), **_words(found))


@room.get("/board/opinion")
@public
def answer() -> ResponseReturnValue:
    """What became of it; the look-up of receipts leads here."""
    found = _remembered()
    if found is None:
        return redirect(url_for("board.receipt"), 303)
    groups = [group for group in opinions.groups(db(), found.posting) if group.answered_at is not None]
    return render_template(
        "opinions/answer.html", unit=found.posting.unit, opinion=found, groups=groups, adopted=opinions.ADOPTED,
        is_open=opinions.is_open(found.posting), steps=progress.step_line(db(), found.posting.instance), **_words(found))


@room.get("/board/opinion/change")
@public
def change() -> ResponseReturnValue:
    found = _remembered()
    if found is None:
        return redirect(url_for("board.receipt"), 303)
    said = Said(found.attitude, opinions.worries(found), **{field: getattr(found, field) for field in FIELDS})
    return _form(found.posting, Typed(said, "web"), changed=found)


@room.post("/board/opinion/change")
@public
def say_otherwise() -> ResponseReturnValue:
    found = _remembered()
    if found is None:
        raise NotFound(say("The receipt was shown too long ago. Look it up again."))
    typed = replace(_typed(found.posting), channel="web")
    try:
        opinions.change(db(), found, typed.said)
    except Invalid as refusal:
        rollback()
        return _form(found.posting, typed, problems=refusal.problems, changed=found), 422
    except Conflict as refusal:
        rollback()
        return _form(found.posting, typed, refusal=refusal.sentence, changed=found), 409
    flash(_("Your opinion has been changed. The receipt number stays the same."), "ok")
    return redirect(url_for(".answer"), 303)


def _remember(receipt: str) -> None:
    browser["opinion"] = [receipt, clock.now().timestamp()]


def _remembered() -> Opinion | None:
    digits, at = browser.get("opinion") or ("", 0)
    if not digits or clock.now().timestamp() - at > RECEIPT_SHOWN_FOR.total_seconds():
        browser.pop("opinion", None)
        return None
    found = opinions.by_receipt(db(), digits)
    return found if isinstance(found, Opinion) else None


def _typed(posting: Posting) -> Typed:
    """What was sent. Who may not enter for others speaks for himself, whatever was sent."""
    channel = request.form.get("channel", "")
    if channel not in ENTERED or not access.may(actor(), Permission.ASSIST_RESIDENTS, posting.unit):
        channel = "web"
    day = request.form.get("received_on", "")
    said = Said(request.form.get("attitude", ""), request.form.getlist("worries"),
                **{field: request.form.get(field, "") for field in FIELDS}, received_on=_date(day) if channel == "paper" else None)
    return Typed(said, channel, day)


def _date(text: str) -> date | None:
    """-> the day, or one on which nothing can have been handed in, so that what was typed is refused beside its field."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return date.min


def _form(posting: Posting, typed: Typed | None = None, *, problems: Mapping[str, Sentence] | None = None,
          refusal: Sentence | None = None, changed: Opinion | None = None) -> str:
    labels = {"attitude": _("How do you see it?"), "worries": _("What worries you"), "text": _("What you would like to say"),
              "building": _("Building"), "name": _("What we may call you"), "contact": _("Telephone"), "helper": _("Your name"),
              "received_on": _("Handed in on")}
    facts = board.facts(posting)
    return render_template(
        "opinions/form.html", unit=posting.unit, posting=posting, typed=typed or Typed(Said("")), problems=problems or {},
        refusal=refusal, changed=changed, labels=labels, attitudes=opinions.ATTITUDES, worries=opinions.WORRIES,
        summary=[(f"f-{name}", labels[name], rendering.said(sentence)) for name, sentence in (problems or {}).items()],
        told=_told(facts.get("told")), text=str(facts.get("text") or ""), is_open=opinions.is_open(posting), by=actor(),
        may_assist=changed is None and access.may(actor(), Permission.ASSIST_RESIDENTS, posting.unit))


def _told(told: Any) -> list[tuple[str, str]]:
    """-> (label, words) of what one should know before answering."""
    found = told if isinstance(told, Mapping) else {}
    return [(str(label), str(value)) for label, value in found.items() if value not in (None, "")]


def _what_comes(posting: Posting) -> list[str]:
    """-> what becomes of an opinion, in words."""
    until = rendering.moment(posting.until, last=True)
    return [_("Until %(until)s you may say it otherwise: look up your receipt. Afterwards it stands.", until=until),
            _("Then every kind of opinion is answered: adopted, adopted in part or not adopted, and why."),
            _("The answer is found with your receipt, and a summary without names hangs on the board.")]


def _words(found: Opinion) -> dict[str, Any]:
    """-> what was said, in words."""
    return {"digits": f"{found.receipt[:4]} {found.receipt[4:]}", "attitude": opinions.ATTITUDES[found.attitude],
            "worried": [opinions.WORRIES[key] for key in opinions.worries(found)]}


# --- the ledger -----------------------------------------------------------------------------------------------------
@room.get("/matters/<int:instance_id>/opinions")
def ledger(instance_id: int) -> ResponseReturnValue:
    found, asked = _asked(instance_id, request.args.get("notice", ""))
    return _ledger_page(found, asked)


@room.post("/matters/<int:instance_id>/opinions/<code>/group")
def assign(instance_id: int, code: str) -> ResponseReturnValue:
    """The ticked opinions go into the group that was chosen or named, or out of any."""
    found, asked = _asked(instance_id, code)
    ticked = [int(text) for text in request.form.getlist("opinion") if text.isdecimal() and len(text) < 10]
    chosen, title = request.form.get("group", ""), request.form.get("title", "").strip()
    try:
        group = None if chosen == "none" else _group(asked, chosen) if chosen else opinions.add_group(db(), asked, actor(), title)
        if ticked or chosen:
            opinions.assign(db(), asked, actor(), ticked, group)
    except Invalid as refusal:
        rollback()
        return _ledger_page(*_asked(instance_id, code), problems=refusal.problems, ticked=ticked, title=title, chosen=chosen), 422
    flash(_("It has been put where it belongs."), "ok")
    return _back(found, asked)


@room.post("/matters/<int:instance_id>/opinions/<code>/group/<int:group_id>/answer")
def answer_group(instance_id: int, code: str, group_id: int) -> ResponseReturnValue:
    found, asked = _asked(instance_id, code)
    adopted, reason = request.form.get("adopted", ""), request.form.get("reason", "").replace("\r\n", "\n")
    try:
        opinions.answer(db(), asked, _group(asked, str(group_id)), actor(), adopted, reason)
    except Invalid as refusal:
        rollback()
        return _ledger_page(*_asked(instance_id, code), problems=refusal.problems, answering=(group_id, adopted, reason)), 422
    flash(_("The answer has been kept. Everybody with a receipt can read it."), "ok")
    return _back(found, asked)


@room.post("/matters/<int:instance_id>/opinions/<code>/group/<int:group_id>/remove")
def remove_group(instance_id: int, code: str, group_id: int) -> ResponseReturnValue:
    found, asked = _asked(instance_id, code)
    opinions.remove_group(db(), asked, _group(asked, str(group_id)), actor())
    flash(_("The group has been taken away; its opinions are in none."), "ok")
    return _back(found, asked)


def _back(found: Instance, asked: Posting) -> ResponseReturnValue:
    return redirect(url_for(".ledger", instance_id=found.id, notice=asked.code), 303)


def _asked(instance_id: int, code: str) -> tuple[Instance, Posting]:
    """-> the matter, and the solicitation that is meant: the latest if none is named. NotFound."""
    found = access.get_instance(db(), actor(), instance_id)
    access.require(actor(), Permission.SEE_MATTERS, found.unit)
    asked = next((one for one in opinions.rounds(db(), found) if code in ("", one.code)), None)
    if asked is None:
        raise NotFound(say("The residents have not been asked about this matter yet."))
    return found, asked


def _group(asked: Posting, number: str) -> OpinionGroup:
    group = next((one for one in opinions.groups(db(), asked) if str(one.id) == number), None)
    if group is None:
        raise NotFound(say("This group is gone. Somebody has taken it away."))
    return group


def _ledger_page(found: Instance, asked: Posting, *, problems: Mapping[str, Sentence] | None = None, ticked: Sequence[int] = (),
                 title: str = "", chosen: str = "", answering: tuple[int, str, str] | None = None) -> str:
    attitude, of_group = request.args.get("attitude", ""), request.args.get("group", "")
    entries = [one for one in opinions.ledger(db(), asked, actor())
               if attitude in ("", one.opinion.attitude) and of_group in ("", str(one.opinion.group_id or "none"))]
    number = min(max(1, request.args.get("page", 1, type=int)), 10_000)
    groups = opinions.groups(db(), asked)
    counted = opinions.summary(db(), found, asked)

    def chip(words: str, count: int, **narrowed: Any) -> dict[str, Any]:
        current = (attitude, of_group) == (narrowed.get("attitude", ""), str(narrowed.get("group", "")))
        return {"href": url_for(".ledger", instance_id=found.id, notice=asked.code, _anchor="op", **narrowed), "words": words,
                "count": count, "current": current}

    filters = [chip(_("All"), counted.total), chip(_("In no group"), counted.ungrouped, group="none"),
               *(chip(rendering.said(words), counted.attitudes[key], attitude=key) for key, words in opinions.ATTITUDES.items())]
    return render_template(
        "opinions/ledger.html", matter=found, asked=asked, rounds=opinions.rounds(db(), found), counted=counted, groups=groups,
        filters=filters, summary=_summary(problems or {}, answering),
        entries=entries[PAGE * (number - 1):PAGE * number], page=number, pages=-(-len(entries) // PAGE),
        attitude=attitude, of_group=of_group, attitudes=opinions.ATTITUDES, worries=opinions.WORRIES, adopted=opinions.ADOPTED,
        worries_of=lambda one: [opinions.WORRIES[key] for key in opinions.worries(one)],
        channels=opinions.CHANNELS, sizes=counted.groups, problems=problems or {}, ticked=ticked, title=title, chosen=chosen,
        answering=answering, may_act=access.may(actor(), Permission.ACT, found.unit), is_open=opinions.is_open(asked),
        may_assist=access.may(actor(), Permission.ASSIST_RESIDENTS, found.unit))


def _summary(problems: Mapping[str, Sentence], answering: tuple[int, str, str] | None) -> list[tuple[str, str, str]]:
    """-> (id of the field, label, sentence) of what is wrong on the page of the ledger."""
    before = f"g{answering[0]}-" if answering else "f-"
    return [(before + name, "", rendering.said(sentence)) for name, sentence in problems.items()]
