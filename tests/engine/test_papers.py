"""Papers: what may be attached and by whom, that filed ones stay, and that a changed byte is found."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from engine import papers, settings, tasks
from engine.access import Actor
from engine.errors import Conflict, Forbidden, Incident, NotFound
from engine.models import Instance, Paper, Task
from engine.papers import PaperRefused, Store
from tests.engine.conftest import House

PDF = b"%PDF-1.7\n% scanned minutes\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20
ONE_TASK = """<process id="minutes" isExecutable="true">
<startEvent id="begin"/><userTask id="write" name="写记录" yishi:role="clerk"/><endEvent id="over"/>
<sequenceFlow id="a" sourceRef="begin" targetRef="write"/><sequenceFlow id="b" sourceRef="write" targetRef="over"/></process>"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return papers.store(dataclasses.replace(settings.load({}), papers_url=str(tmp_path / "papers")))


@dataclasses.dataclass
class Desk:
    session: Session
    store: Store
    task: Task
    clerk: Actor
    stranger: Actor

    def add(self, name: str = "会议记录.pdf", content: Any = PDF, actor: Actor | None = None) -> Paper:
        return papers.add(self.session, self.store, actor or self.clerk, self.task, "scan", name, content)


@pytest.fixture
def desk(house: House, store: Store) -> Iterator[Desk]:
    """A clerk before an open task, and a resident without a role."""
    clerk, stranger = house.person("孙三思", "clerk"), house.person("路人")
    number = house.start(house.deploy(ONE_TASK))
    with house.database.sessions() as session:
        yield Desk(session, store, house.task(session, number, "write"), clerk, stranger)


def test_a_scan_is_attached_read_and_filed_with_its_task(desk: Desk) -> None:
    paper = desk.add(content=BytesIO(PDF))
    assert (paper.name, paper.media_type, paper.size, paper.filed) == (
        "会议记录.pdf",
        "application/pdf",
        len(PDF),
        False,
    )
    assert desk.store.get(paper.sha256) == PDF
    assert papers.of_task(desk.session, desk.task) == [paper]
    instance = desk.session.get_one(Instance, desk.task.instance_id)
    assert papers.of_instance(desk.session, instance) == []
    assert papers.file_with(desk.session, desk.task) == [paper]
    assert papers.of_instance(desk.session, instance) == [paper]


def test_what_is_not_filed_can_be_taken_back_and_what_is_filed_stays(desk: Desk) -> None:
    wrong, right = desk.add("错的.pdf"), desk.add()
    papers.remove(desk.session, desk.clerk, wrong)
    assert papers.of_task(desk.session, desk.task) == [right]
    papers.file_with(desk.session, desk.task)
    with pytest.raises(Conflict):
        papers.remove(desk.session, desk.clerk, right)


def test_only_who_may_do_the_task_attaches_removes_and_sees(desk: Desk) -> None:
    paper = desk.add()
    with pytest.raises(Forbidden):
        desk.add(actor=desk.stranger)
    with pytest.raises(Forbidden):
        papers.remove(desk.session, desk.stranger, paper)
    assert papers.get(desk.session, desk.clerk, paper.id) == paper
    with pytest.raises(NotFound):
        papers.get(desk.session, desk.stranger, paper.id)
    papers.file_with(desk.session, desk.task)
    assert papers.get(desk.session, desk.clerk, paper.id) == paper
    for number in (paper.id + 1, 0, -1):
        with pytest.raises(NotFound):
            papers.get(desk.session, desk.clerk, number)
    with pytest.raises(NotFound):
        papers.get(desk.session, Actor.public(), paper.id)


def test_a_closed_task_takes_no_more_papers(desk: Desk) -> None:
    paper = desk.add()
    tasks.complete(desk.session, desk.task, desk.clerk, values={})
    with pytest.raises(Conflict):
        desk.add()
    with pytest.raises(Conflict):
        papers.remove(desk.session, desk.clerk, paper)


