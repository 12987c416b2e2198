"""What differs between two states of a pack: a list by element, parameter and file, for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import Sentence, say

from . import parameters
from .model import read
from .pack import PARAMETERS
from .xml import BPMN, canonical, kind

_LABELS = {
    "name": say("name"),
    "role": say("who does it"),
    "form": say("form"),
    "due": say("deadline"),
    "law": say("article"),
    "minutes": say("minutes"),
    "stage": say("station of the step line"),
    "kind": say("kind of step"),
    "calledElement": say("the procedure that is run"),
    "conditionExpression": say("condition"),
    "documentation": say("explanation"),
    "sourceRef": say("comes from"),
    "targetRef": say("leads to"),
    "default": say("the way when no condition holds"),
    "flowNodeRef": say("steps in it"),
}
_OTHER = say("another property")
_STEPS = ("Task", "task", "Event", "Gateway", "callActivity", "ubProcess", "transaction")
_UNSEEN = ("incoming", "outgoing")


@dataclass(frozen=True)
class Fact:
    """A property that has changed: what it is called, and its value before and now ("" where it had or has none)."""

    label: Sentence
    old: str
    new: str


@dataclass(frozen=True)
class Change:
    """One thing that was added, removed or changed (`how`); `what` says what kind of thing it is."""

    how: str
    what: Sentence
    name: str
    file: str
    element: str = ""
    facts: tuple[Fact, ...] = ()


def changes(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[Change]:
    """-> what differs between the files of two packs, by file and then in the order of the file. Where things stand in the
    drawing does not count. ModelRefused where a model cannot be read."""
    found: list[Change] = []
    for path in sorted({*old, *new}):
        before, after = old.get(path), new.get(path)
        if before == after:
            continue
        if path == PARAMETERS:
            found += _parameters(before or b"", after or b"")
        elif path.endswith(".bpmn") and before is not None and after is not None:
            found += _model(path, before, after)
        elif before is None or after is None or canonical(before) != canonical(after):
            how = "added" if before is None else "removed" if after is None else "changed"
            found.append(Change(how, _kind_of_file(path), path.split("/")[-1].split(".")[0], path))
    return found


def _kind_of_file(path: str) -> Sentence:
    kinds = {".scenario.yaml": say("scenario"), ".bpmn": say("procedure"), ".dmn": say("table of rules"), ".form": say("form")}
    return next((said for ending, said in kinds.items() if path.endswith(ending)), say("file"))


def _parameters(before: bytes, after: bytes) -> Iterator[Change]:
    old, new = parameters.load(before, PARAMETERS).by_key, parameters.load(after, PARAMETERS).by_key
    for key in (*new, *(key for key in old if key not in new)):
        facts = tuple(_dated(old.get(key), new.get(key)))
        if facts:
            how = "added" if key not in old else "removed" if key not in new else "changed"
            yield Change(how, say("number"), (new.get(key) or old[key]).title, PARAMETERS, key, facts)


def _dated(old: parameters.Parameter | None, new: parameters.Parameter | None) -> Iterator[Fact]:
    was = {one.since: one for one in old.values} if old else {}
    now = {one.since: one for one in new.values} if new else {}
    for day in sorted({*was, *now}):
        one, other = was.get(day), now.get(day)
        if (one and (one.value, one.source)) != (other and (other.value, other.source)):
            before = next((dated for dated in reversed(old.values) if dated.since <= day), None) if old else None
            yield Fact(say("from {day}", day=day.isoformat()), _written(one or before), _written(other))


def _written(dated: parameters.Dated | None) -> str:
    return f"{parameters.write(dated.value)} ({dated.source})" if dated else ""


def _model(path: str, before: bytes, after: bytes) -> Iterator[Change]:
    old, new = _elements(before, path), _elements(after, path)
    names = {key: _name(node) for key, node in {**old, **new}.items()}
    for key in (*new, *(key for key in old if key not in new)):
        node = new[key] if key in new else old[key]
        what, name = _kind(node), _said(node, names)
        if key not in old or key not in new:
            yield Change("added" if key in new else "removed", what, name, path, key)
            continue
        was, now = _facts(old[key], names), _facts(node, names)
        facts = tuple(Fact(_LABELS.get(one, _OTHER), was.get(one, ""), now.get(one, ""))
                      for one in {**was, **now} if was.get(one) != now.get(one))
        if facts:
            yield Change("changed", what, name, path, key, facts)


def _elements(data: bytes, path: str) -> dict[str, Any]:
    return {str(node.get("id")): node for node in read(data, path).root.iter(f"{{{BPMN}}}*") if node.get("id")}


def _kind(node: Any) -> Sentence:
    what = kind(node)
    if what == "sequenceFlow":
        return say("way")
    if what == "lane":
        return say("lane")
    if what == "process":
        return say("procedure")
    return say("step") if what.endswith(_STEPS) else say("part")


def _name(node: Any) -> str:
    return str(node.get("name") or "")


def _said(node: Any, names: Mapping[str, str]) -> str:
    """A way is called after its two ends."""
    if kind(node) == "sequenceFlow":
        ends = " → ".join(names.get(str(node.get(end)), "") or "…" for end in ("sourceRef", "targetRef"))
        return f"{ends}（{node.get('name')}）" if node.get("name") else ends
    return _name(node) or "…"


def _facts(node: Any, names: Mapping[str, str]) -> dict[str, str]:
    """What an element says of itself, and what stands in it without an id of its own."""
    found: dict[str, list[str]] = {}
    for key, value in node.attrib.items():
        if key != "id":
            found.setdefault(key.split("}")[-1], []).append(names.get(value) or value)
    for child in node:
        if not isinstance(child.tag, str) or child.get("id") or kind(child) in _UNSEEN:
            continue
        for one in child.iter():
            if isinstance(one.tag, str) and not one.get("id"):
                label = one.tag.split("}")[-1]
                words = [*(names.get(v) or v for v in one.attrib.values()), (one.text or "").strip()]
                said = " ".join(word for word in words if word)
                if said:
                    found.setdefault(label, []).append(names.get(said) or said)
    return {key: ", ".join(values) for key, values in found.items()}
