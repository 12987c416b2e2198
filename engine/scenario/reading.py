"""Reads a scenario file into acts; whatever it does not know is an error with file and line, never a skipped step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from engine.errors import ModelRefused, Sentence, say
from engine.packs import documents

DEFAULT_START = datetime(2026, 1, 1, tzinfo=UTC)

_TOP = ("scenario", "process", "model", "also", "start", "steps", "deploy", "because")
_START = ("at", "by", "with", "message", "process", "instance", "event")
_EXPECT = ("tasks", "waiting", "state", "ended", "completed", "not_completed", "variables", "incidents", "tasks_include",
           "tasks_exclude", "task_count", "task_variables", "counts", "delivered", "failed", "ended_or_failed", "of")
_VERBS: Mapping[str, tuple[str, ...]] = {
    "complete": ("as", "with", "where", "times", "of", "when_open"),
    "reject": ("as", "with", "where", "of", "because"),
    "advance": (),
    "until": (),
    "message": ("with", "correlate", "of", "as"),
    "signal": ("with", "as"),
    "job": ("result", "error", "fail", "of", "where"),
    "set": ("of",),
    "activate": ("of", "as", "times"),
    "start": (),
    "expect": (),
}
_IDS = ("tasks", "waiting", "ended", "completed", "not_completed", "tasks_include", "tasks_exclude")
STATES = ("running", "completed", "terminated", "cancelled", "suspended", "incident")


class ScenarioError(ModelRefused):
    """The scenario file itself is wrong; `where` has file and line."""

    code = "scenario"


@dataclass(frozen=True)
class Act:
    """One step: its verb, the verb's object (id, name, moment, mapping …) and what else is said of it."""

    verb: str
    what: Any
    more: Mapping[str, Any]
    line: int


@dataclass(frozen=True)
class Scenario:
    """A story. `model` and `also` are paths relative to the file, or empty for the pack's own models."""

    title: str
    file: str
    process: str | None
    model: str | None
    also: tuple[str, ...]
    start: Mapping[str, Any]
    at: datetime
    steps: tuple[Act, ...]
    refused: bool = False
    because: str | None = None
    lines: Mapping[str, int] = field(default_factory=dict)


def read(data: bytes, file: str) -> Scenario:
    """-> the scenario in a YAML file. ScenarioError with file and line."""
    try:
        top = documents.table(documents.load(data, file), file, 1, known=_TOP, needed=("scenario",))
        start = top.get("start") or documents.load(b"", file)
        documents.table(start, file, top.lines.get("start", 1), known=_START)
    except ModelRefused as error:
        raise ScenarioError(error.sentence, where=error.where) from error
    refused = top.get("deploy") is not None
    if refused and top["deploy"] != "refused":
        raise _wrong(say("deploy can only be “refused”."), file, top.lines["deploy"])
    steps = tuple(_act(step, file, line) for step, line in _rows(top, "steps", file))
    if refused and steps:
        raise _wrong(say("A scenario whose models are refused has no steps."), file, top.lines["steps"])
    if not refused and not any(a.verb in ("expect", "reject") for a in steps):
        raise _wrong(say("This scenario asserts nothing: it has no expect and no reject."), file, top.line)
    also = top.get("also") or ()
    return Scenario(
        title=str(top["scenario"]), file=file, process=_word(top, "process", file), model=_word(top, "model", file),
        also=tuple(str(a) for a in ([also] if isinstance(also, str) else also)), start=dict(start),
        at=moment(start["at"], file, start.lines["at"]) if start.get("at") is not None else DEFAULT_START,
        steps=steps, refused=refused, because=_word(top, "because", file), lines=dict(top.lines))


