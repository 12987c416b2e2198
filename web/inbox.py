"""What is laid before the person who is signed in: the inbox, and a task from claiming to sending it off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import func, select

from engine import access, papers, tasks
from engine.errors import Conflict, Invalid, NotFound, Sentence, say
from engine.forms import Field
from engine.models import Draft, Instance, Task, TaskState

from . import errors, forms, progress, rendering
from .auth import actor
from .session import db, end, rollback

room = Blueprint("inbox", __name__)
GROUPS = ("late", "today", "soon", "later", "undated")
LATE = ("took_place", "late_reason")
NOTHING = forms.Taken({}, False, {})


@dataclass(frozen=True)
class Card:
    """One task as the inbox shows it."""

    task: Task
    title: str
    due: rendering.Due | None
    why: Sentence
    draft_at: datetime | None


# --- the inbox ------------------------------------------------------------------------------------------------------
@room.get("/")
def index() -> ResponseReturnValue:
    show = request.args.get("show", "mine")
    text, stage, wanted = (request.args.get(name, "").strip() for name in ("q", "stage", "due"))
    heaps = {group.key: group.tasks for group in tasks.inbox(db(), actor(), text=text, stage=stage)}
    mine, free = _cards(heaps["mine"], wanted), _cards(heaps["claimable"], wanted)
    done = tasks.done(db(), actor(), text=text, stage=stage) if show == "done" else []
    groups = [(key, [card for card in mine if _group_of(card) == key]) for key in GROUPS]
    return render_template(
        "inbox/index.html", show=show, groups=[(key, cards) for key, cards in groups if cards], free=free, done=done,
        mine_count=len(mine), text=text, stage=stage, due_filter=wanted, stages=progress.stages_of(db(), actor()),
        late=sum(_group_of(card) == "late" for card in mine), today_count=sum(_group_of(card) == "today" for card in mine),
        filtered=bool(text or stage or wanted))


def count() -> int:
    """-> how many tasks are the actor's own, for the navigation."""
    query = select(func.count()).select_from(Task).where(Task.assignee_id == actor().person_id, Task.state == TaskState.CLAIMED)
    return db().scalar(query) or 0


def _cards(found: Sequence[Task], wanted: str) -> list[Card]:
    drafts = select(Draft.task_id, Draft.saved_at).where(
        Draft.person_id == actor().person_id, Draft.task_id.in_([task.id for task in found]))
    saved: dict[int, datetime] = dict(db().execute(drafts).all())
    cards = [Card(task, progress.title_of(db(), task), rendering.due(task.due_at), tasks.why_me(db(), task, actor()),
                  saved.get(task.id)) for task in found]
    return [card for card in cards if not wanted or _group_of(card) == wanted]


def _group_of(card: Card) -> str:
    return card.due.group if card.due else "undated"


# --- one task -------------------------------------------------------------------------------------------------------
@room.get("/tasks/<int:task_id>")
def task(task_id: int) -> ResponseReturnValue:
    found = access.get_task(db(), actor(), task_id)
    if found.state not in tasks.OPEN:
        return _closed(found)
    access.require_act(actor(), found, found.kind)
    if found.assignee is not None and tasks.in_other_hands(found, actor()):
        raise Conflict(say("{person} has claimed “{task}” already. Whoever has it can give it back.",
                           person=found.assignee.name, task=found.name))
    draft = tasks.draft_of(db(), found, actor())
    return _page(found, draft[0] if draft else None, saved_at=draft[1] if draft else None)


@room.get("/tasks/<int:task_id>/complete")
def reload(task_id: int) -> ResponseReturnValue:
    """A page that answered a form has been reloaded."""
    return redirect(url_for(".task", task_id=task_id), 303)


@room.get("/tasks/<int:task_id>/paper-form")
def paper_form(task_id: int) -> ResponseReturnValue:
    """The same form, to be filled in by hand."""
    found = access.get_task(db(), actor(), task_id)
    form = tasks.form_of(db(), found)
    if form is None:
        raise NotFound(say("“{task}” asks for nothing, so there is no form to print.", task=found.name))
    page = forms.page(form, tasks.context_of(db(), found))
    return render_template("inbox/paper_form.html", task=found, page=page, place=tasks.place_of(db(), found))


