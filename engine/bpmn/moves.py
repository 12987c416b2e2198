"""How tokens move: along flows, into joins and scopes, out of them, until everything waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from SpiffWorkflow.bpmn.specs import event_definitions as events
from SpiffWorkflow.util.task import TaskState

from . import catching, compensation, correlation, nodes
from .errors import Incident, say
from .tokens import Event, Token
from .values import plain

if TYPE_CHECKING:
    from .live import Live

MAX_DEPTH = 200
MAX_STEPS = 50_000      # tokens one act may make: a loop without a wait must end as an incident, not hang


def begin(live: Live, data: Mapping[str, Any], start: nodes.Node | None) -> None:
    """Puts the first token into a new instance: at `start`, else at all the starts of the process."""
    live.root = live.workflow.task_tree = new_token(live, live.process.start, None)
    live.root._set_state(TaskState.STARTED)
    live.root.data = plain(dict(data))
    if start is not None and isinstance(start.event_definition, events.MessageEventDefinition):
        correlation.received(live, start, start.event_definition.name, live.root.data)
    open_scope(live, live.root, start)
    settle(live)


def open_scope(live: Live, token: Token, start: nodes.Node | None = None) -> None:
    """Begins the inside of a process or sub-process."""
    inner = token.task_spec.inner
    assert inner is not None
    for item in inner.data_objects.values():
        token.data.setdefault(item.bpmn_name or item.bpmn_id, None)
    for sub in inner.event_subprocesses:
        if catching.arm_one(live, token, sub.start_event):
            catching.soon(live, token, sub.start_event)
    if inner.ad_hoc:
        return
    if start is not None and start.instantiates:
        return catching.begin_at(live, token, start)
    first = [start] if start is not None else inner.starts()
    live.queue.extend(new_token(live, node, token) for node in reversed(first))
    if not first:
        live.later.append((token.id, path_ended))


def call(live: Live, token: Token) -> None:
    """Begins the called process inside of a call activity."""
    node: Any = token.task_spec
    called = live.evaluate(node.spec, token.names(), node) if node.dynamic else node.spec
    found = live.resolve(node.scope, called, None) if isinstance(called, str) else None
    if found is None:
        raise Incident(say("The called process {process} is not deployed.", process=called), node.name)
    if len(token.path()) > MAX_DEPTH:
        raise Incident(say("Scopes are nested deeper than {count}: does the process call itself without end?",
                           count=MAX_DEPTH), node.name)
    process, pin = found
    root = new_token(live, process.start, token)
    root._set_state(TaskState.STARTED)
    root.data = mapped(node.into, token) if node.into is not None else dict(token.names())
    if pin is not None:
        root.internal_data["pin"] = pin
    starts = [s for s in process.starts() if isinstance(s.event_definition, events.NoneEventDefinition | None)]
    if not starts:
        raise Incident(say("The called process {process} has no start event without an event.", process=called), node.name)
    open_scope(live, root, starts[0] if isinstance(starts[0], nodes.StartEvent) else None)


def mapped(mappings: Sequence[nodes.Mapping], token: Token, names: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """-> what is handed over: the values of `mappings` as seen from `token`; each one sees those before it."""
    names = token.names() if names is None else names
    out: dict[str, Any] = {}
    for m in mappings:
        if m.source == "*":
            out.update(names)
        else:
            out[m.target] = token.live.evaluate(m.source, names, token.task_spec)
    return out


def instances(live: Live, body: Token, first: int, variables: Sequence[dict[str, Any]]) -> None:
    """Puts new instances of a loop into its body, numbered from `first`, each with its own variables."""
    new = []
    for i, own in enumerate(variables, first):
        token = new_token(live, body.task_spec, body)
        token.internal_data["i"] = i
        token.data = own
        new.append(token)
    live.queue.extend(reversed(new))


def leave(live: Live, token: Token) -> None:
    """A token is done with its element: takes it away and goes on along the flows."""
    node, parent, internal = token.task_spec, token.parent, token.internal_data
    tell(live, "completed", token)
    if parent is None:
        remove(live, token)
        live.state = "terminated" if "end" in internal else "completed"
    elif node.is_root:
        _return(live, token, parent)
    else:
        if node.outputs and "mi" not in internal:
            given = mapped(node.outputs, token)
            if "i" in internal:
                token.data.update(given)        # an instance keeps it, so that its output item can be collected
            else:
                parent.write(given)
        if "mi" not in internal and "for" not in internal and compensation.undoable(node, internal):
            compensation.remember(token, parent)
        if "i" in internal:
            node.loop.child_done(parent, token)     # type: ignore[union-attr]
        elif "for" in internal:
            remove(live, token)
            compensation.handler_done(live, live.tokens[internal["for"]])
        elif not _ad_hoc_ends(live, token, parent):
            flows = node.choose(token)
            remove(live, token)
            take(live, parent, flows, node.gives)


def _return(live: Live, token: Token, call: Token) -> None:
    node: Any = call.task_spec
    given = mapped(node.back, token) if node.back is not None else dict(token.data)
    remove(live, token)
    call.write(given)
    call.complete()


def _ad_hoc_ends(live: Live, token: Token, parent: Token) -> bool:
    ad_hoc = parent.task_spec.inner.ad_hoc      # type: ignore[union-attr]
    if ad_hoc is None or "over" in parent.internal_data or not ad_hoc.condition:
        return False
    if not live.holds(ad_hoc.condition, token.names(), parent.task_spec):
        return False
    parent.internal_data["over"] = 1
    if not ad_hoc.cancel:
        return False                            # what has begun runs out, along its flows
    remove(live, token)
    cancel_children(live, parent)
    path_ended(live, parent)
    return True


def remove(live: Live, token: Token) -> None:
    """Takes a token out of the tree."""
    live.inclusive.discard(token.id)
    if token._parent is None:
        live.tokens.pop(token.id)
    else:
        live.workflow._remove_task(token.id)


def cancel_tree(live: Live, token: Token) -> None:
    """Cancels a token with all inside, innermost first."""
    if keeps_apart(token):
        live.fetch()
    for child in reversed(token.children):
        cancel_tree(live, child)
    tell(live, "cancelled", token)
    token.cancel()
    remove(live, token)


def cancel_children(live: Live, scope: Token, but: Token | None = None) -> None:
    """Cancels all that goes on in a scope."""
    for child in reversed(scope.children):
        if child is not but:
            cancel_tree(live, child)
    for key in ("j", "reset"):
        scope.internal_data.pop(key, None)
    live.inclusive.discard(scope.id)


def keeps_apart(token: Token) -> bool:
    """-> whether this is the body of a parallel multi-instance activity: its instances may be stored apart."""
    return "mi" in token.internal_data and not getattr(token.task_spec.loop, "sequential", True)


def new_token(live: Live, node: nodes.Node, parent: Token | None) -> Token:
    """Puts a token before an element. Incident when the act at hand has made too many."""
    live.steps += 1
    if live.steps > MAX_STEPS:
        raise Incident(say("More than {count} steps without a wait: the model turns in a loop without an end.",
                           count=MAX_STEPS), node.name)
    token = Token(live.workflow, node, parent, TaskState.READY, live.next_id)
    live.next_id += 1
    tell(live, "started", token)
    return token


def tell(live: Live, what: str, token: Token) -> None:
    """One line for the history."""
    node = token.task_spec
    live.events.append(Event(what, node.name, token.id, token._parent, node.process))


def take(live: Live, scope: Token, flows: Sequence[nodes.Flow], copies: int = 1) -> None:
    """Puts tokens on flows, in the order of the file; what lies behind runs depth first."""
    if not flows:
        return path_ended(live, scope)
    specs, new = scope.task_spec.inner.task_specs, []       # type: ignore[union-attr]
    for flow in tuple(flows) * copies:
        live.events.append(Event("flow", flow.id, None, scope.id, specs[flow.target].process))
        token = _enter(live, scope, specs[flow.target], flow.id)
        if token is not None:
            new.append(token)
    live.queue.extend(reversed(new))


def _enter(live: Live, scope: Token, node: nodes.Node, flow: str) -> Token | None:
    if node.name not in node.scope.counts:
        return new_token(live, node, scope)
    waiting = scope.internal_data.setdefault("j", {}).setdefault(node.name, {})
    waiting[flow] = waiting.get(flow, 0) + 1
    if node.needs > 1:
        return _gather(live, scope, node, flow)
    if not isinstance(node, nodes.ParallelGateway):
        live.inclusive.add(scope.id)
        return None
    return join(live, scope, node) if len(waiting) == node.incoming else None


def join(live: Live, scope: Token, node: nodes.Node) -> Token:
    """One token of each incoming flow becomes one token in the gateway."""
    joins = scope.internal_data["j"]
    _keep(scope, node, {flow: n - 1 for flow, n in joins[node.name].items() if n > 1})
    return new_token(live, node, scope)


def _gather(live: Live, scope: Token, node: nodes.Node, flow: str) -> Token | None:
    """An activity with a start quantity takes that many tokens, of whatever flows, the last one's first."""
    waiting = scope.internal_data["j"][node.name]
    if sum(waiting.values()) < node.needs:
        return None
    left, missing = dict(waiting), node.needs
    for name in (flow, *waiting):
        taken = min(left[name], missing)
        left[name] -= taken
        missing -= taken
    _keep(scope, node, {name: n for name, n in left.items() if n})
    return new_token(live, node, scope)


