"""Between a posted page and engine.forms: what was typed, which files came with it, and what a page shows of a form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from io import BytesIO

import nh3
from flask import Flask, Request, Response, send_file
from flask_babel import gettext
from markdown_it import MarkdownIt
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from engine import clock, papers
from engine.access import Actor
from engine.errors import Sentence, say
from engine.forms import Fact, Field, Form
from engine.forms.fields import id_of
from engine.models import Paper, Task
from engine.papers import PaperRefused, Store

from . import rendering

Typed = dict[str, list[str]]
ACCEPTED = ",".join(f".{ending}" for kind in papers.TYPES for ending in kind.endings)

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
# Headings become all alike: a form is one part of a page, whose own heading stands above.
_TAGS = {"p", "h2", "ul", "ol", "li", "strong", "em", "code", "blockquote", "br", "hr", "a", "table", "thead", "tbody", "tr", "th",
         "td"}


@dataclass(frozen=True)
class Page:
    """What `forms/fields.html` shows. `summary` has (id, label, sentence) for each problem, in the order of the form."""

    fields: Sequence[Field]
    known: Sequence[Fact]
    summary: Sequence[tuple[str, str, Sentence]] = ()
    changes: bool = False
    takes_papers: bool = False
    papers: Mapping[str, Sequence[Paper]] = field(default_factory=dict)  # by the field they are attached to

    def paper(self, number: str) -> Paper | None:
        return next((paper for each in self.papers.values() for paper in each if str(paper.id) == number), None)


@dataclass(frozen=True)
class Taken:
    """What came with a post. `rearranged`: only the page changes (rows, fields that now apply, a paper less); show it
    again. `problems`: files that were refused; what was typed is to be kept, and the form not to be completed."""

    typed: Typed
    rearranged: bool
    problems: Mapping[str, Sentence]


def typed_in(request: Request) -> Typed:
    """-> the text fields of a post, as typed."""
    return {name: strings for name, strings in request.form.lists() if name != "csrf_token"}


def take(session: Session, store: Store, actor: Actor, task: Task, form: Form, request: Request) -> Taken:
    """Attaches the files of the post to the task, takes back those whose remove button was pressed, and does what the
    buttons for rows ask. Which papers a field holds, the database says, never the browser.

    The caller commits before it completes the task: papers that have come are kept even if the form is not right yet.
    """
    typed = typed_in(request)
    removed = typed.pop("_remove_paper", [])
    here = papers.of_task(session, task)
    if removed:
        _take_back(session, actor, [paper for paper in here if str(paper.id) in removed])
    row = typed.get("_remove", [""])[-1]
    if row:
        _take_back(session, actor, [paper for paper in here if paper.field.startswith(f"{row}.")])
    problems = _attach(session, store, actor, task, form, request.files.items(multi=True))
    rearranged = form.rearranged(typed)
    kept = with_papers(form, typed if rearranged is None else rearranged, papers.of_task(session, task))
    return Taken(kept, rearranged is not None or bool(removed), problems)


def with_papers(form: Form, typed: Mapping[str, Sequence[str]], attached: Iterable[Paper]) -> Typed:
    """-> what was typed, with the numbers of the papers that are attached to its fields and no others."""
    made = {name: list(strings) for name, strings in typed.items() if not form.is_paper_field(name)}
    for paper in attached:
        if form.is_paper_field(paper.field):
            made.setdefault(paper.field, []).append(str(paper.id))
    return made


def page(form: Form, context: Mapping[str, object], typed: Mapping[str, Sequence[str]] | None = None,
         problems: Mapping[str, Sentence] | None = None, attached: Iterable[Paper] = ()) -> Page:
    """-> what is shown of the form: as typed, else as it begins."""
    shown = form.describe(context, typed, problems)
    by_field: dict[str, list[Paper]] = {}
    for paper in attached:
        by_field.setdefault(paper.field, []).append(paper)
    summary = _summary(shown, problems or {})
    return Page(shown, form.known(context), summary, form.changes_while_filling, form.takes_papers, by_field)


def send(paper: Paper, content: bytes) -> Response:
    """-> the answer with a paper: always to be saved, never shown as a page of ours."""
    answer = send_file(BytesIO(content), mimetype=paper.media_type, as_attachment=True, download_name=paper.name, etag=paper.sha256)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def register(app: Flask) -> None:
    """The filters of `forms/fields.html`."""
    app.jinja_env.filters.update(markdown=markdown, in_words=in_words)
    app.jinja_env.globals.update(accepted_papers=ACCEPTED)


def markdown(text: str) -> Markup:
    """-> the HTML of a text component: few tags, no pictures, no addresses but http, https and mailto."""
    tokens = _MARKDOWN.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = "h2"
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return Markup(nh3.clean(html, tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"},
                            link_rel="noopener noreferrer"))


def in_words(text: str, kind: str) -> str:
    """-> a value of a fact as people read it: days and times in words, yes and no."""
    try:
        if kind == "date":
            return rendering.day(date.fromisoformat(text))
        if kind == "datetime":
            return rendering.moment(datetime.fromisoformat(text).replace(tzinfo=clock.ZONE))
    except ValueError:
        return text
    if kind == "checkbox":
        return str(gettext("Yes") if text == "true" else gettext("No"))
    return text


def _attach(session: Session, store: Store, actor: Actor, task: Task, form: Form,
            files: Iterable[tuple[str, FileStorage]]) -> dict[str, Sentence]:
    problems: dict[str, Sentence] = {}
    for name, file in files:
        if not file.filename:
            continue
        if not form.is_paper_field(name):
            problems[name[:80]] = say("This form has no field “{name}”.", name=name[:80])
            continue
        try:
            with session.begin_nested():
                before = [] if form.takes_many(name) else [paper for paper in papers.of_task(session, task) if paper.field == name]
                papers.add(session, store, actor, task, name, file.filename, file.stream)  # type: ignore[arg-type]
                _take_back(session, actor, before)
        except PaperRefused as refused:
            problems[name] = refused.sentence
    return problems


def _take_back(session: Session, actor: Actor, unwanted: Iterable[Paper]) -> None:
    for paper in unwanted:
        papers.remove(session, actor, paper)


def _summary(shown: Iterable[Field], problems: Mapping[str, Sentence]) -> list[tuple[str, str, Sentence]]:
    """The fields' own problems in the order of the form, then those of names which the form does not show."""
    left = dict(problems)
    listed = [(found.id, found.label, left.pop(found.name)) for found in _all(shown) if found.name in left]
    return listed + [(id_of(name) if name else "main", "", sentence) for name, sentence in left.items()]


def _all(shown: Iterable[Field]) -> Iterable[Field]:
    for each in shown:
        yield each
        yield from _all(each.fields)
        for row in each.rows:
            yield from _all(row.fields)