@room.post("/tasks/<int:task_id>/claim")
def claim(task_id: int) -> ResponseReturnValue:
    found = access.get_task(db(), actor(), task_id)
    tasks.claim(db(), found, actor())
    flash(_("“%(task)s” is yours now.", task=found.name), "ok")
    return redirect(url_for(".index" if request.form.get("from") == "inbox" else ".task", task_id=task_id), 303)


@room.post("/tasks/<int:task_id>/release")
def release(task_id: int) -> ResponseReturnValue:
    found = access.get_task(db(), actor(), task_id)
    tasks.release(db(), found, actor())
    flash(_("You have given back “%(task)s”. What you typed is kept.", task=found.name), "ok")
    return redirect(url_for(".index"), 303)


@room.post("/tasks/<int:task_id>/draft")
def save_draft(task_id: int) -> ResponseReturnValue:
    """What the script saves while somebody is typing."""
    found = access.get_task(db(), actor(), task_id)
    at = tasks.save_draft(db(), found, actor(), _without_buttons(forms.typed_in(request)))
    return {"saved": at.isoformat()}


@room.post("/tasks/<int:task_id>/complete")
def complete(task_id: int) -> ResponseReturnValue:
    """Sends the form off, or does what another of its buttons asks for."""
    found = access.get_task(db(), actor(), task_id)
    form, do, name = tasks.form_of(db(), found), request.form.get("do", "submit"), found.name
    if found.state not in tasks.OPEN:
        return _too_late(found, _without_buttons(forms.typed_in(request)))
    access.require_act(actor(), found, found.kind)
    taken = forms.take(db(), papers.store(current_app.config["SETTINGS"]), actor(), found, form, request) if form else NOTHING
    typed = _without_buttons(taken.typed)
    if do == "save" or taken.rearranged or taken.problems:
        tasks.save_draft(db(), found, actor(), typed)
        if taken.problems:
            return _page(found, typed, problems=taken.problems), 422
        if taken.rearranged:
            return _page(found, typed)
        flash(_("Kept as a draft. Nobody else sees it, and nothing has been sent."), "ok")
        return redirect(url_for(".task", task_id=task_id), 303)
    end()  # papers that have come stay attached, whatever becomes of the rest
    errors.attempt({"verb": "complete", "typed": typed}, unit_id=found.unit_id, instance_id=found.instance_id, task_id=found.id)
    try:
        if do == "preview":
            return _preview(found, typed)
        instance_id = tasks.complete(db(), found, actor(), typed, took_place=_took_place(), reason=_reason())
    except Invalid as refusal:
        rollback()
        tasks.keep_draft(db(), task_id, actor(), typed)
        return _page(access.get_task(db(), actor(), task_id), typed, problems=refusal.problems), 422
    except Conflict:
        rollback()
        again = access.get_task(db(), actor(), task_id)
        if again.state in tasks.OPEN:
            tasks.keep_draft(db(), task_id, actor(), typed)
            end()
            raise
        return _too_late(again, typed)
    flash(_("“%(task)s” is done.", task=name), "ok")
    following = _next_here(db().get_one(Instance, instance_id))
    return redirect(url_for(".task", task_id=following.id) if following else url_for(".index"), 303)


def _page(found: Task, typed: Mapping[str, Sequence[str]] | None, *, problems: Mapping[str, Sentence] | None = None,
          saved_at: datetime | None = None, effects: Sequence[str] = ()) -> str:
    form, context, problems = tasks.form_of(db(), found), tasks.context_of(db(), found), dict(problems or {})
    late = {name: problems.pop(name) for name in LATE if name in problems}
    attached = papers.of_task(db(), found)
    if form and typed is not None:
        typed = forms.with_papers(form, typed, attached)
    page = forms.page(form, context, typed, problems, attached) if form else None
    summary = [*(page.summary if page else [("main", "", sentence) for sentence in problems.values()]),
               *((f"f-{name}", _label_of_late(name), sentence) for name, sentence in late.items())]
    return render_template(
        "inbox/task.html", task=found, title=progress.title_of(db(), found), page=page, summary=summary,
        place=tasks.place_of(db(), found), saved_at=saved_at, effects=effects,
        why=tasks.why_me(db(), found, actor()), due=rendering.due(found.due_at), counted=progress.counted(db(), found),
        steps=progress.step_line(db(), found.instance), earlier=progress.told(db(), found.instance, limit=4),
        filed=papers.of_instance(db(), found.instance), is_mine=found.assignee_id == actor().person_id,
        is_free=found.assignee_id != actor().person_id and not tasks.in_other_hands(found, actor()), late=late,
        took_place=request.form.get("_took_place", ""), late_reason=_reason())