def office(*names: str, **content: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content.get(name.partition("/")[0], b"x"))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("记录.PDF", PDF, "application/pdf"),
        ("现场.png", PNG, "image/png"),
        ("现场.jpeg", b"\xff\xd8\xff\xe0" + b"\x00" * 20, "image/jpeg"),
        ("现场.webp", b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        ("说明.txt", "说明".encode(), "text/plain"),
        ("说明.txt", "说明".encode("gb18030"), "text/plain"),
        ("提议.docx", office("[Content_Types].xml", "word/document.xml"), papers.DOCX.media_type),
        ("预算.xlsx", office("[Content_Types].xml", "xl/workbook.xml"), papers.XLSX.media_type),
    ],
)
def test_kinds_are_told_by_their_content(name: str, content: bytes, media_type: str) -> None:
    assert papers.recognise(name, content).media_type == media_type


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("空.pdf", b"", "is empty"),
        ("大.pdf", PDF + b"\x00" * papers.MAX_BYTES, "at most 20 MB"),
        ("程序.exe", b"MZ\x90\x00", "cannot be attached"),
        ("程序.pdf", b"MZ\x90\x00", "cannot be attached"),
        ("网页.html", b"<script>alert(1)</script>", "cannot be attached"),
        ("图.svg", b"<svg onload='alert(1)'/>", "cannot be attached"),
        ("没有后缀", PDF, "cannot be attached"),
        ("记录.png", PDF, "its content is pdf"),
        ("记录.pdf", b"<html>", "its content is txt"),
        ("记录.docx", office("[Content_Types].xml", "xl/workbook.xml"), "its content is xlsx"),
        ("压缩.zip", office("a.txt"), "cannot be attached"),
        ("假的.docx", b"PK\x03\x04 no archive", "cannot be attached"),
        ("宏.docx", office("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"), "has macros"),
        (
            "炸弹.docx",
            office("[Content_Types].xml", "word/document.xml", "b/x", b=b"\x00" * (201 << 20)),
            "unpacks to far more",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused_in_words(desk: Desk, name: str, content: bytes, said: str) -> None:
    with pytest.raises(PaperRefused, match=said):
        desk.add(name, BytesIO(content))
    assert papers.of_task(desk.session, desk.task) == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "../../etc/passwd.txt",
        "C:\\x.pdf",
        "a\x00.pdf",
        "a\n.pdf",
        "fdp\u202egnp.pdf",
        ".pdf",
        "a?.pdf",
        "字" * 200 + ".pdf",
    ],
)
def test_a_name_that_no_file_may_have_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(PaperRefused):
        desk.add(name)


def test_equal_contents_lie_once_and_a_damaged_one_is_mended_by_the_next(store: Store, tmp_path: Path) -> None:
    digest = store.put(PDF)
    assert store.put(PDF) == digest
    files = [file for file in (tmp_path / "papers").rglob("*") if file.is_file()]
    assert [file.name for file in files] == [digest]
    files[0].write_bytes(b"damaged")
    assert store.put(PDF) == digest and store.get(digest) == PDF


def test_a_changed_byte_and_a_lost_file_are_found(desk: Desk, tmp_path: Path) -> None:
    changed, lost, whole = desk.add("甲.pdf"), desk.add("乙.pdf", PDF + b"2"), desk.add("丙.png", PNG)
    assert list(papers.verify(desk.session, desk.store)) == []
    place = {file.name: file for file in (tmp_path / "papers").rglob("*") if file.is_file()}
    place[changed.sha256].write_bytes(PDF.replace(b"s", b"S", 1))
    place[lost.sha256].unlink()
    flaws = [str(flaw) for flaw in papers.verify(desk.session, desk.store)]
    assert (
        len(flaws) == 2
        and "甲.pdf" in flaws[0]
        and "changed" in flaws[0]
        and "乙.pdf" in flaws[1]
        and "no longer" in flaws[1]
    )
    for paper in (changed, lost):
        with pytest.raises(Incident):
            desk.store.get(paper.sha256)
    assert desk.store.get(whole.sha256) == PNG


def test_a_store_may_be_named_by_an_address() -> None:
    kept = papers.store(dataclasses.replace(settings.load({}), papers_url="memory:///"))
    assert kept.get(kept.put(PDF)) == PDF
