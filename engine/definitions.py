"""Deployed versions of a procedure, compiled once per process and shared by all their instances."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.orm import Session

from . import bpmn, clock, decisions, forms, packs
from .errors import NotFound, say
from .models import Deployment, DeploymentFile, ProcessDefinition

_KEPT = 64
_compiled: OrderedDict[str, Compiled] = OrderedDict()  # by the content of the pack
# By the number of the definition, for each database: a scenario's own in memory has the same numbers.
_definitions: WeakKeyDictionary[Any, OrderedDict[int, Compiled]] = WeakKeyDictionary()
_lock = threading.Lock()


@dataclass(frozen=True)
class Place:
    """One step of a deployed process as people meet it: its element, and what the model's own attributes say of it.

    `roles` are the keys of the candidate group (the step's own, else the innermost lane's); `form` is the name of the
    form file without its ending; `due`, `assignee` are FEEL.
    """

    process: str
    element: bpmn.Element
    roles: tuple[str, ...]
    stage: str
    kind: str
    form: str
    due: str | None
    assignee: str | None
    topic: str
    minutes: int | None
    law: str
    priority: str | None

    @property
    def name(self) -> str:
        return self.element.name or self.element.id


@dataclass(frozen=True)
class Compiled:
    """A deployment, ready to run. `places`: {process key: {element id: Place}}."""

    pack: packs.Pack
    definition: bpmn.Definition
    evaluator: decisions.Evaluator
    forms: Mapping[str, forms.Form]
    places: Mapping[str, Mapping[str, Place]]

    def place(self, process: str, element: str) -> Place:
        """NotFound where this version has no such step."""
        try:
            return self.places[process][element]
        except KeyError:
            raise NotFound(say("This version of the procedure has no step {element}.", element=element),
                           where={"element": element}) from None

    def process(self, key: str) -> bpmn.Element:
        """-> the process itself as an element, with its documentation and attributes."""
        return self.definition.elements(key)[key]

    def stages(self, process: str) -> tuple[str, ...]:
        """-> the labels of the step line, in order; empty if the process has none."""
        return tuple(str(self.process(process).extensions.get("stages", "")).split())


def compile_pack(pack: packs.Pack) -> Compiled:
    """Compiles models, decisions and forms together; packs of the same content are compiled once in this process.
    ModelRefused with file, line and element where one is not lawful."""
    key = pack.content_hash
    with _lock:
        found = _compiled.get(key)
        if found is not None:
            _compiled.move_to_end(key)
            return found
    functions = clock.feel_functions(pack.parameters.calendar)
    tables = decisions.load_all(pack.decisions, functions=functions)
    evaluator = decisions.Evaluator(tables, functions=functions)
    definition = bpmn.compile(pack.models, evaluator, clock.now)
    compiled_forms = {name: forms.load(data, evaluator, f"{name}.form") for name, data in pack.forms.items()}
    places = {process: _places(definition, process) for process in definition.processes}
    made = Compiled(pack, definition, evaluator, compiled_forms, places)
    with _lock:
        _compiled[key] = made
        while len(_compiled) > _KEPT:
            _compiled.popitem(last=False)
    return made


def compiled(session: Session, definition_id: int) -> Compiled:
    """-> the compiled deployment in which the process definition lies. NotFound."""
    known = _definitions.get(session.get_bind())
    found = known.get(definition_id) if known is not None else None
    if found is not None:
        return found
    deployment = session.execute(select(Deployment.id, Deployment.content_hash)
                                 .join(ProcessDefinition, ProcessDefinition.deployment_id == Deployment.id)
                                 .where(ProcessDefinition.id == definition_id)).one_or_none()
    if deployment is None:
        raise NotFound(say("There is no such version of a procedure."))
    with _lock:
        made = _compiled.get(deployment.content_hash)
    if made is None:
        rows = session.execute(select(DeploymentFile.path, DeploymentFile.content)
                               .where(DeploymentFile.deployment_id == deployment.id)).all()
        made = compile_pack(packs.from_files({path: content for path, content in rows}))
    with _lock:
        known = _definitions.setdefault(session.get_bind(), OrderedDict())
        known[definition_id] = made
        while len(known) > _KEPT:
            known.popitem(last=False)
    return made


def forget() -> None:
    """Forgets which number is which definition: another database may use the same numbers."""
    with _lock:
        _definitions.clear()


def _places(definition: bpmn.Definition, process: str) -> dict[str, Place]:
    elements = definition.elements(process)
    return {key: _place(process, element, elements) for key, element in elements.items()}


def _place(process: str, element: bpmn.Element, elements: Mapping[str, bpmn.Element]) -> Place:
    own: Mapping[str, Any] = element.extensions
    minutes = str(own.get("minutes", ""))
    return Place(
        process=process,
        element=element,
        roles=_roles(element),
        stage=_inherited("stage", element, elements),
        kind=str(own.get("kind", "")),
        form=str(own.get("form") or own.get("formKey") or own.get("formRef") or element.id),
        due=_text(own, "due", "dueDate"),
        assignee=_text(own, "assignee"),
        topic=str(own.get("topic") or element.id),
        minutes=int(minutes) if minutes.isdigit() else None,
        law=str(own.get("law", "")),
        priority=_text(own, "priority"),
    )


def _roles(element: bpmn.Element) -> tuple[str, ...]:
    own = element.extensions.get("role") or element.extensions.get("candidateGroups") or element.lane_role
    return tuple(str(own or "").replace(",", " ").split())


def _inherited(name: str, element: bpmn.Element, elements: Mapping[str, bpmn.Element]) -> str:
    """The attribute of the element, or of the nearest scope around it that has one."""
    around: bpmn.Element | None = element
    while around is not None:
        if around.extensions.get(name):
            return str(around.extensions[name])
        around = elements.get(around.scope) if around.scope else None
    return ""


def _text(own: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = own.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None
