"""BPMN, executed: compile models once, run any number of instances of them. The only room that knows SpiffWorkflow; see README.md.

    definition = compile({"procedure.bpmn": xml}, evaluator, clock.now)     # Refused: problems by file, line, element
    live = definition.start("yizheng_sanyi", {"title": "楼道粉刷"})          # or definition.load(text)
    live.waiting()                                                          # [Wait(kind, element, task, …)]
    live.complete(task, {"opinions": 42})                                   # Conflict: too late; Incident: the model failed
    live.events, live.outbox, live.state, live.dump()

Verbs of `Live`: complete, job_done, job_failed, deliver, message, signal, set_data, activate, cancel, modify. After an Incident
throw the Live away and load the last good text again. Variables hold values of FEEL (`engine.feel.to_feel`); whatever comes in from
outside is taken as such. `events` and `outbox` grow until the caller takes what is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from SpiffWorkflow.bpmn.specs import event_definitions as events
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition

from engine import clock

from . import nodes
from .catching import definitions
from .elements import Element, SequenceFlow
from .errors import Conflict, Incident, NotFound, Problem, Refused, say
from .live import Live
from .parse import parse
from .timers import first_due
from .tokens import Event, Wait
from .values import decode, encode

__all__ = ["Conflict", "Definition", "Element", "Event", "Incident", "Live", "NotFound", "Problem", "Refused", "SequenceFlow", "Wait",
           "compile", "decode", "encode"]


class Definition:
    """Compiled models: immutable, shared by all instances and threads. `processes`: {process id: Process}."""

    def __init__(self, processes, elements, evaluator, now, resolve):
        self.processes, self.evaluator, self.now, self.resolve = processes, evaluator, now, resolve
        self._elements = elements
        self.has_conditions = any(isinstance(getattr(s, "event_definition", None), events.ConditionalEventDefinition)
                                  for p in _all(processes.values()) for s in p.task_specs.values())

    def elements(self, process_id: str) -> dict[str, Element]:
        """-> {id: Element} of a process, itself first, its nodes at any depth in the order of the file. NotFound."""
        self._process(process_id)
        return self._elements[process_id]

    def start_events(self, process_id: str):
        """-> the start events, to subscribe messages, signals and timers. NotFound."""
        return [s for s in self._process(process_id).starts() if isinstance(s, nodes.StartEvent)]

    def start_waits(self, process_id: str) -> list[Wait]:
        """-> what the start events of a process wait for: messages, signals, timers (with the moment of the first one). NotFound."""
        found = []
        for start in self.start_events(process_id):
            for what in definitions(start):
                if isinstance(what, TimerEventDefinition):
                    due = first_due(what, lambda text: self.evaluator.evaluate(text, {}), self.now())[0]
                    found.append(Wait("timer", start.name, 0, (), {}, None, due))
                elif isinstance(what, events.MessageEventDefinition | events.SignalEventDefinition):
                    kind = "message" if isinstance(what, events.MessageEventDefinition) else "signal"
                    found.append(Wait(kind, start.name, 0, (), {}, what.name))
        return found

    def start(self, process_id: str, data: Mapping | None = None, start_event: str | None = None) -> Live:
        """-> a new instance that has run to its first waits. NotFound; Conflict where the start event must be named."""
        process = self._process(process_id)
        starts = self.start_events(process_id)
        if start_event is not None:
            chosen = next((s for s in starts if s.name == start_event), None)
            if chosen is None:
                raise NotFound(say("There is no start event {element}.", element=start_event), where={"element": start_event})
        else:
            none = [s for s in starts if isinstance(s.event_definition, events.NoneEventDefinition)]
            if starts and len(none) != 1:
                raise Conflict(say("The process {process} has {count} start events without an event: say which one to start at.",
                                   process=process_id, count=len(none)), where={"element": process_id})
            chosen = none[0] if none else None
        return Live(self, process).begin(data or {}, chosen)

    def load(self, text: str, names: Mapping[str, str] | None = None, apart=None) -> Live:
        """-> the instance whose state `text` is (see state.py). `names`: element ids of an older version → this one's."""
        return Live.load(self, text, names, apart)

    def _process(self, process_id):
        if process_id not in self.processes:
            raise NotFound(say("There is no process {process}.", process=process_id), where={"element": process_id})
        return self.processes[process_id]


def _all(processes):
    for p in processes:
        yield p
        yield from _all(s.inner for s in p.task_specs.values() if s.inner is not None)


def compile(models: Mapping[str, bytes], evaluator, now: Callable[[], datetime] = clock.now, resolve=None) -> Definition:
    """-> Definition of `models` {file name: XML}. Refused with every problem found, where a model asks for what is not supported."""
    processes, elements = parse(models)
    return Definition(processes, elements, evaluator, now, resolve)
