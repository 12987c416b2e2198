"""Files that come with a form: kept though the rest is not right, never another task's, and taken back by a button."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from sqlalchemy.orm import Session

from engine import forms, papers, settings
from engine.access import Actor
from engine.decisions.evaluator import Evaluator
from engine.models import Task
from tests.engine.conftest import build
from tests.engine.test_papers import ONE_TASK, PDF, PNG
from web import forms as pages

COMPONENTS = [
    {"type": "textfield", "key": "title"},
    {"type": "filepicker", "key": "scan", "multiple": True},
    {"type": "filepicker", "key": "seal"},
    {"type": "dynamiclist", "path": "units", "components": [{"type": "filepicker", "key": "letter"}]},
]


@dataclasses.dataclass
class Counter:
    """Where a clerk hands in a form with its papers."""

    session: Session
    task: Task
    store: papers.Store
    clerk: Actor
    form: forms.Form

    def post(self, **fields: Any) -> pages.Taken:
        with Flask("post").test_request_context(method="POST", data=fields, content_type="multipart/form-data"):
            return pages.take(self.session, self.store, self.clerk, self.task, self.form, request)

    def names(self) -> list[str]:
        return [paper.name for paper in papers.of_task(self.session, self.task)]


@pytest.fixture
def counter(sqlite_url: str, tmp_path: Path) -> Iterator[Counter]:
    house = build(sqlite_url)
    clerk = house.person("孙三思", "clerk")
    number = house.start(house.deploy(ONE_TASK))
    store = papers.store(dataclasses.replace(settings.load({}), papers_url=str(tmp_path / "papers")))
    form = forms.load(json.dumps({"components": COMPONENTS}).encode(), Evaluator(), "minutes.form")
    with house.database.sessions() as session:
        yield Counter(session, house.task(session, number, "write"), store, clerk, form)
    house.database.close()


def file(name: str, content: bytes = PDF) -> tuple[BytesIO, str]:
    return BytesIO(content), name


def test_files_become_papers_and_their_numbers_the_answer(counter: Counter) -> None:
    taken = counter.post(title="食堂", scan=[file("甲.pdf"), file("乙.png", PNG)], **{"units[0].letter": file("函.pdf")})
    here = {paper.name: str(paper.id) for paper in papers.of_task(counter.session, counter.task)}
    assert not taken.problems and not taken.rearranged
    assert taken.typed == {"title": ["食堂"], "scan": [here["甲.pdf"], here["乙.png"]], "units[0].letter": [here["函.pdf"]]}
    counter.form.check(taken.typed, {})


def test_a_file_that_is_refused_harms_no_other(counter: Counter) -> None:
    taken = counter.post(title="食堂", scan=[file("甲.pdf"), file("程序.exe", b"MZ\x90\x00")], title2=file("丙.pdf"))
    assert set(taken.problems) == {"scan", "title2"} and taken.typed["title"] == ["食堂"]
    assert counter.names() == ["甲.pdf"]


def test_a_browser_cannot_name_papers_itself(counter: Counter) -> None:
    assert counter.post(title="食堂", scan=["1", "999"]).typed == {"title": ["食堂"]}


def test_papers_are_taken_back_by_their_button_or_with_their_row(counter: Counter) -> None:
    taken = counter.post(scan=[file("甲.pdf"), file("乙.pdf")], **{"units[0].letter": file("函.pdf")})
    again = counter.post(_remove_paper=taken.typed["scan"][0])
    assert again.rearranged and counter.names() == ["乙.pdf", "函.pdf"]
    assert counter.post(_remove="units[0]", **{"units[0]": ""}).rearranged and counter.names() == ["乙.pdf"]
    counter.post(_remove_paper="999")  # of nobody: nothing happens
    assert counter.names() == ["乙.pdf"]


def test_a_field_for_one_paper_keeps_the_last(counter: Counter) -> None:
    counter.post(seal=file("旧.pdf"))
    assert len(counter.post(seal=file("新.pdf")).typed["seal"]) == 1 and counter.names() == ["新.pdf"]
