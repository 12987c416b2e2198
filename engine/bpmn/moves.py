"""How tokens move: along flows, into joins and scopes, out of them, until everything waits."""
from SpiffWorkflow.bpmn.specs import event_definitions as events
from SpiffWorkflow.util.task import TaskState

from . import nodes
from .errors import Incident
from .tokens import Event, Token
from .values import plain

MAX_DEPTH = 200
MAX_STEPS = 100_000      # nodes one act may run through: a loop without a wait must end as an incident, not hang
CLOSE, UNDO = object(), object()        # in Live.later: end a scope in which nothing happens; begin a compensation


class Moves:
    def begin(self, data, start_event):
        self.root = self.workflow.task_tree = self._token(self.process.start, None)
        self.root._set_state(TaskState.STARTED)
        self.root.data = plain(dict(data))
        self.open_scope(self.root, start_event)
        return self._settle()

    def open_scope(self, token, start_event=None):
        inner = token.task_spec.inner
        for item in inner.data_objects.values():
            token.data.setdefault(item.bpmn_name or item.bpmn_id, None)
        for sub in inner.event_subprocesses:
            if self.arm_one(token, sub.start_event):
                self.soon(token, sub.start_event)
        if inner.ad_hoc:
            return
        first = [start_event] if start_event else inner.starts()
        self.queue.extend(self._token(node, token) for node in reversed(first))
        if not first:
            self.later.append((token.id, CLOSE))

    def call(self, token):
        node = token.task_spec
        called = node.spec
        if called.startswith(("=", "${", "#{")):
            called = self.evaluate(called.lstrip("=$#").strip("{}"), token.names(), node.name)
        process = self.definition.processes.get(called)
        if process is None:
            raise Incident(f"the called process {called} is not deployed", node.name)
        if len(self._path(token)) > MAX_DEPTH:
            raise Incident(f"scopes are nested deeper than {MAX_DEPTH}: does the process call itself without end?", node.name)
        root = self._token(process.start, token)
        root._set_state(TaskState.STARTED)
        root.data = self._mapped(node.into, token)
        starts = [s for s in process.starts() if isinstance(getattr(s, "event_definition", None), (events.NoneEventDefinition, type(None)))]
        if not starts:
            raise Incident(f"the called process {called} has no none start event", node.name)
        self.open_scope(root, starts[0] if isinstance(starts[0], nodes.StartEvent) else None)

    def _mapped(self, mappings, token):
        names, out = token.names(), {}
        if not mappings:
            return dict(names)
        for m in mappings:
            if m.source == "*":
                out.update(names)
            else:
                out[m.target] = self.evaluate(m.source.lstrip("=$#").strip("{}"), names, token.task_spec.name)
        return out

    def instance(self, body, i, local):
        """A new instance of a loop."""
        token = self._token(body.task_spec, body)
        token.internal_data["i"] = i
        token.data = local
        if self.queue and self.queue[-1].parent is body:        # keep the order of the items
            k = len(self.queue)
            while k and self.queue[k - 1].parent is body:
                k -= 1
            self.queue.insert(k, token)
        else:
            self.queue.append(token)

    def leave(self, token):
        """A token is done with its element: take it away and go on along the flows."""
        node, parent, internal = token.task_spec, token.parent, token.internal_data
        self._tell("completed", token)
        if parent is None:
            self.remove(token)
            self.state = "terminated" if "end" in internal else "completed"
            return
        if isinstance(node, nodes.Root):            # a called process returns
            out = self._mapped(parent.task_spec.out, token)
            self.remove(token)
            parent.write(out)
            parent.complete()
            return
        if "mi" not in internal and (node.handler or (node.inner is not None and internal.get("comp"))):
            self._remember(token, parent)
        if "i" in internal:
            node.loop.child_done(parent, token)
            return
        if "for" in internal:
            self.remove(token)
            self._undo_next(self.tokens[internal["for"]])
            return
        ad_hoc = parent.task_spec.inner.ad_hoc
        if ad_hoc and ad_hoc["condition"] and self.evaluate(ad_hoc["condition"], token.names(), parent.task_spec.name):
            self.remove(token)
            if ad_hoc["cancel"]:
                self._cancel_children(parent)
            else:
                parent.internal_data["over"] = 1
            self._path_ended(parent)
            return
        flows = node.choose(token)
        self.remove(token)
        self._take(parent, flows)

    def remove(self, token):
        if token._parent is None:
            self.tokens.pop(token.id)
        else:
            self.workflow._remove_task(token.id)

    def cancel_tree(self, token):
        if self.apart is not None and self._keeps_apart(token):
            self._fetch()
        for child in reversed(token.children):
            self.cancel_tree(child)
        self._tell("cancelled", token)
        token.cancel()
        self.remove(token)

    def _token(self, node, parent):
        token = Token(self.workflow, node, parent, TaskState.FUTURE, self.next_id)
        token._set_state(TaskState.READY)
        self.next_id += 1
        self._tell("started", token)
        return token

    def _tell(self, what, token):
        self.events.append(Event(what, token.task_spec.name, token.id, token._parent))

    def _take(self, scope, flows):
        if not flows:
            return self._path_ended(scope)
        specs, new = scope.task_spec.inner.task_specs, []
        for flow in flows:
            self.events.append(Event("flow", flow.id, None, scope.id))
            token = self._enter(scope, specs[flow.target], flow.id)
            if token is not None:
                new.append(token)
        self.queue.extend(reversed(new))        # depth first, in the order of the file

    def _enter(self, scope, node, flow):
        if node.incoming < 2 or not isinstance(node, (nodes.ParallelGateway, nodes.InclusiveGateway)):
            return self._token(node, scope)
        joins = scope.internal_data.setdefault("j", {})
        waiting = joins.setdefault(node.name, {})
        waiting[flow] = waiting.get(flow, 0) + 1
        if isinstance(node, nodes.InclusiveGateway):
            self.inclusive.add(scope.id)
            return None
        return self._join(scope, node) if len(waiting) == node.incoming else None

    def _join(self, scope, node):
        """One token of each incoming flow becomes one token in the gateway."""
        joins = scope.internal_data["j"]
        left = {flow: n - 1 for flow, n in joins[node.name].items() if n > 1}
        if left:
            joins[node.name] = left
        else:
            del joins[node.name]
            if not joins:
                del scope.internal_data["j"]
        return self._token(node, scope)

    def _path_ended(self, scope):
        if scope._children or scope.internal_data.get("j"):
            return
        if scope.task_spec.inner.ad_hoc and "over" not in scope.internal_data:
            ad_hoc = scope.task_spec.inner.ad_hoc
            if not ad_hoc["condition"] or not self.evaluate(ad_hoc["condition"], scope.names(), scope.task_spec.name):
                return
        self.queue.append(scope)        # closed by _settle: a chain of nested scopes must not recurse

    def _cancel_children(self, scope, but=None):
        for child in reversed(scope.children):
            if child is not but:
                self.cancel_tree(child)
        scope.internal_data.pop("j", None)
        self.inclusive.discard(scope.id)

    def _inclusive_join(self):
        """Fires one inclusive join that need not wait any more, if there is one."""
        for scope_id in list(self.inclusive):
            scope = self.tokens.get(scope_id)
            joins = scope.internal_data.get("j", {}) if scope is not None else {}
            reach = scope.task_spec.inner.reach if scope is not None else {}
            open_joins = [name for name in joins if name in reach]
            if not open_joins:
                self.inclusive.discard(scope_id)
                continue
            places = {c.task_spec.name for c in scope.children if "for" not in c.internal_data}
            for name in open_joins:
                here = joins[name]
                others = places | {j for j in joins if j != name}
                missing = [nodes_ for flow, nodes_ in reach[name].items() if flow not in here]
                mine = [reach[name][flow] for flow in here]
                if not any(p in m for p in others for m in missing if not any(p in h for h in mine)):
                    self.queue.append(self._join(scope, scope.task_spec.inner.task_specs[name]))
                    return True
        return False

    def _settle(self):
        """Runs until everything waits."""
        steps, queue = 0, self.queue
        while True:
            while queue:
                token = queue.pop()
                if token.state == TaskState.READY:
                    token.run()
                    steps += 1
                    if steps > MAX_STEPS:
                        raise Incident(f"more than {MAX_STEPS} steps without a wait", token.task_spec.name)
                elif token.state == TaskState.STARTED and token.id in self.tokens and not token._children and "j" not in token.internal_data:
                    token.complete()
            if self.later:
                task, catcher = self.later.pop(0)
                token = self.tokens.get(task)
                if token is not None and catcher is CLOSE:
                    self._path_ended(token)
                elif token is not None and catcher is UNDO:
                    self._undo_next(token)
                elif token is not None:
                    self._fire(token, catcher, None)
            elif self.inclusive and self._inclusive_join():
                pass
            elif self.dirty and self.definition.has_conditions and self._conditions():
                pass
            else:
                self.dirty = False
                return self