def _label_of_late(name: str) -> str:
    return str(_("Day on which it took place") if name == "took_place" else _("Reason for the late entry"))


def _too_late(found: Task, typed: Mapping[str, Sequence[str]]) -> ResponseReturnValue:
    tasks.keep_draft(db(), found.id, actor(), typed)
    return _closed(found, typed)


def _closed(found: Task, typed: Mapping[str, Sequence[str]] | None = None) -> ResponseReturnValue:
    """Somebody was faster, or the matter went another way: what became of it, beside what was typed here."""
    if typed is None:
        draft = tasks.draft_of(db(), found, actor())
        typed = draft[0] if draft else None
    by_me = found.ended_by is not None and found.ended_by == actor().person_id
    return render_template("inbox/closed.html", task=found, sentence=tasks.who_ended(db(), found), by_me=by_me,
                           rows=_compared(found, typed)), 409


def _compared(found: Task, typed: Mapping[str, Sequence[str]] | None) -> list[tuple[str, str, str]]:
    """-> (label, typed here, sent by the other) for every field in which there is something."""
    form = tasks.form_of(db(), found)
    if form is None or typed is None:
        return []
    theirs = {fact.name: fact for fact in form.facts(progress.sent_with(db(), found))}
    rows = []
    for field in _leaves(form.describe(tasks.context_of(db(), found), typed)):
        mine = [option.label for option in field.options if option.selected] or list(field.values)
        other = theirs.get(field.name)
        if any(mine) or other:
            rows.append((field.label, _joined(mine, field.kind), _joined(other.texts, other.kind) if other else ""))
    return rows


def _joined(texts: Sequence[str], kind: str) -> str:
    return ", ".join(forms.in_words(text, kind) for text in texts)


def _leaves(fields: Sequence[Field]) -> list[Field]:
    found: list[Field] = []
    for field in fields:
        inner = [*field.fields, *(one for row in field.rows for one in row.fields)]
        found += _leaves(inner) if inner else [field] if field.name else []
    return found


def _preview(found: Task, typed: Mapping[str, Sequence[str]]) -> ResponseReturnValue:
    """Does it, looks at what comes of it, and undoes it again: so what is announced is what will happen."""
    task_id, before = found.id, progress.outlook(db(), found.instance)
    instance_id = tasks.complete(db(), found, actor(), typed)
    effects = progress.announced(db(), before, db().get_one(Instance, instance_id))
    rollback()
    again = access.get_task(db(), actor(), task_id)
    tasks.save_draft(db(), again, actor(), typed)
    return _page(again, typed, effects=effects)


def _next_here(instance: Instance) -> Task | None:
    """-> the next task of this matter that is the actor's, or that he may claim."""
    for following in tasks.open_in(db(), instance):
        if not tasks.in_other_hands(following, actor()) and access.may_act(actor(), following, following.kind):
            return following
    return None


# --- what was sent --------------------------------------------------------------------------------------------------
def _without_buttons(typed: Mapping[str, Sequence[str]]) -> forms.Typed:
    """The answers alone: neither the button that was pressed nor the fields of the page itself."""
    return {name: list(values) for name, values in typed.items() if name != "do" and not name.startswith("_")}


def _took_place() -> date | None:
    text = request.form.get("_took_place", "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(say("The late entry is not complete."),
                      {"took_place": say("Write the day as year-month-day, for example 2026-04-13.")}) from None


def _reason() -> str:
    return request.form.get("_late_reason", "").strip()
