"""The live tokens: SpiffWorkflow's Task and Workflow, without its future and its past; and what is told of them.

Unlike in SpiffWorkflow the tree holds neither what will be (nothing is predicted) nor what was (what is done is removed at
once and told in `Live.events`). A scope (process, sub-process, called process, event sub-process) is a token whose children
are the tokens inside; its `data` are its variables. A multi-instance body is a token whose children are its instances.
Between two steps every token is STARTED. `internal_data` of a token has these keys and no others:

| key | of | what |
|---|---|---|
| `j` | scope | tokens that wait at joins: {node: {incoming flow: how many}} |
| `reset` | scope | complex gateways that have fired and wait for the rest: {gateway: [flows they took]} |
| `comp` | scope | done work that can be compensated, oldest first: [[activity, data, what was done inside, parallel body]…] |
| `over` | scope | 1: an interrupting event sub-process has taken over, or an ad-hoc sub-process only runs out |
| `end` | root | 1: ended by a terminate event |
| `key` | root | values of correlation properties, fixed by the first message |
| `pin` | called process | which version was called, see `resolve` in `compile` |
| `due` | waiting | timers: {catching event: [due, how often after that, interval] or null when it is used up} |
| `cond` | waiting | conditions: {catching event: last value} |
| `got` | waiting | parallel multiple events: {catching event: [which of its events have come]} |
| `mi` | body | counters, items and outputs, see loops.py; `watch` in it: a condition is armed inside |
| `i` | instance | its place in the body, from 0 |
| `todo`, `in` | compensating | what is still to be undone, and the token of the scope in which |
| `open` | compensating | how many handlers work for it, if several |
| `cancel` | compensating | 1: the cancel event of the transaction follows |
| `for` | handler | the token for which this compensation handler works |
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, NamedTuple

from SpiffWorkflow.task import Task
from SpiffWorkflow.workflow import Workflow

if TYPE_CHECKING:
    from .live import Live
    from .nodes import Node, Process


class Event(NamedTuple):
    """One line for the history. `what`: started, completed, cancelled, or flow (then `task` is None, `parent` the scope)."""

    what: str
    element: str
    task: int | None
    parent: int | None
    process: str


class Wait(NamedTuple):
    """One thing that is waited for; `task`, `element` and `event` together name it.

    `kind`: task (a person), job, adhoc (a person picks activities), timer, message, signal, condition, join (tokens wait for
    others). `path`: the tokens from the root to this one. `data`: the token's own variables. `name`: of the task, message or
    signal, or the condition. `due`: of a timer, ISO 8601. `correlation`: what a message must bring along. `process`: key of
    the process to which the element belongs. `event`: which of the events of a multiple event, from 0.
    """

    kind: str
    element: str
    task: int
    path: tuple[int, ...]
    data: Mapping[str, Any]
    name: str | None = None
    due: str | None = None
    interrupting: bool = True
    correlation: Mapping[str, Any] | None = None
    process: str | None = None
    event: int = 0


class Thrown(NamedTuple):
    """What goes out to other instances. `kind`: message or signal."""

    kind: str
    name: str
    element: str
    variables: dict[str, Any]
    correlation: dict[str, Any]


class Token(Task):
    """SpiffWorkflow's Task; `id` is a number that is never used again in its instance."""

    id: int
    task_spec: Node
    data: dict[str, Any]
    internal_data: dict[str, Any]
    parent: Token | None
    children: list[Token]

    @property
    def live(self) -> Live:
        live: Live = self.workflow.live
        return live

    def names(self, extra: dict[str, Any] | None = None) -> MutableMapping[str, Any]:
        """-> the variables visible here, nearest first, up to the process; `extra` before them."""
        maps: list[MutableMapping[str, Any]] = [extra] if extra else []
        token: Token | None = self
        while token is not None:
            if token.data:
                maps.append(token.data)
            if token.task_spec.is_root:
                break
            token = token.parent
        return maps[0] if len(maps) == 1 else ChainMap(*maps)

    def write(self, values: Mapping[str, Any] | None) -> None:
        """Each value goes to the nearest token that already has the name, else to the process."""
        if not values:
            return
        for key, value in values.items():
            token = self
            while key not in token.data and not token.task_spec.is_root and token.parent is not None:
                token = token.parent
            token.data[key] = value
        self.live.dirty = True

    def path(self) -> tuple[int, ...]:
        """-> the ids from the root to this token."""
        found: list[int] = []
        token: Token | None = self
        while token is not None:
            found.append(token.id)
            token = token.parent
        return tuple(reversed(found))

    def _set_state(self, value: int) -> None:
        # The original builds the text for its log on every change, logged or not: a quarter of a whole cycle.
        self._state = value


class LiveWorkflow(Workflow):
    """SpiffWorkflow's container of tasks; `deserializing` keeps it from predicting the future."""

    def __init__(self, live: Live, process: Process) -> None:
        super().__init__(process, deserializing=True)
        self.live = live

    def _task_completed_notify(self, task: Task) -> None:
        # The original walks the whole tree after every task.
        pass