def _keep(scope: Token, node: nodes.Node, left: dict[str, int]) -> None:
    joins = scope.internal_data["j"]
    if left:
        joins[node.name] = left
    else:
        del joins[node.name]
        if not joins:
            del scope.internal_data["j"]


def path_ended(live: Live, scope: Token) -> None:
    """A path in this scope has ended: the scope ends too if that was the last. `settle` closes it, since a chain of nested
    scopes must not recurse."""
    if scope._children or "j" in scope.internal_data:
        return
    ad_hoc = scope.task_spec.inner.ad_hoc       # type: ignore[union-attr]
    open_ended = "over" not in scope.internal_data
    if ad_hoc is not None and open_ended and not (ad_hoc.condition and _holds(live, ad_hoc.condition, scope)):
        return
    live.queue.append(scope)


def _holds(live: Live, condition: str, scope: Token) -> bool:
    return live.holds(condition, scope.names(), scope.task_spec)


def token_gone(live: Live, parent: Token) -> None:
    """A token was taken out of `parent` from outside: what follows."""
    if "mi" in parent.internal_data:
        parent.task_spec.loop.child_gone(parent)        # type: ignore[union-attr]
    else:
        path_ended(live, parent)


def settle(live: Live) -> None:
    """Runs until everything waits. Incident where the model cannot go on."""
    queue, tokens = live.queue, live.tokens
    while True:
        while queue:
            token = queue.pop()
            if token.state == TaskState.READY:
                token.run()
            elif token.state == TaskState.STARTED and token.id in tokens and not token._children and "j" not in token.internal_data:
                token.complete()
        if live.later:
            task, act = live.later.popleft()
            if task in tokens:
                act(live, tokens[task])
        elif not (live.inclusive and _fire_a_join(live)) and not (live.dirty and catching.fire_conditions(live)):
            break
    live.dirty, live.steps = False, 0


