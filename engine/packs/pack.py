"""Reads a pack: its manifest, models, decisions, forms, parameters and scenarios, from a folder, a file or a set of files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path, PurePosixPath

from engine.errors import ModelRefused, Sentence, say
from engine.settings import data_root

from . import documents, parameters, xml

MANIFEST = "pack.yaml"
PARAMETERS = "parameters.yaml"
MAX_FILES = 500
MAX_FILE = 5_000_000
MAX_TOTAL = 30_000_000
MAX_PATH = 200
MAX_LEVELS = 6
ENDINGS = frozenset((".bpmn", ".dmn", ".form", ".yaml", ".md", ".txt", ".typ", ".csv", ".svg", ".png", ".pdf"))
_KEYS = (
    "pack",
    "title",
    "version",
    "description",
    "language",
    "licence",
    "authors",
    "requires",
    "based_on",
    "processes",
    "scenarios",
    "norms",
)
_NORM_KEYS = ("short", "title", "number", "issued_by", "in_force", "note")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
_VERSION = re.compile(r"\d{1,4}\.\d{1,4}\.\d{1,4}\Z")


@dataclass(frozen=True)
class Norm:
    """A law, rule or paper which a pack stands on; `short` is how its files quote it."""

    short: str
    title: str = ""
    number: str = ""
    issued_by: str = ""
    in_force: date | None = None
    note: str = ""


@dataclass(frozen=True)
class Pack:
    """A pack as read. `files` is all of it: what lies in processes/<key> by its path there, what lies in forms/<key> below
    `forms/`. A model without a manifest is a pack too: its key is the name of the file or folder, its version empty."""

    key: str
    files: Mapping[str, bytes] = field(repr=False)
    title: str = ""
    version: str = ""
    description: str = ""
    language: str = "zh-Hans"
    licence: str = ""
    authors: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    based_on: str = ""
    processes: tuple[str, ...] = ()
    norms: tuple[Norm, ...] = ()

    @cached_property
    def models(self) -> dict[str, bytes]:
        """path → BPMN, in the order of the paths."""
        return self._ending(".bpmn")

    @cached_property
    def decisions(self) -> dict[str, bytes]:
        """path → DMN."""
        return self._ending(".dmn")

    @cached_property
    def form_files(self) -> dict[str, str]:
        """name of a form (its file's without `.form`, by rule the id of the task) → path."""
        return {PurePosixPath(path).stem: path for path in self._ending(".form")}

    @cached_property
    def forms(self) -> dict[str, bytes]:
        """name of a form → its file."""
        return {name: self.files[path] for name, path in self.form_files.items()}

    @cached_property
    def scenarios(self) -> dict[str, bytes]:
        """path → scenario."""
        return self._ending(".scenario.yaml")

    @cached_property
    def parameters(self) -> parameters.Parameters:
        """The numbers of law and charter; empty when there is no parameters.yaml. ModelRefused when it cannot be read."""
        return parameters.load(self.files.get(PARAMETERS, b""), PARAMETERS)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 in hex over what the files mean: line ends, and in models the order of attributes, do not count."""
        whole = hashlib.sha256()
        for path in sorted(self.files):
            part = hashlib.sha256(_canonical(path, self.files[path])).hexdigest()
            whole.update(f"{part}  {path}\n".encode())
        return whole.hexdigest()

    def _ending(self, ending: str) -> dict[str, bytes]:
        return {path: self.files[path] for path in sorted(self.files) if path.endswith(ending)}


def read(place: Path) -> Pack:
    """-> the pack in a folder such as processes/<key> (its forms lie beside it in forms/<key>, or in it), a folder of loose
    models, or one .bpmn file. ModelRefused with file and line, also for a place that does not exist."""
    place = Path(place)
    if place.is_file():
        return from_files({place.name: _bytes(place, place.name)}, name=place.stem)
    if not place.is_dir():
        raise ModelRefused(say("There is no pack at {place}.", place=place), where={"file": str(place)})
    place = place.resolve()
    files = _folder(place, "")
    forms = place.parent.parent / "forms" / place.name
    if place.parent.name == "processes" and forms.is_dir():
        files |= _folder(forms, "forms/")
    return from_files(files, name=place.name)


def from_files(files: Mapping[str, bytes], *, name: str = "models") -> Pack:
    """-> the pack of `files` {path with slashes: content}. `name` is the key of a pack without a manifest. ModelRefused."""
    _check_files(files)
    if not any(path.endswith((".bpmn", ".dmn", ".form")) or path == MANIFEST for path in files):
        raise ModelRefused(say("There is neither a model nor a {manifest} in it.", manifest=MANIFEST), where={"file": name})
    if MANIFEST not in files:
        key = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "models"
        return Pack(key if key[0].isalpha() else f"models_{key}", dict(files), title=name)
    return _with_manifest(files)


def shipped() -> list[Pack]:
    """-> the packs which the product comes with, by key. ModelRefused when one of them cannot be read."""
    folder = data_root() / "processes"
    return [read(manifest.parent) for manifest in sorted(folder.glob(f"*/{MANIFEST}"))]


def closure(pack: Pack, available: Iterable[Pack] | Callable[[str], Pack | None] | None = None) -> list[Pack]:
    """-> the packs that `pack` requires, at any depth and each before those which need it, then `pack` itself.
    `available`: where they are found, default the shipped ones. ModelRefused for a missing pack and for a circle."""
    find: Callable[[str], Pack | None]
    if callable(available):
        find = available
    elif available is not None:
        find = {one.key: one for one in available}.get
    else:
        find = _find_shipped
    found: dict[str, Pack] = {}
    _require(pack, find, found, ())
    return list(found.values())


def is_lawful_name(path: str) -> bool:
    """-> may a file of a pack have this path? Relative, with slashes, not too long or deep, the same on every system."""
    parts = path.split("/")
    return (
        0 < len(path) <= MAX_PATH
        and len(parts) <= MAX_LEVELS
        and all(part.strip() == part and part not in ("", ".", "..") for part in parts)
        and not any(sign in path for sign in '\\:*?"<>|')
        and path.isprintable()
    )


def _require(pack: Pack, find: Callable[[str], Pack | None], found: dict[str, Pack], above: tuple[str, ...]) -> None:
    where = {"file": MANIFEST, "line": 0}
    for key in pack.requires:
        if key in (*above, pack.key):
            raise ModelRefused(
                say("The packs {keys} require each other in a circle.", keys=", ".join((*above, pack.key))), where=where
            )
        if key in found:
            continue
        needed = find(key)
        if needed is None:
            raise ModelRefused(
                say("The pack {pack} requires the pack {needed}, which is not there.", pack=pack.key, needed=key), where=where
            )
        _require(needed, find, found, (*above, pack.key))
    found[pack.key] = pack


def _find_shipped(key: str) -> Pack | None:
    folder = data_root() / "processes" / key
    return read(folder) if _KEY.match(key) and (folder / MANIFEST).is_file() else None


def _folder(folder: Path, prefix: str) -> dict[str, bytes]:
    """Hidden files and what no pack has a use for stay out: a folder on a desk holds more than a pack."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts) or path.suffix not in ENDINGS:
            continue
        name = prefix + relative.as_posix()
        if path.is_symlink() or not path.resolve().is_relative_to(folder):
            raise ModelRefused(say("{file} is a link, which a pack may not have.", file=name), where={"file": name})
        if path.is_file():
            found[name] = _bytes(path, name)
        if len(found) > MAX_FILES:
            raise ModelRefused(say("A pack may have {limit} files at most.", limit=MAX_FILES), where={"file": name})
    return found


def _bytes(path: Path, name: str) -> bytes:
    if path.stat().st_size > MAX_FILE:
        raise ModelRefused(say("The file {file} is larger than {limit} bytes.", file=name, limit=MAX_FILE), where={"file": name})
    return path.read_bytes()


def _check_files(files: Mapping[str, bytes]) -> None:
    if len(files) > MAX_FILES:
        raise ModelRefused(say("A pack may have {limit} files at most.", limit=MAX_FILES))
    if sum(map(len, files.values())) > MAX_TOTAL:
        raise ModelRefused(say("A pack may have {limit} bytes at most.", limit=MAX_TOTAL))
    names: dict[str, str] = {}
    for path, content in files.items():
        where = {"file": path}
        pure = PurePosixPath(path)
        if not is_lawful_name(path):
            raise ModelRefused(say("{file} is not a name that a file of a pack may have.", file=path), where=where)
        if len(content) > MAX_FILE:
            raise ModelRefused(say("The file {file} is larger than {limit} bytes.", file=path, limit=MAX_FILE), where=where)
        if pure.suffix not in ENDINGS:
            raise ModelRefused(
                say(
                    "{file} is of a kind that a pack may not have. Allowed are: {kinds}.",
                    file=path,
                    kinds=" ".join(sorted(ENDINGS)),
                ),
                where=where,
            )
        if pure.suffix == ".form":
            other = names.setdefault(pure.stem, path)
            if other != path:
                raise ModelRefused(
                    say("{file} and {other} have the same name; a form is found by its name.", file=path, other=other), where=where
                )


def _with_manifest(files: Mapping[str, bytes]) -> Pack:
    content = documents.table(
        documents.load(files[MANIFEST], MANIFEST), MANIFEST, 1, known=_KEYS, needed=("pack", "title", "version")
    )

    def check(key: str, ok: bool, expected: Sentence) -> None:
        if not ok:
            raise documents.refused(
                say("{key}: expected {expected}, but found {found}.", key=key, expected=expected, found=content[key]),
                MANIFEST,
                content.lines[key],
            )

    def words(key: str) -> tuple[str, ...]:
        value = content.get(key) or ()
        check_value = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
        if key in content:
            check(key, check_value, say("a list of words"))
        return tuple(value)

    for key in ("title", "version", "description", "language", "licence", "based_on"):
        if key in content:
            check(key, isinstance(content[key], str), say("text"))
    check("pack", isinstance(content["pack"], str) and bool(_KEY.match(content["pack"])), say("a word in snake_case"))
    check("version", bool(_VERSION.match(content["version"])), say("three numbers such as 1.0.0"))
    for path in words("scenarios"):
        check("scenarios", path in files, say("names of files of the pack"))
    return Pack(
        content["pack"],
        dict(files),
        title=content["title"],
        version=content["version"],
        description=content.get("description") or "",
        language=content.get("language") or "zh-Hans",
        licence=content.get("licence") or "",
        authors=words("authors"),
        requires=words("requires"),
        based_on=content.get("based_on") or "",
        processes=words("processes"),
        norms=_norms(content),
    )


def _norms(content: documents.Table) -> tuple[Norm, ...]:
    norms = content.get("norms") or documents.Row()
    if not isinstance(norms, documents.Row):
        raise documents.refused(say("norms: expected a list."), MANIFEST, content.lines["norms"])
    found = []
    for place, norm in enumerate(norms):
        line = norms.lines[place]
        if isinstance(norm, str):
            found.append(Norm(norm))
            continue
        entry = documents.table(norm, MANIFEST, line, known=_NORM_KEYS, needed=("short",))
        if not isinstance(entry.get("in_force", date.min), date):
            raise documents.refused(say("in_force: expected a date such as 2026-01-01."), MANIFEST, entry.lines["in_force"])
        texts = {key: str(value) for key, value in entry.items() if key != "in_force" and value is not None}
        found.append(Norm(**texts, in_force=entry.get("in_force")))
    return tuple(found)


def _canonical(path: str, content: bytes) -> bytes:
    suffix = PurePosixPath(path).suffix
    if suffix in (".bpmn", ".dmn"):
        return xml.canonical(content)
    if suffix in (".png", ".pdf"):
        return content
    return content.replace(b"\r\n", b"\n")
