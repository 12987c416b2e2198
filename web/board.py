"""The public board 公开栏: what is posted in a community, one notice, an objection by a resident, and the answer to it.

Nobody signs in here and nobody is followed: no account, no counting of visits; addresses are remembered for an hour, in
memory, only to keep one of them from flooding a matter or from guessing receipts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any, cast

import segno
from flask import Blueprint, Flask, current_app, redirect, render_template, request, url_for
from flask import session as browser
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_limiter import Limiter
from flask_limiter.errors import RateLimitExceeded
from flask_limiter.util import get_remote_address
from markupsafe import Markup
from sqlalchemy import select

from engine import access, board, clock, definitions, opinions, organisation
from engine.access import Actor, Permission
from engine.errors import Conflict, Incident, Invalid, NotFound, Sentence, say
from engine.models import HistoryEvent, InstanceState, Objection, Opinion, Posting, Unit

from . import errors, progress, rendering
from .auth import actor, public
from .session import db, rollback

room = Blueprint("board", __name__, url_prefix="/board")
OBJECTIONS_FROM_ONE_ADDRESS = "20 per hour"
RECEIPTS_FROM_ONE_ADDRESS = "30 per 10 minutes"
RECEIPT_SHOWN_FOR = timedelta(minutes=15)
CHANNELS = ("assisted", "paper", "web")
SUPERVISION = ("supervision_committee", "service_officer", "supervisor")
ANSWER_DAYS = "objection.answer_days"
FIELDS = ("text", "name", "contact")

limiter = Limiter(get_remote_address, storage_uri="memory://", strategy="moving-window")


@room.record
def _limit(state: BlueprintSetupState) -> None:
    limiter.init_app(cast(Flask, state.app))


@dataclass(frozen=True)
class Notice:
    """One notice as the board shows it."""

    posting: Posting
    day: int
    is_open: bool
    takes_objections: bool

    @property
    def until(self) -> str:
        """The end of the posting time with its year, as on paper."""
        end = self.posting.until
        if end is None:
            return ""
        at_midnight = end.astimezone(clock.ZONE).time() == time()
        day = rendering.day(end - timedelta(seconds=1), year=True)
        return f"{day} 24:00" if at_midnight else f"{day} {rendering.time_of_day(end)}"

    @property
    def line(self) -> str:
        """Which day it is and until when, in words."""
        if self.posting.until is None:
            return ""
        until = rendering.moment(self.posting.until, last=True)
        if not self.is_open:
            return str(_("The time of posting is over; it ran until %(until)s", until=until))
        if self.day == 0:
            return str(_("Posted today, which is not counted; until %(until)s", until=until))
        return str(_("Posted for day %(n)d of %(total)d, until %(until)s", n=self.day, total=self.posting.days, until=until))


# --- the board ------------------------------------------------------------------------------------------------------
@room.get("/")
@public
def index() -> ResponseReturnValue:
    """Choose a community."""
    streets = db().scalars(select(Unit).where(Unit.kind == "street").order_by(Unit.code)).all()
    communities = db().scalars(select(Unit).where(Unit.kind == "community").order_by(Unit.code)).all()
    return render_template("board/index.html", streets=[
        (street, [one for one in communities if one.path.startswith(street.path)]) for street in streets])


@room.get("/<code>")
@public
def community(code: str) -> ResponseReturnValue:
    unit = organisation.unit_by_code(db(), code)
    notices = [_notice(posting) for posting in board.postings(db(), unit)]
    pockets = {kind: [one for one in notices if one.posting.kind == kind] for kind in ("solicitation", "reply")}
    settled = {one.posting.instance_id for one in notices if one.posting.kind == "result"}
    decided = [one for one in notices if one.posting.kind not in ("solicitation", "reply", "result")]
    works = {one.posting.instance_id: one for one in reversed(decided)
             if not one.is_open and one.posting.instance_id not in settled and one.posting.instance.state == InstanceState.RUNNING}
    return render_template(
        "board/community.html", unit=unit, replies=pockets["reply"], decided=decided,
        closed=[one for one in pockets["solicitation"] if not one.is_open],
        results=[one for one in notices if one.posting.kind == "result"], works=list(works.values()),
        asked=[one for one in pockets["solicitation"] if one.is_open],
        objectionable=[one for one in notices if one.takes_objections], supervision=_supervision(unit))


def _supervision(unit: Unit) -> list[tuple[str, list[Any]]]:
    """-> (role, the people who hold it over the unit), for whoever wants to turn to them."""
    found = [(key, organisation.people_with(db(), key, unit)) for key in SUPERVISION]
    return [(rendering.role(key), people) for key, people in found if people]


def _notice(posting: Posting) -> Notice:
    return Notice(posting, board.day_of(posting), board.is_open(posting), board.takes_objections(db(), posting))


# --- one notice -----------------------------------------------------------------------------------------------------
@room.get("/notice/<code>")
@public
def notice(code: str) -> ResponseReturnValue:
    posting = board.posting(db(), code)
    facts = board.facts(posting)
    address = _public_address(url_for(".notice", code=code))
    return render_template(
        "board/notice.html", unit=posting.unit, notice=_notice(posting), text=str(facts.get("text") or ""),
        counts=_counts(facts.get("facts")), counting=board.counting(posting), sealed=_sealed(posting), address=address,
        qr=_qr(address), may_assist=access.may(actor(), Permission.ASSIST_RESIDENTS, posting.unit))


def _counts(facts: Any) -> list[tuple[str, str]]:
    """-> (what, how many) as they were posted. Only figures, days and short words: whatever else a model puts there stays out."""
    if not isinstance(facts, Mapping):
        return []
    return [(str(label), _plain(value)) for label, value in facts.items() if _plain(value)]


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(_("Yes") if value else _("No"))
    if isinstance(value, int | Decimal):
        return f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
    if isinstance(value, date):
        return rendering.day(value, year=True)
    return value[:80] if isinstance(value, str) else ""


def _sealed(posting: Posting) -> HistoryEvent | None:
    """-> the line of the history that says that this notice was hung up."""
    return db().scalar(select(HistoryEvent).where(HistoryEvent.instance_id == posting.instance_id,
                                                  HistoryEvent.line == posting.history_line))


def _public_address(path: str) -> str:
    base: str = current_app.config["SETTINGS"].public_url or request.host_url
    return base.rstrip("/") + path


def _qr(address: str) -> Markup:
    """-> the address as a QR code: SVG without a style of its own."""
    out = BytesIO()
    segno.make(address, micro=False).save(out, kind="svg", xmldecl=False, omitsize=True, nl=False, svgclass=None, lineclass=None)
    return Markup(out.getvalue().decode())  # made by us of modules alone; the address is not text in it


# --- an objection ---------------------------------------------------------------------------------------------------
@room.get("/notice/<code>/objection")
@public
def objection(code: str) -> ResponseReturnValue:
    posting = board.posting(db(), code)
    if not board.takes_objections(db(), posting):
        return _form(posting, {}, refusal=_not_taken(posting)), 409
    return _form(posting, {})


@room.post("/notice/<code>/objection")
@public
def object_to(code: str) -> ResponseReturnValue:
    posting = board.posting(db(), code)
    typed = {name: request.form.get(name, "") for name in (*FIELDS, "channel")}
    by, channel = _in_whose_name(posting, typed["channel"])
    try:
        with limiter.limit(OBJECTIONS_FROM_ONE_ADDRESS):
            receipt = _object(posting, by, channel, typed).receipt
    except RateLimitExceeded:
        rollback()
        return _form(posting, typed, refusal=say("So many objections have come from your connection within an hour that this one "
                                                 "was not taken. Try again in an hour, or bring it to the office.")), 429
    except Invalid as refusal:
        rollback()
        return _form(posting, typed, problems=refusal.problems), 422
    except Conflict as refusal:
        rollback()
        return _form(posting, typed, refusal=refusal.sentence), 409
    except Incident as failure:
        act = {"verb": "object", "posting": posting.id, "channel": channel, **{name: typed[name] for name in FIELDS}}
        number = errors.recorded(failure, errors.Attempt(act, posting.unit_id, posting.instance_id))
        return _form(board.posting(db(), code), typed, refusal=say(
            "The procedure failed, which is not your mistake. What you wrote is kept as failure no. {number}, and counts from now. "
            "The office of the community can tell you what becomes of it.", number=number)), 500
    browser["received"] = [receipt, clock.now().timestamp()]
    return redirect(url_for(".received"), 303)


def _object(posting: Posting, by: Actor, channel: str, typed: Mapping[str, str]) -> Objection:
    if channel != "web" and not typed["name"].strip():
        raise Invalid(say("The objection was not sent."),
                      {"name": say("Write for whom you enter this: both names are kept with it.")})
    return board.object_to(db(), posting, by, channel=channel, text=typed["text"], name=typed["name"], contact=typed["contact"])


def _in_whose_name(posting: Posting, channel: str) -> tuple[Actor, str]:
    """-> a resident's own, or that of the cadre who enters it for a resident; signed in or not, nobody else is named."""
    if channel in ("assisted", "paper") and access.may(actor(), Permission.ASSIST_RESIDENTS, posting.unit):
        return actor(), channel
    return Actor.public(), "web"