def _fire_a_join(live: Live) -> bool:
    """Fires one inclusive or complex join that need not wait any more. -> whether there was one."""
    for scope_id in list(live.inclusive):
        scope = live.tokens.get(scope_id)
        joins = scope.internal_data.get("j", {}) if scope is not None else {}
        reach = scope.task_spec.inner.reach if scope is not None else {}        # type: ignore[union-attr]
        waiting = [name for name in joins if name in reach]
        if scope is not None:
            waiting += [name for name in scope.internal_data.get("reset", ()) if name not in waiting]
        if scope is None or not waiting:
            live.inclusive.discard(scope_id)
            continue
        specs = scope.task_spec.inner.task_specs        # type: ignore[union-attr]
        places = {c.task_spec.name for c in scope.children if "for" not in c.internal_data}
        for name in waiting:
            node = specs[name]
            if isinstance(node, nodes.ComplexGateway):
                token = _complex(live, scope, node, places)
            else:
                token = None if _more_may_come(node, joins[name], places, joins) else join(live, scope, node)
            if token is not None:
                live.queue.append(token)
                return True
        if not places and len(joins) > 1 and all(isinstance(specs[name], nodes.InclusiveGateway) for name in joins):
            raise Incident(say("These gateways wait for each other: {names}.", names=", ".join(joins)), min(joins))
    return False


def _more_may_come(node: nodes.Node, here: Mapping[str, int], places: set[str], joins: Mapping[str, Any]) -> bool:
    """The rule of the inclusive join (13.4.4): whether a token elsewhere can reach an empty flow of the join, and no flow
    which has a token already."""
    reach = node.scope.reach[node.name]
    elsewhere = places | {name for name in joins if name != node.name}
    empty = [sources for flow, sources in reach.items() if flow not in here]
    filled = [reach[flow] for flow in here]
    return any(place in sources for place in elsewhere for sources in empty if not any(place in f for f in filled))


def _complex(live: Live, scope: Token, node: nodes.ComplexGateway, places: set[str]) -> Token | None:
    """The rule of the complex gateway (13.4.5): fires when its condition holds, resets when nothing more can come."""
    joins, reset = scope.internal_data.get("j", {}), scope.internal_data.get("reset", {})
    here = joins.get(node.name, {})
    if node.name not in reset:
        counts = {"activationCount": sum(here.values()), "waitingForStart": True}
        if not live.holds(node.activation or "true", scope.names(counts), node):
            return None
        scope.internal_data.setdefault("reset", {})[node.name] = sorted(here)
        live.inclusive.add(scope.id)
        return join(live, scope, node)
    rest = dict.fromkeys((*reset[node.name], *here), 1)
    if len(rest) < node.incoming and _more_may_come(node, rest, places, joins):
        return None
    first = reset.pop(node.name)
    if not reset:
        del scope.internal_data["reset"]
    if here:        # one token of each flow that had not come before; a second one of the others begins the next round
        left = {flow: n - (flow not in first) for flow, n in here.items()}
        _keep(scope, node, {flow: n for flow, n in left.items() if n})
    token = new_token(live, node, scope)
    token.internal_data["reset"] = 1
    return token
