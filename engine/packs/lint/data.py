"""Rules on what flows through a procedure: forms, variables, expressions, decisions, calls, and the scenarios that tell of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from engine.errors import EngineError, ModelRefused, NotFound, say
from engine.feel import ParseError

from .. import documents
from ..model import Model, Process, Step
from ..xml import kind
from .case import Case

_ALWAYS = frozenset(("matter", "parameters", "loopCounter", "item", "result", "partial", "error"))
_VERBS = ("complete", "reject", "job", "activate")
_EXPECTED = (
    "tasks",
    "tasks_include",
    "tasks_exclude",
    "waiting",
    "ended",
    "completed",
    "not_completed",
    "incidents",
    "counts",
    "task_variables",
)
_SCRIPT_NAME = re.compile(r"[^\W\d]\w*")


def check(case: Case) -> None:
    _read_stories(case)
    known = _given(case)
    _manifest(case)
    _calls(case)
    _forms(case)
    for path, story in case.stories.items():
        _scenario(case, path, story)
    for model, process in case.processes():
        for element, line, text, is_script in _texts(process):
            _expression(case, model, element, line, text, known, is_script)


def _read_stories(case: Case) -> None:
    for path, data in case.pack.scenarios.items():
        try:
            story = documents.load(data, path)
        except ModelRefused as error:
            case.report("error", error.sentence, path, error.where.get("line") or 0)
            continue
        if isinstance(story, documents.Table):
            case.stories[path] = story


def _manifest(case: Case) -> None:
    there = {process.id for _, process in case.processes()}
    for name in case.pack.processes:
        if name not in there:
            case.report("error", say("The manifest names the process {id}, which no model has.", id=name), "pack.yaml", 0, name)
    try:
        for problem in case.pack.parameters.problems():
            case.report("error", problem.sentence, problem.where["file"], problem.where["line"], problem.where["element"])
    except ModelRefused as error:
        case.report("error", error.sentence, error.where.get("file", ""), error.where.get("line") or 0)


def _calls(case: Case) -> None:
    there = {name for model in (*case.models, *case.around) for name in model.processes}
    for model, _, step in case.steps():
        called = step.calls
        if not called or called.startswith(("=", "${", "#{")):
            continue
        if step.kind == "callActivity" and called not in there:
            case.report(
                "error",
                say("{id} calls the process {called}, which is not there.", id=step.id, called=called),
                model.file,
                step.line,
                step.id,
            )
        if step.kind == "businessRuleTask" and case.evaluator is not None:
            try:
                case.evaluator.check_decision(called)
            except (NotFound, ModelRefused) as error:
                case.report("error", error.sentence, model.file, step.line, step.id)


def _forms(case: Case) -> None:
    used = set()
    for model, _, step in case.steps():
        asked = step.extension("form", "formKey", "formRef")
        used.add(asked or step.id)
        if step.kind == "userTask" and (asked or step.id) not in case.pack.forms:
            sentence = say("The task {id} has no form: there is no {form}.form.", id=step.id, form=asked or step.id)
            case.report("error" if asked else "warning", sentence, model.file, step.line, step.id)
    for name, path in case.pack.form_files.items():
        if name not in used:
            case.report("warning", say("The form {form} belongs to no task.", form=name), path)


def _scenario(case: Case, path: str, story: documents.Table) -> None:
    if story.get("model") or story.get("also"):
        return  # it brings its own models
    there = {step.id for model in (*case.models, *case.around) for process in model.processes.values() for step in process.walk()}
    for name, line in _named(story.get("steps")):
        if name not in there:
            case.report("error", say("The scenario names {id}, which no model has.", id=name), path, line, name)


def _named(steps: Any) -> Iterator[tuple[str, int]]:
    for act in steps if isinstance(steps, documents.Row) else ():
        if not isinstance(act, documents.Table):
            continue
        for verb in _VERBS:
            if isinstance(act.get(verb), str):
                yield act[verb], act.lines[verb]
        expected = act.get("expect")
        if not isinstance(expected, documents.Table):
            continue
        for key in _EXPECTED:
            for name in expected.get(key) or ():
                if isinstance(name, str):
                    yield name, expected.lines[key]


def _expression(case: Case, model: Model, element: str, line: int, text: str, known: frozenset[str], is_script: bool) -> None:
    if case.evaluator is None:
        return
    try:
        if is_script:
            case.evaluator.check_script(text, known)
            return
        asked = case.evaluator.check(text, known)
    except ParseError as error:
        case.report(
            "error", say("This cannot be read: {reason}", reason=getattr(error, "sentence", error)), model.file, line, element
        )
        return
    for name in sorted(asked - known):
        case.report(
            "warning",
            say("Nothing gives {name}, which is asked for here: no form, script, decision or parameter.", name=name),
            model.file,
            line,
            element,
        )


def _texts(process: Process) -> Iterator[tuple[str, int, str, bool]]:
    """-> (element, line, FEEL, is it a script) of everything in a process that is computed."""
    for step in (process, *process.walk()):
        for name in ("due", "assignee", "title"):
            text = step.own(name)
            if text.startswith("="):
                yield step.id, step.line, text, False
        if step.kind == "scriptTask":
            for child in step.node:
                if kind(child) == "script" and (child.text or "").strip():
                    yield step.id, child.sourceline or step.line, child.text, True
        for node in step.node.iter() if step.kind not in ("process",) and not step.inside else step.node:
            if kind(node) == "condition" and (node.text or "").strip():
                yield step.id, node.sourceline or step.line, node.text.strip(), False
            if kind(node).startswith("time") and (node.text or "").strip().startswith("="):
                yield step.id, node.sourceline or step.line, node.text.strip(), False
        for inner in step.extensions():
            if inner.tag.split("}")[-1] == "in" and (inner.get("source") or inner.get("sourceExpression") or "").startswith("="):
                yield step.id, inner.sourceline or step.line, inner.get("source") or inner.get("sourceExpression"), False
    for flow in process.flows:
        if flow.condition and not flow.condition.startswith(("${", "#{")):
            yield flow.id, flow.line, flow.condition, False


def _given(case: Case) -> frozenset[str]:
    """Every name that something in the pack, or in those it requires, may write: a name which nothing gives is a slip of the pen.

    In which process it is given does not matter here, since a called process may be handed all variables."""
    found = set(_ALWAYS)
    for pack in (*case.required, case.pack):
        for data in pack.forms.values():
            found |= set(_form_keys(data))
    for story in case.stories.values():
        found |= _told(story)
    for model in (*case.models, *case.around):
        for process in model.processes.values():
            for step in process.walk():
                found |= _written(case, step)
    return frozenset(found)


def _form_keys(data: bytes) -> Iterator[str]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return
    stack = [content]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            for name in ("key", "path"):
                if isinstance(part.get(name), str) and part[name]:
                    yield part[name].split(".")[0]
                    yield part[name].split(".")[-1]
            stack.extend(part.get("components") or ())
        elif isinstance(part, list):
            stack.extend(part)


def _told(story: documents.Table) -> set[str]:
    """What a scenario starts with and what its messages bring: a model does not say what is in a message."""
    found: set[str] = set()
    for act in (story, *(story.get("steps") or ())):
        for place in (
            act.get("start") if isinstance(act, dict) else None,
            act if isinstance(act, dict) and ("message" in act or "set" in act or "signal" in act) else None,
        ):
            for key in ("with", "set"):
                if isinstance(place, dict) and isinstance(place.get(key), dict):
                    found |= {name for name in place[key] if isinstance(name, str)}
    return found


def _written(case: Case, step: Step) -> set[str]:
    found = {step.extension("resultVariable")}
    for inner in step.extensions():
        if inner.tag.split("}")[-1] in ("in", "out") and inner.get("target"):
            found.add(inner.get("target"))
    for node in step.node:
        if kind(node) in ("dataObject", "dataObjectReference", "property") and node.get("name"):
            found.add(node.get("name"))
        if kind(node) == "script" and case.evaluator is not None and node.text:
            found |= _script_writes(case, node.text)
        if kind(node) == "multiInstanceLoopCharacteristics":
            found |= {
                value
                for key, value in node.attrib.items()
                if key.split("}")[-1] in ("elementVariable", "inputElement", "outputCollection")
            }
            for item in node:
                if kind(item) in ("inputDataItem", "outputDataItem"):
                    found.add(item.get("name") or item.get("id") or "")
                if kind(item) == "loopDataOutputRef":
                    found.add((item.text or "").strip())
    return found - {""}


def _script_writes(case: Case, text: str) -> set[str]:
    try:
        written = set(case.evaluator.check_script(text))
    except (ParseError, EngineError):
        return set()
    # One expression that gives a context writes its entries, which its text tells only roughly.
    return written or set(_SCRIPT_NAME.findall(text))
