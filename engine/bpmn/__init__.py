"""BPMN, executed: compile models once, run any number of instances of them. The only room that knows SpiffWorkflow; see README.md.

    definition = compile({"procedure.bpmn": xml}, evaluator, clock.now)     # Refused: problems by file, line, element
    live = definition.start("yizheng_sanyi", {"title": "楼道粉刷"})          # or definition.load(text)
    live.waiting()                                                          # [Wait(kind, element, task, …)]
    live.complete(task, {"opinions": 42})                                   # Conflict: too late; Incident: the model failed
    live.events, live.outbox, live.state, live.dump()

Verbs of `Live`: complete, job_done, job_failed, deliver, message, signal, set_data, activate, cancel, modify. After an Incident
throw the Live away and load the last good text again. Variables hold values of FEEL (`engine.feel.to_feel`); whatever comes in
from outside is taken as such. `events` and `outbox` grow until the caller takes what is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from SpiffWorkflow.bpmn.specs import event_definitions as events
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition

from engine import clock

from . import moves, nodes, state
from .elements import Element, SequenceFlow
from .errors import Conflict, Incident, NotFound, Problem, Refused, say
from .live import Live
from .nodes import Process
from .parse import parse
from .timers import first_due, next_due
from .tokens import Event, Thrown, Wait
from .values import decode, encode

__all__ = ["Conflict", "Definition", "Element", "Event", "Incident", "Live", "NotFound", "Problem", "Process", "Refused",
           "SequenceFlow", "Thrown", "Wait", "compile", "decode", "encode", "next_due"]

Resolve = Callable[[str, str | None], tuple[Process, str] | None]


class Definition:
    """Compiled models: immutable, shared by all instances and threads. `processes`: {process id: Process}."""

    def __init__(self, processes: Mapping[str, Process], elements: Mapping[str, dict[str, Element]], evaluator: Any,
                 now: Callable[[], datetime], resolve: Resolve | None) -> None:
        self.processes, self.evaluator, self.now, self.resolve = processes, evaluator, now, resolve
        self._elements = elements

    def elements(self, process_id: str) -> dict[str, Element]:
        """-> {id: Element} of a process, itself first, its nodes at any depth in the order of the file. NotFound."""
        self._process(process_id)
        return self._elements[process_id]

    def start_events(self, process_id: str) -> list[nodes.Node]:
        """-> where the process can begin: its start events, and receive tasks or events that begin an instance. NotFound."""
        specs = self._process(process_id).task_specs.values()
        return [s for s in specs if isinstance(s, nodes.StartEvent) or
                (s.instantiates and not isinstance(s, nodes.EventBasedGateway))]

    def start_waits(self, process_id: str) -> list[Wait]:
        """-> what begins the process by itself: messages, signals, timers (with the moment of the first one;
        `data["timer"]` is for `next_due`). NotFound."""
        found = []
        for start in self.start_events(process_id):
            for number, what in enumerate(nodes.definitions(start)):
                if isinstance(what, TimerEventDefinition):
                    timer = first_due(what, lambda text: self.evaluator.evaluate(text, {}), self.now(), start)
                    if timer[0] is not None:
                        found.append(Wait("timer", start.name, 0, (), {"timer": timer}, None, timer[0], process=process_id,
                                          event=number))
                elif isinstance(what, events.MessageEventDefinition | events.SignalEventDefinition):
                    kind = "message" if isinstance(what, events.MessageEventDefinition) else "signal"
                    found.append(Wait(kind, start.name, 0, (), {}, what.name, process=process_id, event=number))
        return found

    def start(self, process_id: str, data: Mapping[str, Any] | None = None, start_event: str | None = None) -> Live:
        """-> a new instance that has run to its first waits. `data`: variables, or what the event at which it starts brings.
        NotFound; Conflict where the start event must be named; Incident."""
        process = self._process(process_id)
        live = Live(self, process)
        moves.begin(live, data or {}, self._chosen(process_id, start_event))
        return live

    def load(self, text: str, names: Mapping[str, str] | None = None, apart: state.Apart | None = None) -> Live:
        """-> the instance whose state is `text` (see state.py).

        `names`, even if empty, says that another version of the model has made it: {its id: id here}, of elements, flows and
        processes. What the new version adds is armed, what it lacks is dropped; Conflict where work stands on an element that
        is missing or of another kind. `apart`, for texts of `dump_apart`: the parts by instance, or a function which gives
        the one it is asked for, or all for None.
        """
        saved = decode(text)
        key = saved["p"] if names is None else names.get(saved["p"], saved["p"])
        live = Live(self, self._process(key))
        state.fill(live, saved, names, apart)
        return live

    def correlation(self, message: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """-> the values by which BPMN's correlation properties tell whom a message is for, read from its payload."""
        found = {}
        for process in self.processes.values():
            for name, path in process.correlations.paths.get(message, {}).items():
                found[name] = process.evaluator.evaluate(path, payload)
        return {name: value for name, value in found.items() if value is not None}

    def _chosen(self, process_id: str, start_event: str | None) -> nodes.Node | None:
        starts = self.start_events(process_id)
        if start_event is not None:
            chosen = next((s for s in starts if s.name == start_event), None)
            if chosen is None:
                raise NotFound(say("There is no start event {element}.", element=start_event), where={"element": start_event})
            return chosen
        none = [s for s in starts if isinstance(s.event_definition, events.NoneEventDefinition)]
        if starts and len(none) != 1:
            raise Conflict(say("The process {process} has {count} start events without an event: say which one to start at.",
                               process=process_id, count=len(none)), where={"element": process_id})
        return none[0] if none else None

    def _process(self, process_id: str) -> Process:
        if process_id not in self.processes:
            raise NotFound(say("There is no process {process}.", process=process_id), where={"element": process_id})
        return self.processes[process_id]


def compile(models: Mapping[str, bytes], evaluator: Any, now: Callable[[], datetime] = clock.now,
            resolve: Resolve | None = None) -> Definition:
    """-> Definition of `models` {file name: XML}. Refused with every problem found, where a model asks for what is not
    supported.

    `evaluator` is an `engine.decisions.Evaluator`; every expression, script and decision is checked with it. `resolve(key, pin)`
    finds called processes that are in none of the files: with the pin None the version in force, and a text by which the
    same one is found again when the instance is loaded; None if there is none.
    """
    processes, elements = parse(models, evaluator)
    return Definition(processes, elements, evaluator, now, resolve)
