"""The live tokens: SpiffWorkflow's Task and Workflow, without its future and its past.

Unlike in SpiffWorkflow the tree holds neither what will be (nothing is predicted) nor what was (what is done is removed at once
and told in `Live.events`). A scope (process, sub-process, called process, event sub-process) is a token whose children are the
tokens inside; its `data` are its variables. A multi-instance body is a token whose children are its instances.
`internal_data` of a token, ours:
  j     joins: {gateway: {incoming flow: tokens that wait there}}      comp  done work that can be compensated: [[node, data, inner]…]
  due   timers: {catching event: [due, left, seconds]}                 cond  conditions: {catching event: last value}
  i     index of an instance in its body      mi  counters of a body    over  an interrupting event sub-process has taken over
  for   the token this compensation handler works for      todo/in  what a compensation has still to undo, and in which scope
"""
from collections import ChainMap
from typing import NamedTuple

from SpiffWorkflow.task import Task
from SpiffWorkflow.workflow import Workflow

from . import nodes


class Event(NamedTuple):
    """One line for the history. what: started, completed, cancelled, flow."""
    what: str
    element: str
    task: int | None
    parent: int | None


class Wait(NamedTuple):
    """kind: task, job, adhoc, timer, message, signal, condition, join. `task` and `element` together name it."""
    kind: str
    element: str
    task: int
    path: tuple
    data: dict
    name: str | None = None
    due: str | None = None
    interrupting: bool = True
    correlation: dict | None = None
    process: str | None = None


class Token(Task):
    def names(self, extra=None):
        """The variables visible here, nearest first, up to the process."""
        maps, token = [extra] if extra else [], self
        while token is not None:
            if token.data:
                maps.append(token.data)
            if isinstance(token.task_spec, nodes.Root):
                break
            token = token.parent
        return maps[0] if len(maps) == 1 else ChainMap(*maps)

    def write(self, values):
        """Each value goes to the nearest token that already has the name, else to the process."""
        if not values:
            return
        for key, value in values.items():
            token = self
            while key not in token.data and not isinstance(token.task_spec, nodes.Root):
                token = token.parent
            token.data[key] = value
        self.workflow.live.dirty = True

    def collect_log_extras(self, dct=None):     # SpiffWorkflow builds this on every state change, logged or not
        return {}


class LiveWorkflow(Workflow):
    """SpiffWorkflow's container of tasks. `deserializing` keeps it from predicting the future."""

    def __init__(self, live, process):
        super().__init__(process, deserializing=True)
        self.live = live

    def _task_completed_notify(self, task):     # the original walks the whole tree after every task
        pass
