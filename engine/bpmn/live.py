"""A running instance: what a caller can ask of it and do with it."""
from itertools import pairwise

from SpiffWorkflow.bpmn.specs import event_definitions as events

from . import nodes
from .catching import Catching
from .compensation import Compensation
from .errors import Conflict, Incident
from .moves import Moves
from .state import State
from .tokens import LiveWorkflow
from .values import plain


class Live(State, Moves, Catching, Compensation):
    """The verbs. An act either returns or raises; after an Incident throw the object away and load the stored text again."""

    def __init__(self, definition, process):
        self.definition, self.process = definition, process
        self.workflow = LiveWorkflow(self, process)
        self.tokens = self.workflow.tasks
        self.state = "running"
        self.events, self.outbox = [], []       # outbox: (message | signal, name, element, variables) for other instances
        self.queue, self.later, self._names = [], [], None
        self.next_id = 1
        self.dirty = False
        self.inclusive = set()                  # scopes in which tokens wait at inclusive joins
        self.apart = None                       # where instances of parallel bodies are fetched from, see load
        self.fetched = {}                       # what has been fetched: {instance: text}

    # --- what a caller does ------------------------------------------------------------------------------------
    def waiting(self):
        self._fetch()
        return self.waits(list(self.tokens))

    def waits(self, tasks):
        """-> what these tokens wait for, as far as they are live and not kept apart unread."""
        return [wait._replace(process=self.process_of(task)) for task in tasks if task in self.tokens
                for wait in self._waits(self.tokens[task])]

    def process_of(self, task):
        """-> the id of the process in which this token is: a called one, or the instance's own."""
        token = self.tokens[task]
        while not isinstance(token.task_spec, nodes.Root):
            token = token.parent
        return token.task_spec.inner.name

    def fetch(self, part):
        """Brings in one instance of a parallel multi-instance body that is kept apart, before something is done in it."""
        self._fetch(part)

    def part_of(self, task):
        """-> the instance of a parallel multi-instance body inside which this token is (the outermost), or None."""
        for above, here in pairwise(self._path(self.tokens[task])):
            if self._keeps_apart(self.tokens[above]):
                return here
        return None

    def complete(self, task, data=None, instance=None):
        """A person has done human work, or ends an ad-hoc sub-process."""
        token = self._open(task, instance)
        if not token.task_spec.human and not isinstance(token.task_spec, nodes.AdHocSubProcess):
            raise Conflict("this is no human task", where={"element": token.task_spec.name})
        if isinstance(token.task_spec, nodes.AdHocSubProcess) and token.children:
            raise Conflict("activities are still open", where={"element": token.task_spec.name})
        return self._finish(token, data)

    def job_done(self, task, data=None, instance=None):
        token = self._open(task, instance)
        if not isinstance(token.task_spec, (nodes.ServiceTask, nodes.SendTask)):
            raise Conflict("this is no job", where={"element": token.task_spec.name})
        return self._finish(token, data)

    def job_failed(self, task, code, data=None, instance=None):
        """The work ended in a BPMN error."""
        token = self._open(task, instance)
        self.throw_error(token, code, data)
        return self._settle()

    def deliver(self, task, element, payload=None, instance=None):
        """The event `element` which token `task` waits for has happened (a timer, message, signal or condition)."""
        token = self._open(task, instance)
        for catcher in self._catchers(token):
            if catcher.name == element:
                self._fire(token, catcher, plain(payload) if payload else None)
                return self._settle()
        raise Conflict("nothing waits here for this event", where={"element": element})

    def message(self, name, payload=None, correlation=None):
        """To one receiver. -> whether there was one."""
        for token, catcher in self._subscriptions(events.MessageEventDefinition, name):
            if correlation and any(token.names().get(k) != v for k, v in correlation.items()):
                continue
            self._fire(token, catcher, payload)
            self._settle()
            return True
        return False

    def signal(self, name, payload=None):
        """To all who wait for it. -> how many did."""
        found = self._signal(name, payload)
        self._settle()
        return found

    def set_data(self, values):
        self.root.data.update(plain(values))
        self.dirty = True
        return self._settle()

    def activate(self, task, element):
        """A person picks an activity of an ad-hoc sub-process. -> its token id."""
        token = self._open(task)
        ad_hoc = isinstance(token.task_spec, nodes.AdHocSubProcess) and token.task_spec.inner.ad_hoc
        node = ad_hoc and token.task_spec.inner.task_specs.get(element)
        if not node or not node.is_first:
            raise Conflict("this activity cannot be picked here", where={"element": element})
        if ad_hoc["sequential"] and token.children:
            raise Conflict("one activity after the other", where={"element": element})
        new = self._token(node, token)
        self.queue.append(new)
        self._settle()
        return new.id

    def cancel(self, task=None):
        """The whole instance, or one token with all inside."""
        if task is None:
            self.cancel_tree(self.root)
            self.state = "cancelled"
            return self
        token = self._open(task)
        parent = token.parent
        self.cancel_tree(token)
        if "mi" in parent.internal_data:
            parent.task_spec.loop.child_gone(parent)
        else:
            self._path_ended(parent)
        return self._settle()

    def modify(self, cancel=(), start=()):
        """Takes tokens away and puts new ones before elements: [(element, scope token or None)]. So work is sent back."""
        for element, scope in start:
            scope = self.root if scope is None else self.tokens[scope]
            node = scope.task_spec.inner.task_specs.get(element)
            if node is None:
                raise Conflict("no such element in this scope", where={"element": element})
            self.queue.append(self._token(node, scope))
        for task in cancel:
            self.cancel_tree(self._open(task))
        return self._settle()

    @property
    def variables(self):
        """The variables of the process."""
        return self.root.data

    def names(self, task):
        """-> the variables which token `task` sees, nearest scope first."""
        return self._open(task).names()

    # --- for the specs and the mixed-in parts --------------------------------------------------------------------
    def evaluate(self, text, names, element):
        try:
            return self.definition.evaluator.evaluate(text, names)
        except Exception as error:
            raise Incident(f"cannot evaluate {text!r}: {error}", element) from error

    def execute(self, text, names, element):
        try:
            return self.definition.evaluator.execute(text, names)
        except Exception as error:
            raise Incident(f"the script failed: {error}", element) from error

    def decide(self, reference, names, element):
        try:
            return self.definition.evaluator.decide(reference, names)
        except Exception as error:
            raise Incident(f"the decision failed: {error}", element) from error

    def _open(self, task, instance=None):
        """`instance`: the part in which the task is, if it is kept apart."""
        if task not in self.tokens:
            self._fetch(task if instance is None else instance)
        token = self.tokens.get(task)
        if token is None or self.state != "running":
            raise Conflict(f"{task} is not open")
        return token

    def _finish(self, token, data):
        if "mi" in token.internal_data:
            raise Conflict("its instances are completed one by one", where={"element": token.task_spec.name})
        token.write(plain(data) if data else None)
        token.complete()
        return self._settle()
