"""Plays scenario files straight on the engine room, without a database: with dump and load after every step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from engine import bpmn
from engine.bpmn.values import plain
from engine.decisions import Evaluator, load_all
from engine.feel.text import read_duration

FOLDER = Path(__file__).resolve().parents[2] / "bpmn"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
WORK = ("task", "job")


def evaluator(decisions: Mapping[str, bytes] | None = None) -> Evaluator:
    return Evaluator(load_all(dict(decisions or {})))


class Run:
    """One instance. `apart`: instances of parallel bodies are kept apart, as the durable layer does."""

    def __init__(
        self,
        models: Mapping[str, bytes],
        process: str | None = None,
        *,
        apart: bool = False,
        decisions: Mapping[str, bytes] | None = None,
    ) -> None:
        self.now, self.apart = BEGIN, apart
        self.definition = bpmn.compile(models, evaluator(decisions), lambda: self.now)
        self.process = process or next(iter(self.definition.processes))
        self.events: list[bpmn.Event] = []
        self.thrown: list[bpmn.Thrown] = []
        self.parts: dict[int, str] = {}

    def start(self, data: Mapping[str, Any] | None = None, at: str | None = None) -> Run:
        self.live = self.definition.start(self.process, data, at)
        return self.save()

    def save(self) -> Run:
        """Stores and loads; what is stored again must be the same."""
        live = self.live
        self.events += live.events
        self.thrown += live.outbox
        self.variables = live.variables
        if live.state == "running" and self.apart:
            text, changed = live.dump_apart()
            self.parts = {k: v for k, v in {**self.parts, **changed}.items() if v is not None}
            self.text = text
            self.live = self.definition.load(text, apart=self.parts)
        elif live.state == "running":
            self.text = live.dump()
            self.live = self.definition.load(self.text)
            assert self.live.dump() == self.text
        live.events.clear()
        live.outbox.clear()
        return self

    def fresh(self) -> bpmn.Live:
        """An instance of which nothing but its main text has been read."""
        if self.live.state == "running":
            self.live = self.definition.load(self.text, apart=self.parts if self.apart else None)
        return self.live

    # --- what is seen -------------------------------------------------------------------------------------------------
    def waits(self, *kinds: str) -> list[bpmn.Wait]:
        return [w for w in self.live.waiting() if not kinds or w.kind in kinds]

    @property
    def tasks(self) -> str:
        return " ".join(sorted(w.element for w in self.waits(*WORK)))

    @property
    def waiting(self) -> str:
        return " ".join(sorted(w.element for w in self.waits() if w.kind not in (*WORK, "join")))

    @property
    def state(self) -> str:
        return self.live.state

    @property
    def completed(self) -> list[str]:
        return [e.element for e in self.events if e.what == "completed"]

    def find(self, element: str, *kinds: str, where: Mapping[str, Any] | None = None) -> bpmn.Wait:
        found = [w for w in self.waits(*(kinds or WORK)) if w.element == element]
        found = [w for w in found if all(self.live.names(w.task).get(k) == plain(v) for k, v in (where or {}).items())]
        assert found, f"{element} is not open; open are {[(w.kind, w.element) for w in self.waits()]}"
        return min(found, key=lambda w: w.path)

    def _act(self, verb: str, wait: bpmn.Wait, *given: Any) -> Run:
        instance = next((i for i in wait.path if i in self.parts), None)
        getattr(self.fresh(), verb)(wait.task, *given, instance=instance)
        return self.save()

    # --- what is done -------------------------------------------------------------------------------------------------
    def do(self, elements: str, data: Mapping[str, Any] | None = None, where: Mapping[str, Any] | None = None) -> Run:
        for element in elements.split():
            wait = self.find(element, where=where)
            self._act("complete" if wait.kind == "task" else "job_done", wait, data)
        return self

    def fail(self, element: str, code: str) -> Run:
        return self._act("job_failed", self.find(element), code)

    def finish(self, element: str) -> Run:
        return self._act("complete", self.find(element, "adhoc"), None)

    def pick(self, element: str) -> Run:
        wait = next((w for w in self.waits("adhoc") if self.live.offers(w.task, element)), None)
        assert wait is not None, f"{element} cannot be picked"
        return self._act("activate", wait, element)

    def drop(self, element: str) -> Run:
        wait = self.find(element)
        self.fresh().cancel(wait.task, next((i for i in wait.path if i in self.parts), None))
        return self.save()

    def until(self, moment: datetime) -> Run:
        """Moves the clock; timers that are due fire in their order."""
        while True:
            due = [w for w in self.waits("timer") if datetime.fromisoformat(str(w.due)) <= moment]
            if not due:
                break
            wait = min(due, key=lambda w: (datetime.fromisoformat(str(w.due)), w.task))
            self.now = max(self.now, datetime.fromisoformat(str(wait.due)))
            instance = next((i for i in wait.path if i in self.parts), None)
            self.fresh().deliver(wait.task, wait.element, None, instance, wait.event)
            self.save()
        self.now = moment
        return self

    def message(self, name: str, payload: Any = None, correlation: Any = None) -> bool:
        found = self.fresh().message(name, payload, correlation)
        self.save()
        return found

    def signal(self, name: str, payload: Any = None) -> int:
        found = self.fresh().signal(name, payload)
        self.save()
        return found

    def set(self, **values: Any) -> Run:
        self.fresh().set_data(values)
        return self.save()


def play(path: Path, *, apart: bool) -> None:
    """Plays a scenario file. AssertionError where something else is seen than it says."""
    told = YAML(typ="safe").load(path)
    files = [told["model"], *told.get("also", ())]
    models = {f: (path.parent / f).read_bytes() for f in files if f.endswith(".bpmn")}
    decisions = {f: (path.parent / f).read_bytes() for f in files if f.endswith(".dmn")}
    if told.get("deploy") == "refused":
        return _refused(models, decisions, told.get("because", ""))
    run = Run(models, told.get("process"), apart=apart, decisions=decisions)
    start = told.get("start", {})
    seen: dict[str, Any] = {}
    steps: list[Mapping[str, Any]] = [{"start": start}, *told["steps"]]
    for number, step in enumerate(steps):
        if "expect" in step:
            _expect(run, step["expect"], seen, f"{path.name}, step {number}: {step['expect']}")
            continue
        seen = {"failed": False}
        try:
            seen["delivered"] = _step(run, step)
        except (bpmn.Conflict, bpmn.Incident):
            seen["failed"] = True
        expected = steps[number + 1].get("expect", {}) if number + 1 < len(steps) else {}
        assert seen["failed"] == bool(expected.get("failed")), f"{path.name}, step {number}: {step}"


def _refused(models: Mapping[str, bytes], decisions: Mapping[str, bytes], because: str) -> None:
    try:
        bpmn.compile(models, evaluator(decisions))
    except bpmn.Refused as refused:
        assert because in str(refused), str(refused)
        return
    raise AssertionError("the models were not refused")


def _step(run: Run, step: Mapping[str, Any]) -> Any:
    match step:
        case {"start": start}:
            starts = run.definition.start_waits(run.process)
            at = next((w.element for w in starts if w.kind == "message" and w.name == start.get("message")), None)
            run.start(start.get("with"), at)
        case {"complete": element}:
            for _ in range(step.get("times", 1)):
                run.do(element, step.get("with"), step.get("where"))
        case {"job": element, "error": code}:
            run.fail(element, code)
        case {"job": element}:
            run.do(element, step.get("result"))
        case {"advance": {"until": moment}}:
            run.until(datetime.fromisoformat(moment) if isinstance(moment, str) else moment)
        case {"advance": duration}:
            run.until(run.now + timedelta(microseconds=read_duration(duration).nanos // 1000))
        case {"message": name}:
            return run.message(name, step.get("with"), step.get("correlate"))
        case {"signal": name}:
            run.signal(name, step.get("with"))
        case {"set": values}:
            run.set(**values)
        case {"activate": element}:
            run.pick(element)
        case _:
            raise ValueError(f"no such step: {step}")
    return None


def _expect(run: Run, expected: Mapping[str, Any], seen: Mapping[str, Any], place: str) -> None:
    for what, value in expected.items():
        match what:
            case "tasks":
                assert Counter(run.tasks.split()) == Counter(value), f"{place}: open are {run.tasks}"
            case "waiting":
                assert not Counter(value) - Counter(run.waiting.split()), f"{place}: waiting are {run.waiting}"
            case "state":
                assert run.state == value or (run.state, value) == ("terminated", "completed"), f"{place}: {run.state}"
            case "variables":
                got = {name: run.variables.get(name) for name in value}
                assert got == plain(value), f"{place}: {got}"
            case "counts":
                counts = Counter(run.completed)
                assert {e: counts[e] for e in value} == value, f"{place}: {counts}"
            case "completed":
                rest = iter(run.completed)
                assert all(element in rest for element in value), f"{place}: {run.completed}"
            case "not_completed":
                assert not set(value) & set(run.completed), f"{place}: {run.completed}"
            case "delivered" | "failed":
                assert bool(seen[what]) == value, f"{place}: {seen}"
            case _:
                raise ValueError(f"{place}: no such expectation")
