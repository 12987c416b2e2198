"""A running instance: what a caller can ask of it and do with it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

from SpiffWorkflow.bpmn.specs import event_definitions as events

from . import catching, moves, nodes, state
from .correlation import fits, received
from .errors import Conflict, EngineError, Incident, say
from .modify import clear_repeated, place
from .tokens import Event, LiveWorkflow, Thrown, Token, Wait
from .values import plain

if TYPE_CHECKING:
    from . import Definition

Payload = Mapping[str, Any] | None


class Live:
    """The verbs. An act either returns or raises: Conflict when it comes too late or is not possible, Incident when the model
    fails. After an Incident throw the object away and load the stored text again.

    `task` is always a token's id, as `Wait` has it. `instance`: the part in which the token is, if it is kept apart.
    `state`: running, completed, terminated or cancelled. `events` and `outbox` grow until the caller takes them.
    """

    root: Token

    def __init__(self, definition: Definition, process: nodes.Process) -> None:
        self.definition, self.process = definition, process
        self.workflow = LiveWorkflow(self, process)
        self.tokens: dict[int, Token] = self.workflow.tasks
        self.state = "running"
        self.events: list[Event] = []
        self.outbox: list[Thrown] = []
        self.queue: list[Token] = []                # tokens that run next, the last one first
        self.later: deque[tuple[int, Callable[[Live, Token], None]]] = deque()  # acts for when nothing runs any more
        self.next_id = 1
        self.steps = 0                              # tokens made by the act at hand
        self.dirty = False                          # variables have changed: conditions must be looked at
        self.inclusive: set[int] = set()            # scopes in which tokens wait at inclusive or complex joins
        self.apart: state.Apart | None = None       # where instances of parallel bodies are fetched from, see state.py
        self.fetched: dict[int, str] = {}           # what has been fetched
        self.has_all = False                        # everything has been fetched
        self.renamed: Mapping[str, str] | None = None

    # --- what a caller asks -------------------------------------------------------------------------------------------
    def waiting(self) -> list[Wait]:
        """-> all that is waited for, oldest token first."""
        self.fetch()
        return [wait for token in self.tokens.values() for wait in catching.waits(token)]

    def waits(self, tasks: Iterable[int]) -> list[Wait]:
        """-> what these tokens wait for, as far as they are live and not kept apart unread."""
        return [wait for task in tasks if task in self.tokens for wait in catching.waits(self.tokens[task])]

    def part_of(self, task: int) -> int | None:
        """-> the instance of a parallel multi-instance body inside which this token is (the outermost), or None."""
        for above, here in pairwise(self.tokens[task].path()):
            if moves.keeps_apart(self.tokens[above]):
                return here
        return None

    def process_of(self, task: int) -> str:
        """-> the id of the process in which this token is: a called one, or the instance's own."""
        return self.tokens[task].task_spec.process

    def names(self, task: int, instance: int | None = None) -> Mapping[str, Any]:
        """-> the variables that a token sees, nearest scope first."""
        return self._open(task, instance).names()

    def offers(self, task: int, element: str) -> bool:
        """-> whether a person may pick this activity in the ad-hoc sub-process at which the token stands."""
        token = self.tokens.get(task)
        return token is not None and self._offered(token, element) is not None

    @property
    def variables(self) -> dict[str, Any]:
        """The variables of the process."""
        return self.root.data

    def dump(self) -> str:
        """-> the whole state as one text, for `Definition.load`."""
        return state.dump(self)

    def dump_apart(self) -> tuple[str, dict[int, str | None]]:
        """-> (text, changed parts), for `Definition.load(text, apart=parts)`; None = this part is gone."""
        return state.dump_apart(self)

    # --- what a caller does -------------------------------------------------------------------------------------------
    def complete(self, task: int, data: Payload = None, instance: int | None = None) -> Self:
        """A person has done human work, or ends an ad-hoc sub-process."""
        token = self._open(task, instance)
        ad_hoc = isinstance(token.task_spec, nodes.AdHocSubProcess)
        if not token.task_spec.human and not ad_hoc:
            raise _conflict(token, say("{element} is no work for people.", element=token.task_spec.name))
        if ad_hoc and (token.children or "j" in token.internal_data):
            raise _conflict(token, say("Activities of {element} are still open.", element=token.task_spec.name))
        return self._finish(token, data)

    def job_done(self, task: int, data: Payload = None, instance: int | None = None) -> Self:
        """The work that nobody does by hand is done."""
        return self._finish(self._job(task, instance), data)

    def job_failed(self, task: int, code: str, data: Payload = None, instance: int | None = None) -> Self:
        """The work ended in a BPMN error. Incident with the code if nothing catches it."""
        catching.throw_error(self, self._job(task, instance), code, plain(data) if data else None)
        return self._settled()

    def deliver(self, task: int, element: str, payload: Payload = None, instance: int | None = None, event: int = 0) -> Self:
        """The event `element`, which token `task` waits for, has happened (a timer, message, signal or condition). `event`:
        which one of a multiple event."""
        token = self._open(task, instance)
        catcher = next((c for c in catching.catchers(token) if c.name == element), None)
        if catcher is None or event >= len(nodes.definitions(catcher)):
            raise _conflict(token, say("Nobody waits for {element} any more.", element=element))
        self._happen(token, catcher, event, plain(payload) if payload else None)
        return self._settled()

    def message(self, name: str, payload: Payload = None, correlation: Payload = None) -> bool:
        """A message to one receiver in this instance. -> whether there was one. `correlation`, see correlation.py."""
        brought = plain(dict(payload or {}))
        for token, catcher, number in catching.subscriptions(self, events.MessageEventDefinition, name):
            if fits(token, catcher, nodes.definitions(catcher)[number], brought, correlation or {}):
                self._happen(token, catcher, number, brought)
                self._settled()
                return True
        return False

    def signal(self, name: str, payload: Payload = None) -> int:
        """A signal to all in this instance who wait for it. -> how many did."""
        found = catching.signal(self, name, plain(payload) if payload else None)
        self._settled()
        return found

    def set_data(self, values: Mapping[str, Any]) -> Self:
        """Changes variables of the process from outside; conditions are looked at again."""
        self.root.data.update(plain(dict(values)))
        self.dirty = True
        return self._settled()

    def activate(self, task: int, element: str, instance: int | None = None) -> int:
        """A person picks an activity of an ad-hoc sub-process. -> its token's id."""
        token = self._open(task, instance)
        node = self._offered(token, element)
        if node is None:
            raise _conflict(token, say("{element} cannot be picked here.", element=element))
        if node.scope.ad_hoc.sequential and token.children:     # type: ignore[union-attr]
            raise _conflict(token, say("Here one activity follows the other: finish the open one first."))
        new = moves.new_token(self, node, token)
        self.queue.append(new)
        self._settled()
        return new.id

    def cancel(self, task: int | None = None, instance: int | None = None) -> Self:
        """Takes away the whole instance, or one token with all inside; what waited only for it goes on."""
        if task is None:
            moves.cancel_tree(self, self.root)
            self.state = "cancelled"
            return self
        token = self._open(task, instance)
        parent = token.parent
        if parent is None:
            return self.cancel()
        moves.cancel_tree(self, token)
        moves.token_gone(self, parent)
        return self._settled()

    def modify(self, cancel: Iterable[int] = (), start: Iterable[tuple[str, int | None]] = ()) -> Self:
        """Takes tokens away and puts new ones before elements: [(element, scope token or None = where it lies)]. So work is
        sent back. What is repeated leaves no trace: its counts at joins and its records for compensation are cleared."""
        cancelled = [self._open(task) for task in cancel]
        placed = [place(self, element, scope) for element, scope in start]
        for node, scope in placed:
            clear_repeated(scope, node)
        self.queue.extend(moves.new_token(self, node, scope) for node, scope in reversed(placed))
        for token in cancelled:
            parent = token.parent
            if token.id in self.tokens and parent is not None:
                moves.cancel_tree(self, token)
                self.later.append((parent.id, moves.token_gone))
        return self._settled()

    # --- for the elements ---------------------------------------------------------------------------------------------
    def evaluate(self, text: str, names: Mapping[str, Any], node: nodes.Node) -> Any:
        """-> the value of a FEEL expression of this element. Incident where it has none."""
        return self._asked(node, lambda: node.scope.evaluator.evaluate(text, names))

    def condition(self, text: str, names: Mapping[str, Any], node: nodes.Node) -> bool:
        """-> whether a condition holds on which a way depends. Incident when it gives neither true nor false."""
        return bool(self._asked(node, lambda: node.scope.evaluator.condition(text, names)))

    def holds(self, text: str, names: Mapping[str, Any], node: nodes.Node) -> bool:
        """-> whether a condition for which something waits holds by now; null is not yet. Incident for other values."""
        value = self.evaluate(text, names, node)
        if value is not None and not isinstance(value, bool):
            raise Incident(say("The condition {expression} gives {value}, which is neither true nor false.",
                               expression=text, value=value), node.name)
        return value is True

    def execute(self, script: str, names: Mapping[str, Any], node: nodes.Node) -> dict[str, Any]:
        """-> what a script writes."""
        found: dict[str, Any] = self._asked(node, lambda: node.scope.evaluator.execute(script, names))
        return found

    def decide(self, reference: str, names: Mapping[str, Any], node: nodes.Node) -> Any:
        """-> what a decision gives."""
        return self._asked(node, lambda: node.scope.evaluator.decide(reference, names))

    def resolve(self, caller: nodes.Process, key: str, pin: str | None) -> tuple[nodes.Process, str | None] | None:
        """-> the process that is called, and the pin by which it is found again; None if there is none."""
        if pin is None and key in caller.siblings:
            return caller.siblings[key], None
        return self.definition.resolve(key, pin) if self.definition.resolve is not None else None

    def fetch(self, key: int | None = None) -> None:
        """Brings in the part `key` that is kept apart, or all of them."""
        state.fetch(self, key)

    # --- inside -------------------------------------------------------------------------------------------------------
    def _asked(self, node: nodes.Node, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except Incident as incident:
            raise Incident(incident.sentence, node.name, incident.code) from incident
        except (EngineError, ValueError) as error:
            raise Incident(getattr(error, "sentence", None) or str(error), node.name) from error

    def _open(self, task: int, instance: int | None = None) -> Token:
        if task not in self.tokens:
            self.fetch(task if instance is None else instance)
        token = self.tokens.get(task)
        if token is None or self.state != "running":
            raise Conflict(say("This is no longer open."), where={"task": task})
        return token

    def _offered(self, token: Token, element: str) -> nodes.Node | None:
        inner = token.task_spec.inner
        if inner is None or inner.ad_hoc is None or "mi" in token.internal_data or "over" in token.internal_data:
            return None
        node = inner.task_specs.get(element)
        return node if node is not None and node.is_first else None

    def _job(self, task: int, instance: int | None) -> Token:
        token = self._open(task, instance)
        if not token.task_spec.job:
            raise _conflict(token, say("{element} is no job.", element=token.task_spec.name))
        return token

    def _finish(self, token: Token, data: Payload) -> Self:
        if "mi" in token.internal_data:
            raise _conflict(token, say("The instances of {element} are completed one by one.", element=token.task_spec.name))
        if data and token.task_spec.keeps:
            token.data.update(plain(dict(data)))
        elif data:
            token.write(plain(dict(data)))
        token.complete()
        return self._settled()

    def _happen(self, token: Token, catcher: nodes.Node, number: int, payload: Payload) -> None:
        definition = nodes.definitions(catcher)[number]
        if isinstance(definition, events.MessageEventDefinition):
            received(self, catcher, definition.name, payload)
        catching.happen(self, token, catcher, number, payload)

    def _settled(self) -> Self:
        moves.settle(self)
        return self


def _conflict(token: Token, sentence: Any) -> Conflict:
    return Conflict(sentence, where={"element": token.task_spec.name, "task": token.id})
