"""Edits of a pack as the outline makes them: say more of a step, add one, remove one, change a number. Everything else stays.

Each verb takes the files of a pack {path: content} and gives new ones; what it refuses is `Invalid` by field or `ModelRefused`.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree
from ruamel.yaml import YAML

from engine import feel
from engine.errors import EngineError, Invalid, ModelRefused, Sentence, say

from . import parameters
from .layout import FAULTS, extend, layout, measure
from .model import SUB_PROCESSES, Model, Process, Step, read
from .pack import PARAMETERS
from .xml import BPMN, BPMNDI, YISHI, kind

Files = Mapping[str, bytes]
LONGEST_NAME = 100
_ACTIVITIES = ("Task", "task", "callActivity", *SUB_PROCESSES)
_ROLE = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
_NUMBER = re.compile(r"=\s*(\d{1,3})\s*\Z")
_NOTHING_SAVED = say("Nothing has been changed yet.")


@dataclass(frozen=True)
class Details:
    """What the outline says of a step. `roles` are those of the step itself (none: those of its lane); `form` is empty where
    it goes by the rule; `days` is a deadline in working days, `formula` any other; `minutes` how long it takes."""

    name: str = ""
    roles: tuple[str, ...] = ()
    form: str = ""
    days: str = ""
    formula: str = ""
    law: str = ""
    minutes: str = ""


@dataclass(frozen=True)
class Part:
    """A process of a pack: in which file, its id and its name for people."""

    path: str
    process: str
    name: str


@dataclass(frozen=True)
class Place:
    """A step as the outline shows it; `lane_roles` hold where it names none itself, `for_people` whether it is a task of
    theirs, `why_not_after` and `why_not_removed` why nothing can be added behind it or why it must stay, None if it can be."""

    details: Details
    lane_roles: tuple[str, ...]
    for_people: bool
    why_not_after: Sentence | None
    why_not_removed: Sentence | None


@dataclass(frozen=True)
class Edited:
    """The files afterwards, the step that was added, and whether the drawing has become worse by it."""

    files: dict[str, bytes]
    element: str = ""
    crowded: bool = False


# --- looking ----------------------------------------------------------------------------------------------------------
def parts(files: Files) -> list[Part]:
    """-> the processes of the models, by file. ModelRefused where a file is no model."""
    found = []
    for path in sorted(path for path in files if path.endswith(".bpmn")):
        for process in read(files[path], path).processes.values():
            found.append(Part(path, process.id, process.name or process.id))
    return found


def places(files: Files, path: str) -> dict[str, Place]:
    """-> {element id: place} for all steps of a model."""
    model = _model(files, path)
    return {step.id: _place(model, step) for step in _walk(model)}


def details(step: Step) -> Details:
    """-> what a step says of itself."""
    due = step.own("due").strip()
    plain = _NUMBER.match(due)
    return Details(
        name=step.name,
        roles=_words(step.own("role")),
        form=step.own("form"),
        days=plain[1] if plain else "",
        formula="" if plain else due.removeprefix("=").strip(),
        law=step.own("law"),
        minutes=step.own("minutes"),
    )


# --- steps ------------------------------------------------------------------------------------------------------------
def change_step(files: Files, path: str, element: str, wanted: Details) -> dict[str, bytes]:
    """-> the files with the step as `wanted`. Only the attributes that differ are touched. Invalid by field: name, roles,
    form, days, formula, law, minutes."""
    model = _model(files, path)
    step = _step(model, element)
    names = {p.removesuffix(".form").split("/")[-1] for p in files if p.endswith(".form")}
    problems = _problems(wanted, details(step), names)
    if problems:
        raise Invalid(_NOTHING_SAVED, problems)
    before, changed = details(step), False
    due = f"={wanted.days.strip()}" if wanted.days.strip() else f"={wanted.formula.strip()}" if wanted.formula.strip() else ""
    values = {"role": (wanted.roles != before.roles, " ".join(wanted.roles)),
              "form": (wanted.form != before.form, wanted.form),
              "due": ((wanted.days, wanted.formula) != (before.days, before.formula), due),
              "law": (wanted.law != before.law, wanted.law.strip()),
              "minutes": (wanted.minutes != before.minutes, wanted.minutes.strip())}
    if wanted.name.strip() != before.name:
        step.node.set("name", wanted.name.strip())
        changed = True
    for key, (differs, value) in values.items():
        if differs:
            _put(step.node, f"{{{YISHI}}}{key}", value)
            changed = True
    return {**files, path: _text(model.root)} if changed else dict(files)


def add_step(files: Files, path: str, after: str, name: str, roles: tuple[str, ...] = ()) -> Edited:
    """-> the files with a new task for people behind the step `after`, with an empty form, in the lane of its roles (else in
    that of `after`), taken into the drawing. Invalid by field: name, roles, or where nothing can stand there."""
    model = _model(files, path)
    before = _step(model, after)
    problems = _problems(Details(name=name, roles=roles), Details(), set())
    why_not = _why_not_after(before)
    if not name.strip():
        problems["name"] = say("Please fill in.")
    if why_not is not None:
        problems["name"] = why_not
    if problems:
        raise Invalid(_NOTHING_SAVED, problems)
    taken = {str(node.get("id")) for node in model.root.iter() if node.get("id")}
    taken |= {other.removesuffix(".form").split("/")[-1] for other in files}
    taken |= {step.id for other in files if other.endswith(".bpmn") and other != path for step in _walk(read(files[other], other))}
    new = _free("step", taken)
    node = etree.Element(f"{{{BPMN}}}userTask", id=new, name=name.strip())
    before.node.addnext(node)
    node.tail = before.node.tail
    _into_lane(model, before, node, roles)
    if before.outgoing:
        _onto(before, node, taken)
    else:
        _behind(before, node, taken)
    form = {"type": "default", "id": new, "schemaVersion": 19, "components": []}
    made = {**files, f"forms/{new}.form": (json.dumps(form, ensure_ascii=False, indent=2) + "\n").encode()}
    return _drawn(files, made, path, model, new)


def remove_step(files: Files, path: str, element: str) -> Edited:
    """-> the files without the step: what led to it leads to what followed it. Its own form goes with it unless another step
    uses it. ModelRefused with the reason where it must stay."""
    model = _model(files, path)
    step = _step(model, element)
    why_not = _why_not_removed(model, step)
    if why_not is not None:
        raise ModelRefused(why_not, where={"file": path, "element": element})
    came, went = step.incoming[0], step.outgoing[0]
    for node in list(model.root.iter(f"{{{BPMN}}}incoming", f"{{{BPMN}}}outgoing", f"{{{BPMN}}}flowNodeRef")):
        words = (node.text or "").strip()
        if words == element and kind(node) == "flowNodeRef":
            _drop(node)
        elif words == went.id and kind(node) == "incoming":
            node.text = came.id
    came.node.set("targetRef", went.target)
    for shape in list(model.root.iter(f"{{{BPMNDI}}}BPMNShape", f"{{{BPMNDI}}}BPMNEdge")):
        if shape.get("bpmnElement") in (element, came.id, went.id):
            _drop(shape)
    _drop(went.node)
    _drop(step.node)
    made = dict(files)
    form = f"forms/{element}.form"
    if form in made and not _form_is_used(made, path, element):
        del made[form]
    return _drawn(files, made, path, model, "")


def redraw(files: Files, path: str) -> dict[str, bytes]:
    """-> the files with the whole drawing of this model laid out anew; asked for by people, never done unasked."""
    _model(files, path)
    return {**files, path: layout(files[path])}


# --- parameters -------------------------------------------------------------------------------------------------------
def set_parameter(files: Files, key: str, value: str, since: str, source: str) -> dict[str, bytes]:
    """-> the files with the parameter `key` at `value` from the day `since`, on the word of `source`; comments and order stay.
    Invalid by field (value, since, source), also for a value beyond the limit of a law, which names the article."""
    data = files.get(PARAMETERS, b"")
    known = parameters.load(data, PARAMETERS)
    if key not in known.by_key:
        raise ModelRefused(say("There is no parameter {key}.", key=key), where={"file": PARAMETERS})
    problems: dict[str, Sentence] = {}
    parsed = _value(known.by_key[key], value.strip(), problems)
    day = _day(since.strip(), problems)
    _check_text("source", source, problems, needed=True, longest=200)
    if problems:
        raise Invalid(_NOTHING_SAVED, problems)
    yaml = YAML(typ="rt")
    yaml.preserve_quotes, yaml.width = True, 100_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    content = yaml.load(data.decode("utf-8-sig"))
    values = content["parameters"][key]["values"]
    same = next((one for one in values if one.get("from") == day), None)
    if same is not None:
        same["value"], same["source"] = parsed, source.strip()
    else:
        entry = yaml.map(**{"from": day, "value": parsed, "source": source.strip()})
        entry.fa.set_flow_style()
        place = next((n for n, one in enumerate(values) if one["from"] > day), len(values))
        _insert(values, place, entry)
    out = io.StringIO()
    yaml.dump(content, out)
    made = out.getvalue().encode()
    broken = [error for error in parameters.load(made, PARAMETERS).problems() if error.where.get("element") == key]
    if broken:
        raise Invalid(_NOTHING_SAVED, {"value": broken[0].sentence})
    return {**files, PARAMETERS: made}


# --- how it is done ---------------------------------------------------------------------------------------------------
def _model(files: Files, path: str) -> Model:
    if path not in files or not path.endswith(".bpmn"):
        raise ModelRefused(say("There is no file {file}.", file=path), where={"file": path})
    return read(files[path], path)


def _walk(model: Model) -> Iterator[Step]:
    for process in model.processes.values():
        yield from process.walk()


def _step(model: Model, element: str) -> Step:
    for step in _walk(model):
        if step.id == element:
            return step
    raise ModelRefused(say("This step is no longer there."), where={"file": model.file, "element": element})


def _place(model: Model, step: Step) -> Place:
    lane = step.lanes[-1].role if step.lanes else ""
    return Place(details(step), _words(lane), step.kind == "userTask", _why_not_after(step), _why_not_removed(model, step))


def _words(roles: str) -> tuple[str, ...]:
    return tuple(roles.replace(",", " ").split())


def _problems(wanted: Details, before: Details, forms: Iterable[str]) -> dict[str, Sentence]:
    problems: dict[str, Sentence] = {}
    _check_text("name", wanted.name, problems, needed=wanted.name != before.name, longest=LONGEST_NAME)
    if not all(_ROLE.match(role) for role in wanted.roles if role not in before.roles):
        problems["roles"] = say("Choose from the list.")
    if wanted.form and wanted.form != before.form and wanted.form not in forms:
        problems["form"] = say("Choose from the list.")
    if wanted.days != before.days:
        _check_count("days", wanted.days, 365, problems)
    if wanted.days.strip() and wanted.formula.strip():
        problems["formula"] = say("Give either a number of working days or a formula, not both.")
    elif wanted.formula.strip() and wanted.formula != before.formula:
        _check_text("formula", wanted.formula, problems, longest=500)
        _check_formula(wanted.formula, problems)
    _check_text("law", wanted.law, problems, longest=200)
    if wanted.minutes != before.minutes:
        _check_count("minutes", wanted.minutes, 999, problems)
    return problems


def _check_text(field: str, text: str, problems: dict[str, Sentence], *, needed: bool = False, longest: int) -> None:
    if needed and not text.strip():
        problems[field] = say("Please fill in.")
    elif len(text) > longest:
        problems[field] = say("At most {limit} characters, but these are {count}.", limit=longest, count=len(text))
    elif not text.isprintable():
        problems[field] = say("There are characters in it that cannot be printed. Type it again on one line.")


def _check_count(field: str, text: str, most: int, problems: dict[str, Sentence]) -> None:
    if text.strip() and not (text.strip().isascii() and text.strip().isdigit() and 1 <= int(text.strip()[:9]) <= most):
        problems[field] = say("A whole number from 1 to {most}, or leave it empty.", most=most)


def _check_formula(text: str, problems: dict[str, Sentence]) -> None:
    try:
        feel.compile(text.strip().removeprefix("="))
    except EngineError as error:
        problems["formula"] = say("This formula cannot be read: {reason}", reason=error.sentence)


def _why_not_after(step: Step) -> Sentence | None:
    if step.kind == "endEvent":
        return say("Here the procedure ends, nothing can follow.")
    if step.kind == "eventBasedGateway":
        return say("Here something is waited for. Add the step behind what is waited for.")
    if step.is_event_sub_process or step.compensates:
        return say("This part stands beside the course of the procedure, nothing can follow it.")
    if len(step.outgoing) > 1:
        return say("From here there are several ways. Add the step behind the one on the way you mean.")
    if not step.outgoing and not step.kind.endswith(_ACTIVITIES):
        return say("From here no way leads on.")
    return None


def _why_not_removed(model: Model, step: Step) -> Sentence | None:
    if step.kind in ("startEvent", "endEvent"):
        return say("A beginning and an end must stay.")
    if step.kind == "boundaryEvent" or step.boundary:
        return say("Something may happen while this step is open, which leads elsewhere. Take it away in the drawing first.")
    if step.inside:
        return say("There are steps inside it. A part with steps of its own must be taken apart in the drawing.")
    if len(step.incoming) != 1 or len(step.outgoing) != 1:
        return say("{coming} ways lead to it and {going} away from it: what would follow on what is not certain.",
                   coming=len(step.incoming), going=len(step.outgoing))
    came, went = step.incoming[0], step.outgoing[0]
    if came.source == went.target:
        return say("Without it a way would lead from one step back to the same step.")
    if went.condition:
        return say("The way on from here has a condition, which would be lost.")
    before = next(other for other in _walk(model) if other.id == came.source)
    if before.kind == "eventBasedGateway":
        return say("The procedure waits for this, with other things, so it must stay.")
    if _is_named_elsewhere(model, step, {step.id, came.id, went.id}):
        return say("Another part of the drawing refers to it.")
    return None


def _is_named_elsewhere(model: Model, step: Step, own: set[str]) -> bool:
    """By an association, a message flow, an undoing: anything but its flows, its lane and its drawing."""
    inside = set(step.node.iter())
    structure = ("sequenceFlow", "incoming", "outgoing", "flowNodeRef")
    for node in model.root.iter(f"{{{BPMN}}}*"):
        if node in inside or kind(node) in structure:
            continue
        values = {value for key, value in node.attrib.items() if key not in ("id", "default")} | {(node.text or "").strip()}
        if step.id in values or (own & values and kind(node).endswith("Ref")):
            return True
    return False


def _into_lane(model: Model, before: Step, node: Any, roles: tuple[str, ...]) -> None:
    """The lane whose roles are those asked for, in the same set as that of the step before; only else are they said at the task."""
    process = next(one for one in model.processes.values() if before in one.walk())
    lane = before.lanes[-1] if before.lanes else None
    if roles and lane is not None and before in process.inside.values():
        lane = next((one for one in _leaves(process) if _words(one.role) == roles), lane)
    if roles and (lane is None or _words(lane.role) != roles):
        node.set(f"{{{YISHI}}}role", " ".join(roles))
    if lane is not None and any(kind(ref) == "flowNodeRef" and (ref.text or "").strip() == before.id for ref in model.root.iter()):
        ref = etree.SubElement(lane.node, f"{{{BPMN}}}flowNodeRef")
        ref.text = str(node.get("id"))


def _leaves(process: Process) -> list[Any]:
    return [lane for lane in process.own_lanes if not any(kind(child) == "childLaneSet" for child in lane.node)]


def _onto(before: Step, node: Any, taken: set[str]) -> None:
    """On the way that leads on: its first part keeps id, name and condition."""
    old = before.outgoing[0]
    name = _free(f"{node.get('id')}_to_{old.target}", taken)
    target = next(one for one in before.node.getparent() if one.get("id") == old.target)
    speaks = any(kind(child) in ("incoming", "outgoing") for child in (*before.node, *target))
    old.node.set("targetRef", node.get("id"))
    flow = etree.Element(f"{{{BPMN}}}sequenceFlow", id=name, sourceRef=node.get("id"), targetRef=old.target)
    flow.tail = old.node.tail
    old.node.addnext(flow)
    if speaks:
        for child in target:
            if kind(child) == "incoming" and (child.text or "").strip() == old.id:
                child.text = name
        etree.SubElement(node, f"{{{BPMN}}}incoming").text = old.id
        etree.SubElement(node, f"{{{BPMN}}}outgoing").text = name


def _behind(before: Step, node: Any, taken: set[str]) -> None:
    name = _free(f"{before.id}_to_{node.get('id')}", taken)
    flow = etree.Element(f"{{{BPMN}}}sequenceFlow", id=name, sourceRef=before.id, targetRef=node.get("id"))
    flow.tail = node.tail
    node.addnext(flow)


def _drawn(old: Files, new: dict[str, bytes], path: str, model: Model, element: str) -> Edited:
    """A model that was never drawn stays so; else what is new is taken into the drawing and the drawing measured."""
    made = _text(model.root)
    if model.root.find(f".//{{{BPMNDI}}}BPMNShape") is None:
        return Edited({**new, path: made}, element)
    made = extend(made)
    before, after = measure(old[path]), measure(made)
    return Edited({**new, path: made}, element, any(after[fault] > before[fault] for fault in FAULTS))


def _form_is_used(files: Files, path: str, element: str) -> bool:
    others = (step for other in files if other.endswith(".bpmn") for step in _walk(read(files[other], other))
              if (other, step.id) != (path, element))
    return any((step.own("form") or step.extension("formKey", "formRef") or step.id) == element for step in others)


def _put(node: Any, key: str, value: str) -> None:
    if value:
        node.set(key, value)
    elif key in node.attrib:
        del node.attrib[key]


def _drop(node: Any) -> None:
    """Takes an element away and leaves the text that follows it."""
    above, before = node.getparent(), node.getprevious()
    if node.tail and node.tail.strip():
        if before is not None:
            before.tail = (before.tail or "") + node.tail
        else:
            above.text = (above.text or "") + node.tail
    above.remove(node)


def _free(name: str, taken: set[str]) -> str:
    found, number = (name, 1) if name != "step" else ("step_1", 1)
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    taken.add(found)
    return found


def _text(root: Any) -> bytes:
    return bytes(etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8")) + b"\n"


def _value(parameter: parameters.Parameter, text: str, problems: dict[str, Sentence]) -> Any:
    """A new value is of the kind of the old ones; a share is written as `2/3`."""
    sample = parameter.values[-1].value
    try:
        if not text:
            problems["value"] = say("Please fill in.")
        elif isinstance(sample, bool):
            return {"true": True, "false": False}[text.lower()]
        elif isinstance(sample, dict):
            if not re.fullmatch(r"[1-9]\d{0,5}\s*/\s*[1-9]\d{0,5}", text, re.ASCII):
                raise ValueError(text)
            return re.sub(r"\s", "", text)
        elif isinstance(sample, int):
            if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
                raise ValueError(text)
            return int(text)
        elif isinstance(sample, Decimal):
            if not re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text, re.ASCII):
                raise ValueError(text)
            return YAML(typ="rt").load(str(Decimal(text)))
        elif isinstance(sample, date):
            return date.fromisoformat(text)
        else:
            _check_text("value", text, problems, longest=200)
            return text
    except (ValueError, KeyError, InvalidOperation):
        kinds = {dict: say("a share such as 2/3"), int: say("a whole number"), Decimal: say("a number"),
                 bool: say("true or false"), date: say("a day such as 2026-05-01")}
        problems["value"] = say("Expected is {kind}.", kind=kinds[type(sample)])
    return None


def _day(text: str, problems: dict[str, Sentence]) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        problems["since"] = say("Expected is {kind}.", kind=say("a day such as 2026-05-01"))
        return None


def _insert(values: Any, place: int, entry: Any) -> None:
    """Behind the last one, its comment and the empty line after it would stand between the two; so they change places."""
    values.insert(place, entry)
    comments = values.ca.items
    if place == len(values) - 1 and place - 1 in comments:
        comments[place] = comments.pop(place - 1)
    elif place == len(values) - 1:
        last = values[place - 1]
        if hasattr(last, "ca") and last.ca.end:
            entry.ca.end, last.ca.end = last.ca.end, None
