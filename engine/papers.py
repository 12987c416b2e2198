"""Attachments of matters: what may be attached, where it is kept by its SHA-256, and whether it is still what it was."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, from_url
from sqlalchemy import select
from sqlalchemy.orm import Session

from . import access, clock
from .access import Actor
from .errors import Conflict, EngineError, Incident, NotFound, Sentence, say
from .models import Instance, Paper, Task, TaskState
from .settings import Settings

MAX_BYTES = 20 * 1024 * 1024
MAX_NAME = 120
MAX_OF_TASK = 100

_UNSEEN = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class PaperRefused(EngineError):
    """Expected a paper of a kind and size that can be kept, but this is none."""

    code = "paper_refused"


@dataclass(frozen=True)
class Type:
    """A kind of file that may be attached; `endings` are those that its name may have."""

    media_type: str
    endings: tuple[str, ...]


PDF = Type("application/pdf", ("pdf",))
PNG = Type("image/png", ("png",))
JPEG = Type("image/jpeg", ("jpg", "jpeg"))
WEBP = Type("image/webp", ("webp",))
DOCX = Type("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ("docx",))
XLSX = Type("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ("xlsx",))
TEXT = Type("text/plain", ("txt",))
TYPES = (PDF, PNG, JPEG, WEBP, DOCX, XLSX, TEXT)


class Store:
    """A folder or an S3-compatible store; each content lies once, under the SHA-256 of its bytes."""

    def __init__(self, objects: ObjectStore, folder: Path | None = None) -> None:
        self._objects, self._folder = objects, folder

    def put(self, content: bytes) -> str:
        """Keeps the content, durably. -> its SHA-256."""
        digest = hashlib.sha256(content).hexdigest()
        try:
            self._objects.put(_place(digest), content, mode="create")
        except AlreadyExistsError:
            if self._find(digest) != content:  # what lay there has been damaged
                self._objects.put(_place(digest), content)
        if self._folder is not None:
            _sync(self._folder / _place(digest))
        return digest

    def get(self, digest: str) -> bytes:
        """-> the content. Incident when it is gone or is no longer what it was."""
        content = self._find(digest)
        if content is None:
            raise Incident(say("The content of this paper is no longer in the store of papers."))
        if hashlib.sha256(content).hexdigest() != digest:
            raise Incident(say("The content of this paper has been changed since it was attached."))
        return content

    def _find(self, digest: str) -> bytes | None:
        try:
            return bytes(self._objects.get(_place(digest)).bytes())
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise Incident(say("The store of papers does not answer: {reason}", reason=str(error).splitlines()[0])) from error


def store(settings: Settings) -> Store:
    """-> the store that the settings name: a folder, or a URL such as `s3://bucket/prefix`."""
    if "://" in settings.papers_url:
        return Store(from_url(settings.papers_url))
    folder = Path(settings.papers_url)
    folder.mkdir(parents=True, exist_ok=True)
    return Store(LocalStore(folder, mkdir=True), folder)


def add(session: Session, store: Store, actor: Actor, task: Task, field: str, name: str, content: bytes | BinaryIO) -> Paper:
    """Attaches a paper to a field of an open task's form. What it is, its content tells, not its name.

    Forbidden unless the actor may do the task; Conflict when it is closed; PaperRefused for an empty or too large
    content, one of another kind, or a name that is none. -> the paper, not yet filed.
    """
    _refuse_closed(task)
    access.require_act(actor, task)
    data = content if isinstance(content, bytes) else content.read(MAX_BYTES + 1)
    shown = _tidy_name(name)
    kind = recognise(shown, data)
    if len(of_task(session, task)) >= MAX_OF_TASK:
        raise PaperRefused(say("At most {limit} papers can be attached to one task.", limit=MAX_OF_TASK))
    paper = Paper(instance_id=task.instance_id, task_id=task.id, unit_id=task.unit_id, field=field, name=shown,
                  media_type=kind.media_type, size=len(data), sha256=store.put(data), added_by=actor.person_id,
                  added_at=clock.now())
    session.add(paper)
    session.flush()
    return paper


def remove(session: Session, actor: Actor, paper: Paper) -> None:
    """Takes back a paper that has not been filed. Conflict when it has: what is filed stays. Forbidden for others' tasks."""
    task = session.get(Task, paper.task_id) if paper.task_id is not None else None
    if paper.filed or task is None:
        raise Conflict(say("“{paper}” has been filed with the matter and stays there.", paper=paper.name))
    _refuse_closed(task)
    access.require_act(actor, task)
    session.delete(paper)
    session.flush()


def get(session: Session, actor: Actor, number: int) -> Paper:
    """-> the paper. NotFound when there is none that the actor may see: filed ones are seen by whoever sees the matter,
    others by whoever may do the task."""
    paper = session.get(Paper, number)
    if paper is not None and paper.instance_id is not None:
        try:
            if paper.filed:
                access.get_instance(session, actor, paper.instance_id)
                return paper
            if paper.task_id is not None and access.may_act(actor, access.get_task(session, actor, paper.task_id)):
                return paper
        except NotFound:
            pass
    raise NotFound(say("There is no paper {number} that you may see.", number=number))


