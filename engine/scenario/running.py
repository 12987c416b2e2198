"""Runs a scenario: each act is a transaction, as an entry point would make it, on a clock that stands still between acts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine import clock, definitions, deployments, errors, feel, incidents, instances, jobs, messages, packs, tasks
from engine.access import Actor
from engine.errors import EngineError, Sentence, say
from engine.models import HistoryEvent, Instance, Job, ProcessDefinition, Task, Unit

from .comparing import equal, evaluated, has_feel, matches, plain, says, show, whole
from .reading import Act, Scenario, ScenarioError, moment, named_elements
from .world import World, people_of

MAX_JOBS = 50_000
_LATER = feel.compile("at + duration(text)", ["at", "text"])
_WAITS = ("timer", "message", "signal", "condition")


@dataclass(frozen=True)
class Failure:
    """kind: refused (at deployment), incident (a step raised), expectation (another state), scenario (the file is wrong)."""

    kind: str
    sentence: Sentence
    line: int = 0


@dataclass
class Outcome:
    """What came of a run: its failure or None, the sequence flows taken, and the story, one dated line an act,
    and the moment at which it ended."""

    scenario: Scenario
    failure: Failure | None = None
    flows: set[str] = field(default_factory=set)
    story: list[tuple[datetime, str]] = field(default_factory=list)
    ended_at: datetime = datetime.max


def run(scenario: Scenario, pack: packs.Pack, world: World | None = None, *, deployed: bool = False,
        until_open: str | None = None, at: datetime | None = None) -> Outcome:
    """Runs `scenario` on the models of `pack`. -> Outcome; nothing is raised for what the scenario or its models do wrong.

    `deployed`: the pack is in use in the world already. `until_open` stops as soon as a task of this element is open or its timer runs;
    `at` begins at another moment than the file says: so a demonstration gets matters at every stage.
    """
    made = world or World()
    outcome = Outcome(scenario)
    with ExitStack() as stack:
        if world is None:
            stack.callback(made.close)
        begin = at or scenario.at
        hands = stack.enter_context(clock.virtual(begin))
        runner = _Run(scenario, pack, made, hands, outcome, until_open)
        try:
            runner.go(deployed)
        except _Stop:
            pass
        except ScenarioError as error:
            outcome.failure = Failure("scenario", error.sentence, int(error.where.get("line") or 0))
        runner.collect()
        outcome.ended_at = hands.at
    return outcome


class _Stop(Exception):
    """The run is over."""


class _Unmet(Exception):
    """An expectation is not met."""

    def __init__(self, sentence: Sentence) -> None:
        self.sentence = sentence
        super().__init__(str(sentence))


class _Run:
    def __init__(self, scenario: Scenario, pack: packs.Pack, world: World, hands: clock.VirtualClock, outcome: Outcome,
                 until_open: str | None) -> None:
        self.scenario, self.pack, self.world, self.hands, self.outcome = scenario, pack, world, hands, outcome
        self.sessions = world.database.sessions
        self.until_open = until_open
        self.instances: dict[str, int] = {}
        self.first_id = 0
        self.later: list[Act] = []  # `when_open`
        self.delivered: bool | None = None
        self.failed: Exception | None = None  # what the step before raised
        self.told = False  # incidents have been spoken of

    # --- the story ---
    def go(self, deployed: bool) -> None:
        if not self._deploy(deployed):
            return
        self._check_names()
        with self.sessions() as session:
            self.first_id = session.scalar(select(func.max(Instance.id))) or 0
        begin = dict(self.scenario.start)
        self._attempt(0, lambda: self._start({"instance": "main", **begin}))
        self._after(0)
        for number, act in enumerate(self.scenario.steps):
            self._stop_if_open()
            if act.verb == "expect":
                self._expect(act)
                continue
            self._refuse_failed(act.line)
            self.delivered = None
            self._tell(act)
            self._attempt(act.line, lambda act=act: self._do(act))  # type: ignore[misc]
            self._after(act.line)
            if number == len(self.scenario.steps) - 1:
                self._refuse_failed(act.line)
        self._stop_if_open()
        self._refuse_failed(0)
        if self.later:
            self._fail("expectation", say("“{element}” never opened.", element=self.later[0].what), self.later[0].line)
        self._refuse_incidents()

    def _deploy(self, deployed: bool) -> bool:
        try:
            definitions.compile_pack(self.pack)
        except EngineError as error:
            if self.scenario.refused:
                self._check_because(error)
                return False
            self._fail("refused", say("The models are refused: {reason}", reason=whole(error)))
        if self.scenario.refused:
            self._fail("expectation", say("The models were to be refused, but they are lawful."))
        if not deployed:
            with self.sessions() as session:
                unit = session.get_one(Unit, self.world.unit_id)
                deployments.deploy(session, self.pack, unit, Actor.system())
                people_of(session, self.scenario, unit)
                session.commit()
        return True

    def _check_because(self, error: EngineError) -> None:
        wanted = self.scenario.because
        if wanted and not says(error, wanted):
            self._fail("expectation", say("Refused, but for another reason: {reason}", reason=whole(error)))

    def _check_names(self) -> None:
        with self.sessions() as session:
            known = {element for definition in self._definitions(session)
                     for places in definitions.compiled(session, definition.id).places.values() for element in places}
        for name, line in named_elements(self.scenario):
            if name not in known:
                raise ScenarioError(say("The models have no element {element}.", element=name),
                                    where={"file": self.scenario.file, "line": line})

    def _definitions(self, session: Session) -> list[ProcessDefinition]:
        return deployments.in_use(session, session.get_one(Unit, self.world.unit_id))

    # --- acts ---
    def _do(self, act: Act) -> None:
        if act.verb == "complete":
            self._complete(act)
        elif act.verb == "reject":
            self._reject(act)
        elif act.verb in ("advance", "until"):
            self._advance(act)
        elif act.verb == "message":
            self._message(act)
        elif act.verb == "signal":
            with self.sessions() as session:
                found = messages.broadcast(session, act.what, self._values(session, act), self._actor(session, act))
                session.commit()
            self.delivered = found > 0
        elif act.verb == "job":
            self._job(act)
        elif act.verb == "set":
            with self.sessions() as session:
                instance = self._instance(session, act)
                instances.set_variables(session, instance, Actor.system(), plain(self._feel(session, act.what, instance)))
                session.commit()
        elif act.verb == "activate":
            for _ in range(int(act.more.get("times") or 1)):
                self._activate(act)
        elif act.verb == "start":
            self._start(act.what)

    def _start(self, what: Mapping[str, Any]) -> None:
        name = str(what.get("instance") or f"instance_{len(self.instances) + 1}")
        with self.sessions() as session:
            actor = self.world.actor(session, what.get("by"))
            unit = session.get_one(Unit, self.world.unit_id)
            values = plain(self._feel(session, what.get("with") or {}, None))
            if what.get("message"):
                found = messages.correlate(session, str(what["message"]), values, actor, unit=unit)
                if found is None:
                    raise _Unmet(say("No process is started by the message “{name}”.", name=what["message"]))
                self.instances[name] = found.id
                session.commit()
                return
            definition = self._startable(session, what.get("process") or (self.scenario.process if name == "main" else None))
            try:
                instance = instances.start(session, definition, actor, values, unit=unit, start_event=what.get("event"))
            except errors.Incident as error:
                session.rollback()
                incidents.record(session, error, {"verb": "start", "variables": values}, actor, unit_id=self.world.unit_id,
                                 definition_id=definition.id)
                session.commit()
                raise
            self.instances[name] = instance.id
            session.commit()

    def _startable(self, session: Session, key: Any) -> ProcessDefinition:
        found = self._definitions(session)
        own = set(definitions.compile_pack(self.pack).definition.processes) if key is None else set()
        chosen = [d for d in found if (d.key == key if key is not None else d.startable and d.key in own)]
        if len(chosen) != 1:
            raise ScenarioError(
                say("Say which process is meant: one of {keys}.", keys=", ".join(d.key for d in found)) if key is None
                else say("The models have no process {process}.", process=key),
                where={"file": self.scenario.file, "line": self.scenario.lines.get("process", 1)})
        return chosen[0]

    def _complete(self, act: Act) -> None:
        for _ in range(int(act.more.get("times") or 1)):
            with self.sessions() as session:
                task = self._task(session, act)
                if task is None and act.more.get("when_open"):
                    self.later.append(act)
                    return
                if task is None:
                    raise _Unmet(say("“{element}” is not open.", element=act.what))
                actor, values = self._actor(session, act), plain(self._feel(session, act.more.get("with") or {}, task))
                try:
                    tasks.complete(session, task, actor, values=values)
                except errors.Incident as error:
                    self._record(session, error, {"verb": "complete", "values": values}, actor, task_id=task.id,
                                 instance_id=task.instance_id)
                    raise
                session.commit()
            self._settle()

    def _reject(self, act: Act) -> None:
        with self.sessions() as session:
            task = self._task(session, act)
            if task is None:
                raise _Unmet(say("“{element}” is not open.", element=act.what))
            values = plain(self._feel(session, act.more.get("with") or {}, task))
            try:
                tasks.complete(session, task, self._actor(session, act), values=values)
            except (EngineError, errors.Incident) as error:
                session.rollback()
                wanted = act.more.get("because")
                if wanted and not says(error, str(wanted)):
                    raise _Unmet(say("“{element}” was refused, but for another reason: {reason}", element=act.what,
                                     reason=whole(error))) from error
                return
            session.rollback()
        raise _Unmet(say("“{element}” was to be refused, but it was completed.", element=act.what))

    def _message(self, act: Act) -> None:
        with self.sessions() as session:
            instance = self._instance(session, act) if act.more.get("of") else None
            correlation = plain(act.more.get("correlate") or {})
            unit = session.get_one(Unit, self.world.unit_id)
            try:
                found = messages.correlate(session, act.what, self._values(session, act), self._actor(session, act), unit=unit,
                                           correlation=correlation, instance=instance)
            except errors.Incident as error:
                main = self._instance(session, act).id
                self._record(session, error, {"verb": "message"}, Actor.system(), instance_id=main)
                raise
            session.commit()
            self.delivered = found is not None
            if found is not None and found.id not in self.instances.values():
                self.instances[f"instance_{len(self.instances) + 1}"] = found.id

    def _job(self, act: Act) -> None:
        with self.sessions() as session:
            query = select(Job).where(Job.kind == "service", Job.element == act.what, Job.state == "owed").order_by(Job.id)
            if act.more.get("of"):
                query = query.where(Job.instance_id == self._instance(session, act).id)
            found = [j for j in session.scalars(query) if self._fits(session, j, act.more.get("where"))]
            if not found:
                raise _Unmet(say("No job “{element}” is owed.", element=act.what))
            job = found[0]
            session.expunge(job)
            try:
                if act.more.get("fail") is not None:
                    raise errors.Incident(Sentence(str(act.more["fail"])), act.what)
                jobs.finish(session, job, Actor.system(), result=plain(act.more.get("result") or {}),
                            error=act.more.get("error"))
            except errors.Incident as error:
                self._record(session, error, {"verb": "job"}, Actor.system(), instance_id=job.instance_id, job_id=job.id)
                raise
            session.commit()

    def _activate(self, act: Act) -> None:
        with self.sessions() as session:
            instance = self._instance(session, act)
            live = instances.load(session, instance)
            tokens = [w.task for w in live.waiting() if w.kind == "adhoc" and live.offers(w.task, act.what)]
            if not tokens:
                raise _Unmet(say("“{element}” cannot be picked now.", element=act.what))
            instances.activate(session, instance, self._actor(session, act), tokens[0], act.what)
            session.commit()

    def _advance(self, act: Act) -> None:
        what = act.what
        if act.verb == "until" or isinstance(what, dict) and "until" in what:
            value = what if act.verb == "until" else what["until"]
            target = moment(value, self.scenario.file, act.line)
            if target < self.hands.at:
                raise ScenarioError(say("{moment} is past already.", moment=target),
                                    where={"file": self.scenario.file, "line": act.line})
            self._move(target)
            return
        by, step = (what.get("by"), what.get("step")) if isinstance(what, dict) else (what, None)
        target = self._later(by, act.line)
        while step is not None and self.hands.at < target:
            self._move(min(self._later(step, act.line), target))
        self._move(target)

    def _later(self, duration: Any, line: int) -> datetime:
        value: datetime | None = feel.to_python(_LATER({"at": feel.to_feel(self.hands.at), "text": str(duration)}))
        if value is None:
            raise ScenarioError(say("“{text}” is no duration such as P7D.", text=duration),
                                where={"file": self.scenario.file, "line": line})
        return value

    def _move(self, target: datetime) -> None:
        """To `target`, stopping wherever a timer is due."""
        for _ in range(MAX_JOBS):
            self._settle()
            with self.sessions() as session:
                due = jobs.next_due(session)
            if due is None or due > target:
                self.hands.move(max(target, self.hands.at))
                return
            self.hands.move(max(due.astimezone(UTC), self.hands.at))
        raise _Unmet(say("More than {count} timers fired.", count=MAX_JOBS))

    def _settle(self) -> None:
        """Works off what is due now, but no service tasks: what they bring is said by `job`."""
        for _ in range(MAX_JOBS):
            with self.sessions() as session:
                due = jobs.due(session, limit=1, services=False)
            if not due:
                break
            self._run_job(due[0])
        else:
            raise _Unmet(say("There is no end of what is due."))
        for act in list(self.later):
            with self.sessions() as session:
                is_open = self._task(session, act) is not None
            if is_open:
                self.later.remove(act)
                self._complete(act)

    def _run_job(self, job_id: int) -> None:
        with self.sessions() as session:
            instance_id = session.scalar(select(Job.instance_id).where(Job.id == job_id))
            try:
                jobs.run(session, job_id)
                session.commit()
            except (errors.Incident, EngineError) as error:
                failure = error if isinstance(error, errors.Incident) else errors.Incident(error.sentence)
                self._record(session, failure, {"verb": "job"}, Actor.system(), instance_id=instance_id, job_id=job_id)
                self.failed = error

    def _record(self, session: Session, error: errors.Incident, act: Mapping[str, Any], actor: Actor, *,
                instance_id: int | None = None, task_id: int | None = None, job_id: int | None = None) -> None:
        session.rollback()
        incidents.record(session, error, act, actor, instance_id=instance_id, task_id=task_id, job_id=job_id,
                         unit_id=self.world.unit_id)
        session.commit()

    # --- after an act ---
    def _attempt(self, line: int, act: Callable[[], None]) -> None:
        """Does an act; what it raises is kept for the expectation after it."""
        self.failed = None
        try:
            act()
            self._settle()
        except _Unmet as error:
            self._fail("expectation", error.sentence, line)
        except (errors.Incident, EngineError) as error:
            if isinstance(error, ScenarioError):
                raise
            self.failed = error

    def _after(self, line: int) -> None:
        if self.failed is not None:
            return
        with self.sessions() as session:
            new = session.scalars(select(Instance.id).where(Instance.id > self.first_id).order_by(Instance.id))
            for identity in new:
                if identity not in self.instances.values():
                    self.instances[f"instance_{len(self.instances) + 1}"] = identity

    def _refuse_failed(self, line: int) -> None:
        if self.failed is not None and not self.told:
            self._fail("incident", say("The step before failed: {reason}", reason=whole(self.failed)), line)
        if self.failed is not None:
            self.failed, self.told = None, True

    def _refuse_incidents(self) -> None:
        if self.told:
            return
        with self.sessions() as session:
            found = [i for i in incidents.open_incidents(session, Actor.system()) if i.instance_id in self.instances.values()]
            if found:
                self._fail("incident", say("An incident is open: {reason}", reason=incidents.sentence_of(found[0])))

    def _stop_if_open(self) -> None:
        if self.until_open is None:
            return
        main = self.instances.get("main")
        with self.sessions() as session:
            task = session.scalar(select(Task.id).where(Task.instance_id == main, Task.element == self.until_open,
                                                        Task.state.in_(tasks.OPEN)))
            timer = session.scalar(select(Job.id).where(Job.instance_id == main, Job.element == self.until_open))
        if task is not None or timer is not None:
            raise _Stop

    def _fail(self, kind: str, sentence: Sentence, line: int = 0) -> None:
        if kind == "expectation" and (self.failed is not None or self._has_incident()):
            kind = "incident"
        self.outcome.failure = Failure(kind, sentence, line)
        raise _Stop

    def _has_incident(self) -> bool:
        with self.sessions() as session:
            return any(incidents.of_instance(session, i) for i in self.instances.values())

    # --- expectations ---
    def _expect(self, act: Act) -> None:
        what = act.what
        if set(what) & {"failed", "ended_or_failed", "incidents"} or what.get("state") == "incident":
            self.told = True
        else:
            self._refuse_failed(act.line)
        unmet = self._unmet(act)
        if unmet is not None:
            self._fail("expectation", *unmet)
        self.failed = None

    def _unmet(self, act: Act) -> tuple[Sentence, int] | None:
        """-> the first thing that is not as expected, with its line."""
        what = act.what
        name = str(what.get("of") or "main")
        with self.sessions() as session:
            identity = self.instances.get(name)
            if identity is None and not set(what) <= {"failed", "ended_or_failed", "delivered", "of", "counts"}:
                return say("There is no instance “{name}”.", name=name), act.line
            instance = session.get(Instance, identity) if identity is not None else None
            for key, wanted in what.items():
                if key == "of":
                    continue
                if key in ("variables", "task_variables"):
                    wanted = self._feel(session, wanted, instance)
                seen = self._seen(session, instance, key, wanted)
                if not matches(key, wanted, seen):
                    return say("{key}: expected {wanted}, but saw {seen}. Open: {open}. State: {state}.", key=key,
                               wanted=show(wanted), seen=show(seen), open=show(self._open(session, instance)),
                               state=instance.state if instance is not None else "—"), what.lines.get(key, act.line)
        return None

    def _seen(self, session: Session, instance: Instance | None, key: str, wanted: Any) -> Any:
        if key == "delivered":
            return self.delivered
        if key == "failed":
            return self.failed is not None
        if key == "ended_or_failed":
            return self.failed is not None or (instance is not None and instance.state not in ("running", "suspended"))
        if key == "counts":
            return {element: self._count(session, element) for element in wanted}
        assert instance is not None  # checked by the caller
        if key in ("tasks", "tasks_include", "tasks_exclude"):
            return self._open(session, instance)
        if key == "task_count":
            return len(self._open(session, instance))
        if key == "waiting":
            return [] if instance.ended_at else [w.element for w in instances.load(session, instance).waiting() if w.kind in _WAITS]
        if key == "state":
            return instance.state
        if key == "ended":
            return self._completed(session, instance, ends=True)
        if key in ("completed", "not_completed"):
            return self._completed(session, instance, ends=False)
        if key == "incidents":
            return [i.element for i in incidents.of_instance(session, instance.id)]
        if key == "variables":
            return instances.variables(session, instance)
        return self._task_variables(session, instance, wanted)

    def _open(self, session: Session, instance: Instance | None) -> list[str]:
        return [t.element for t in tasks.open_in(session, instance)] if instance is not None else []

    def _completed(self, session: Session, instance: Instance, *, ends: bool) -> list[str]:
        compiled = definitions.compiled(session, instance.definition_id)
        kinds = {e: place.element.kind for places in compiled.places.values() for e, place in places.items()}
        done = select(HistoryEvent.element).where(HistoryEvent.instance_id == instance.id,
                                                  HistoryEvent.what.in_(("completed", "body_completed")))
        rows = session.scalars(done.order_by(HistoryEvent.line))
        return [e for e in rows if (kinds.get(e) == "endEvent") == ends]

    def _count(self, session: Session, element: str) -> int:
        """Each run of a loop or multi-instance activity counts, its body does not: the history tells the two apart."""
        return session.scalar(select(func.count()).select_from(HistoryEvent).where(
            HistoryEvent.instance_id > self.first_id, HistoryEvent.element == element, HistoryEvent.what == "completed")) or 0

    def _task_variables(self, session: Session, instance: Instance, wanted: Mapping[str, Any]) -> Any:
        seen: dict[str, Any] = {}
        for element, values in wanted.items():
            names = [tasks.context_of(session, t) for t in tasks.open_in(session, instance) if t.element == element]
            fitting = [n for n in names if all(equal(v, n.get(k)) for k, v in values.items())]
            best = (fitting or names or [{}])[0]
            seen[element] = {k: best.get(k) for k in values} if names else None
        return seen

    # --- small things ---
    def _instance(self, session: Session, act: Act) -> Instance:
        name = str(act.more.get("of") or "main")
        if name not in self.instances:
            raise _Unmet(say("There is no instance “{name}”.", name=name))
        return session.get_one(Instance, self.instances[name])

    def _task(self, session: Session, act: Act) -> Task | None:
        found = [t for t in tasks.open_in(session, self._instance(session, act)) if t.element == act.what]
        where = act.more.get("where") or {}
        return next((t for t in found if all(equal(v, tasks.context_of(session, t).get(k)) for k, v in where.items())), None)


    def _fits(self, session: Session, job: Job, where: Mapping[str, Any] | None) -> bool:
        if not where or job.token is None:
            return True
        live = instances.load(session, session.get_one(Instance, job.instance_id))
        if job.part is not None:
            live.fetch(job.part)
        names = live.names(job.token)
        return all(equal(v, names.get(k)) for k, v in where.items())

    def _actor(self, session: Session, act: Act) -> Actor:
        return self.world.actor(session, act.more.get("as"))

    def _values(self, session: Session, act: Act) -> dict[str, Any]:
        instance = session.get(Instance, self.instances.get(str(act.more.get("of") or "main"), 0))
        return dict(plain(self._feel(session, act.more.get("with") or {}, instance)))

    def _feel(self, session: Session, value: Any, about: Task | Instance | None) -> Any:
        """Strings that begin with `=` are FEEL over the variables of the task or instance."""
        if not has_feel(value):
            return value
        names: Mapping[str, Any] = {}
        if isinstance(about, Task):
            names = tasks.context_of(session, about)
        elif about is not None:
            names = instances.variables(session, about)
        evaluator = definitions.compile_pack(self.pack).evaluator
        return evaluated(value, lambda text: evaluator.evaluate(text, names))

    def _tell(self, act: Act) -> None:
        who = f" {act.more['as']}" if act.more.get("as") else ""
        self.outcome.story.append((self.hands.at, f"{act.verb}{who}: {show(act.what)}"))

    def collect(self) -> None:
        with self.sessions() as session:
            rows = session.scalars(select(HistoryEvent.element).where(
                HistoryEvent.instance_id > self.first_id, HistoryEvent.what == "flow").distinct())
            self.outcome.flows = set(rows)