def _not_taken(posting: Posting) -> Sentence:
    if board.is_open(posting):
        return say("This notice does not take objections. Ask at the office of the community.")
    return say("The time for objections to this notice is over. Ask at the office of the community.")


def _form(posting: Posting, typed: Mapping[str, str], *, problems: Mapping[str, Sentence] | None = None,
          refusal: Sentence | None = None) -> str:
    labels = {"text": _("What do you object to, and why?"), "name": _("Name"), "contact": _("Telephone or address")}
    return render_template(
        "board/objection.html", unit=posting.unit, notice=_notice(posting), typed=typed, problems=problems or {}, refusal=refusal,
        summary=[(f"f-{name}", labels[name], rendering.said(sentence)) for name, sentence in (problems or {}).items()],
        may_assist=access.may(actor(), Permission.ASSIST_RESIDENTS, posting.unit), actor=actor(), limit=board.MAX_OBJECTION,
        after=[_("You get a receipt number of eight digits; with it you can look up the answer."), *_what_comes(posting)])


def _what_comes(posting: Posting) -> list[str]:
    """-> what becomes of an objection, in words."""
    days = _answer_days(posting)
    return [_("Within %(num)d days you get an answer with reasons.", num=days) if days else _("You get an answer with reasons."),
            _("As long as one objection is not answered, the decision is not carried out."),
            _("If the answer does not satisfy you, say so: at the counter, by telephone, or by another objection.")]