def of_task(session: Session, task: Task) -> list[Paper]:
    """-> the papers attached to the task, in the order in which they came."""
    return list(session.scalars(select(Paper).where(Paper.task_id == task.id).order_by(Paper.id)))


def of_instance(session: Session, instance: Instance) -> list[Paper]:
    """-> the filed papers of a matter, in the order in which they came."""
    return list(session.scalars(select(Paper).where(Paper.instance_id == instance.id, Paper.filed).order_by(Paper.id)))


def file_with(session: Session, task: Task) -> list[Paper]:
    """Files the papers of a task that has been completed: from now on they stay. -> the papers."""
    filed = of_task(session, task)
    for paper in filed:
        paper.filed = True
    session.flush()
    return filed


def verify(session: Session, store: Store) -> Iterator[Sentence]:
    """Reads every content again. -> one sentence for each paper whose content is gone or has been changed."""
    query = select(Paper.id, Paper.name, Paper.sha256, Paper.size).order_by(Paper.id)
    for number, name, digest, size in session.execute(query.execution_options(yield_per=500)):
        try:
            content = store.get(digest)
        except Incident as incident:
            yield say("Paper {number} “{paper}”: {flaw}", number=number, paper=name, flaw=incident.sentence)
            continue
        if len(content) != size:
            yield say("Paper {number} “{paper}”: its size is not the one that was recorded.", number=number, paper=name)


def recognise(name: str, content: bytes) -> Type:
    """-> the kind of a content, by its bytes. PaperRefused when it is empty, too large, none that is kept, or when the
    name says something else."""
    if not content:
        raise PaperRefused(say("“{paper}” is empty.", paper=name))
    if len(content) > MAX_BYTES:
        raise PaperRefused(say("“{paper}” is too large: at most {limit} MB can be attached.", paper=name, limit=MAX_BYTES >> 20))
    kind = _kind_of(name, content)
    ending = name.rpartition(".")[2].lower()
    if kind is None or ending not in {ending for each in TYPES for ending in each.endings}:
        raise PaperRefused(say("“{paper}” is of a kind that cannot be attached. Possible are PDF, PNG, JPEG and WebP pictures, "
                               "Word (docx), Excel (xlsx) and plain text (txt).", paper=name))
    if ending not in kind.endings:
        raise PaperRefused(say("“{paper}” is not what its name says: its content is {kind}.", paper=name, kind=kind.endings[0]))
    return kind


# --- what it is -----------------------------------------------------------------------------------------------------
def _kind_of(name: str, content: bytes) -> Type | None:
    if content.startswith(b"%PDF-"):
        return PDF
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return WEBP
    if content.startswith(b"PK\x03\x04"):
        return _office(name, content)
    return TEXT if _is_text(content) else None


def _office(name: str, content: bytes) -> Type | None:
    """A Word or Excel file, looked at by its list of members only: nothing is unpacked. Macros are refused."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return None
    names = {member.filename for member in members}
    if len(members) > 2000 or sum(member.file_size for member in members) > 10 * MAX_BYTES or len(names) != len(members):
        raise PaperRefused(say("“{paper}” unpacks to far more than it seems to hold.", paper=name))
    if any(member.flag_bits & 1 for member in members):
        raise PaperRefused(say("“{paper}” is locked by a password. Please save it without one.", paper=name))
    if any(each.lower().endswith("vbaproject.bin") for each in names):
        raise PaperRefused(say("“{paper}” has macros. Please save it without them.", paper=name))
    if "[Content_Types].xml" not in names:
        return None
    return DOCX if "word/document.xml" in names else XLSX if "xl/workbook.xml" in names else None


def _is_text(content: bytes) -> bool:
    """Readable as UTF-8 or as GB 18030, which office machines write, and without control characters."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return not re.search(r"[\x00-\x08\x0b\x0e-\x1f\x7f]", text)
    return False


# --- the rest -------------------------------------------------------------------------------------------------------
def _tidy_name(name: str) -> str:
    shown = unicodedata.normalize("NFC", name).strip()
    unseen = any(unicodedata.category(character) in ("Cc", "Cs", "Co", "Zl", "Zp") for character in shown)
    if not shown or unseen or _UNSEEN.search(shown) or re.search(r'[/\\:*?"<>|]', shown) or shown.startswith("."):
        raise PaperRefused(say("The name of this file cannot be kept: it is empty or has signs that no file name may have."))
    if len(shown) > MAX_NAME:
        raise PaperRefused(say("The name of this file is too long: at most {limit} characters.", limit=MAX_NAME))
    return shown


def _refuse_closed(task: Task) -> None:
    if task.state not in (TaskState.OPEN, TaskState.CLAIMED):
        raise Conflict(say("“{task}” is closed; its papers can no longer be changed.", task=task.name), where={"task": task.id})


def _place(digest: str) -> str:
    return f"{digest[:2]}/{digest}"


def _sync(file: Path) -> None:
    """A paper that has been acknowledged survives a power cut: the file and its entry in the folder."""
    for place in (file, file.parent, file.parent.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