def moment(value: Any, file: str, line: int) -> datetime:
    """-> the moment written as ISO 8601; without a zone it is UTC. ScenarioError."""
    try:
        found = (datetime(value.year, value.month, value.day) if isinstance(value, date) and not isinstance(value, datetime)
                 else datetime.fromisoformat(str(value)))
    except ValueError:
        raise _wrong(say("“{text}” is no moment such as 2026-03-02T09:00:00+08:00.", text=value), file, line) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _act(step: Any, file: str, line: int) -> Act:
    if not isinstance(step, documents.Table):
        raise _wrong(say("A step is a mapping such as “complete: task_id”."), file, line)
    verbs = [key for key in step if key in _VERBS]
    if len(verbs) != 1:
        raise _wrong(say("A step has exactly one of {verbs}; this one has {found}.", verbs=", ".join(_VERBS),
                         found=", ".join(map(str, step)) or "—"), file, line)
    verb = verbs[0]
    for key in step:
        if key != verb and key not in _VERBS[verb]:
            raise _wrong(say("The key {key} is not known with {verb}. Known are: {known}.", key=key, verb=verb,
                             known=", ".join(_VERBS[verb]) or "—"), file, step.lines[key])
    what = step[verb]
    if verb in ("expect", "start", "set") and not isinstance(what, documents.Table):
        raise _wrong(say("{verb} needs a mapping.", verb=verb), file, line)
    if verb == "expect":
        _check_expect(what, file)
    if verb == "start":
        documents.table(what, file, line, known=_START)
    if verb in ("complete", "reject", "message", "signal", "job", "activate") and not isinstance(what, str):
        raise _wrong(say("{verb} needs a name.", verb=verb), file, line)
    if verb == "job" and sum(key in step for key in ("result", "error", "fail")) > 1:
        raise _wrong(say("A job has one outcome: result, error or fail."), file, line)
    return Act(verb, what, {k: v for k, v in step.items() if k != verb}, line)


def _check_expect(what: documents.Table, file: str) -> None:
    if not what or set(what) == {"of"}:
        raise _wrong(say("This expect asserts nothing."), file, what.line)
    for key, value in what.items():
        line = what.lines[key]
        if key not in _EXPECT:
            raise _wrong(say("The key {key} is not known with {verb}. Known are: {known}.", key=key, verb="expect",
                             known=", ".join(_EXPECT)), file, line)
        if key in (*_IDS, "incidents") and not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
            raise _wrong(say("{key} needs a list of ids.", key=key), file, line)
        if key in ("variables", "task_variables", "counts") and not isinstance(value, dict):
            raise _wrong(say("{verb} needs a mapping.", verb=key), file, line)
        if key == "state" and value not in STATES:
            raise _wrong(say("“{state}” is no state. States are: {states}.", state=value, states=", ".join(STATES)), file, line)
        if key in ("delivered", "failed", "ended_or_failed") and not isinstance(value, bool):
            raise _wrong(say("{key} is true or false.", key=key), file, line)


def _rows(top: Any, key: str, file: str) -> list[tuple[Any, int]]:
    rows = top.get(key)
    if rows is None:
        return []
    if not isinstance(rows, documents.Row):
        raise _wrong(say("{key} needs a list.", key=key), file, top.lines[key])
    return list(zip(rows, rows.lines, strict=True))


def _word(top: Any, key: str, file: str) -> str | None:
    value = top.get(key)
    if value is not None and not isinstance(value, str):
        raise _wrong(say("{verb} needs a name.", verb=key), file, top.lines[key])
    return value


def _wrong(sentence: Sentence, file: str, line: int) -> ScenarioError:
    return ScenarioError(sentence, where={"file": file, "line": line})


def named_elements(scenario: Scenario) -> list[tuple[str, int]]:
    """-> every BPMN id that the scenario speaks of, with its line."""
    found: list[tuple[str, int]] = []
    for act in scenario.steps:
        if act.verb in ("complete", "reject", "job", "activate"):
            found.append((act.what, act.line))
        elif act.verb == "expect":
            for key in _IDS:
                found += [(v, act.what.lines[key]) for v in act.what.get(key) or ()]
            for key in ("counts", "task_variables"):
                found += [(v, act.what.lines[key]) for v in act.what.get(key) or ()]
    return found