def _answer_days(posting: Posting) -> int | None:
    """-> within how many days it is answered, if the pack has that parameter."""
    parameters = definitions.compiled(db(), posting.instance.definition_id).pack.parameters
    found = parameters.by_key.get(ANSWER_DAYS)
    dated = found.at(clock.today()) if found else None
    return dated.value if dated and isinstance(dated.value, int) else None


@room.get("/received")
@public
def received() -> ResponseReturnValue:
    """The receipt, to be written down. It is shown to this browser only, and not for long: others use it too."""
    digits, at = browser.get("received") or ("", 0)
    if not digits or clock.now().timestamp() - at > RECEIPT_SHOWN_FOR.total_seconds():
        browser.pop("received", None)
        return redirect(url_for(".receipt"), 303)
    found = board.by_receipt(db(), digits)
    return render_template("board/received.html", unit=found.posting.unit, objection=found, digits=_in_groups(digits),
                           steps=_what_comes(found.posting))


# --- the answer -----------------------------------------------------------------------------------------------------
@room.get("/receipt")
@public
def receipt() -> ResponseReturnValue:
    return render_template("board/receipt.html", unit=None, typed="", found=None)


@room.post("/receipt")
@public
def look_up() -> ResponseReturnValue:
    typed = request.form.get("receipt", "").strip()[:40]

    def again(refusal: Sentence, status: int) -> ResponseReturnValue:
        return render_template("board/receipt.html", unit=None, typed=typed, found=None, refusal=refusal), status

    try:
        with limiter.limit(RECEIPTS_FROM_ONE_ADDRESS):
            if sum(sign.isdigit() for sign in typed) != 8:
                return again(say("A receipt number has eight digits, for example 4827 1605."), 422)
            found = opinions.by_receipt(db(), typed)
    except RateLimitExceeded:
        return again(say("So many numbers have been tried from your connection that no more are looked up now. Try again in ten "
                         "minutes, or ask at the office of the community."), 429)
    except NotFound as refusal:
        return again(refusal.sentence, 404)
    if isinstance(found, Opinion):
        browser["opinion"] = [found.receipt, clock.now().timestamp()]
        return redirect(url_for("opinions.answer"), 303)
    posting = found.posting
    return render_template("board/receipt.html", unit=posting.unit, typed=_in_groups(found.receipt), found=found,
                           notice=_notice(posting), steps=progress.step_line(db(), posting.instance))


def _in_groups(digits: str) -> str:
    return f"{digits[:4]} {digits[4:]}"
