"""A state that another version of the model has made: its names change, what the new version adds is armed, what it lacks is
dropped; where work would be lost, it is refused with the element."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import catching, nodes
from .errors import Conflict, say

if TYPE_CHECKING:
    from .live import Live
    from .tokens import Token


def renamed(row: list[Any], names: Mapping[str, str]) -> list[Any]:
    """-> the row of a state with the new ids, also inside its internal data."""
    task, parent, element, code, *rest = row
    if len(rest) > 1:
        rest = [rest[0], {key: _renamed(key, value, names) for key, value in rest[1].items()}]
    return [task, parent, names.get(element, element), code, *rest]


def _renamed(key: str, value: Any, names: Mapping[str, str]) -> Any:
    def new(name: str) -> str:
        return names.get(name, name)

    match key:
        case "j":
            return {new(node): {new(flow): n for flow, n in waiting.items()} for node, waiting in value.items()}
        case "reset" if isinstance(value, dict):
            return {new(node): [new(flow) for flow in flows] for node, flows in value.items()}
        case "due" | "cond":
            return {new(name): inner for name, inner in value.items()}
        case "got":
            return {new(name): [new(e) if isinstance(e, str) else e for e in come] for name, come in value.items()}
        case "comp" | "todo":
            return [[new(name), data, inner and _renamed("comp", inner, names), body] for name, data, inner, body in value]
    return value


def refusal(node: nodes.Node | None, element: str) -> Conflict:
    """-> why a token cannot stand on this element."""
    if node is None:
        return Conflict(say("Work stands at {element}, which the new version lacks: map it to another element, or finish it "
                            "first.", element=element), where={"element": element})
    return Conflict(say("Work stands at {element}, which is a {kind} in the new version and was something else: map it to an "
                        "element of the same kind.", element=element, kind=node.kind), where={"element": element})


def adopt(live: Live) -> None:
    """Makes a loaded state agree with the model: what is new is armed and what is gone is dropped. Conflict where tokens wait
    at a join that the new version lacks, or where a loop has become none."""
    for token in list(live.tokens.values()):
        _check_loop(token)
        _check_joins(token)
        _check_done_work(token)
        _arm(live, token)


def _check_loop(token: Token) -> None:
    node, internal = token.task_spec, token.internal_data
    if "i" in internal or node.is_root:
        return
    if ("mi" in internal) != (node.loop is not None) and "for" not in internal:
        raise Conflict(say("{element} is repeated in one of the versions and not in the other: finish it first.",
                           element=node.name), where={"element": node.name})
    state = internal.get("mi", {})
    sequential = getattr(node.loop, "sequential", None)
    if "mi" in internal and (("n" in state) != (sequential is not None) or (state.get("n", 0) > 1 and bool(sequential) !=
                             (len(token.children) + state["done"] + state["gone"] < state["n"]))):
        raise Conflict(say("{element} is repeated in another way in the new version: finish it first.", element=node.name),
                       where={"element": node.name})


def _check_joins(token: Token) -> None:
    for key in ("j", "reset"):
        held = token.internal_data.get(key)
        for name, flows in held.items() if isinstance(held, dict) else ():
            inner = token.task_spec.inner
            node = inner.task_specs.get(name) if inner is not None else None
            into = {f.id for s in inner.task_specs.values() for f in s.flows if f.target == name} if inner is not None else set()
            if node is None or name not in node.scope.counts or not set(flows) <= into:
                raise Conflict(say("Tokens wait at {element}, where the new version has no such join: finish the work before it "
                                   "first.", element=name), where={"element": name})


def _check_done_work(token: Token) -> None:
    """Done work that the new version cannot undo any more is forgotten; if its activity is gone, somebody must decide."""
    for key in ("comp", "todo"):
        if key in token.internal_data:
            scope = token if key == "comp" else token.live.tokens[token.internal_data["in"]]
            token.internal_data[key] = _kept(token.internal_data[key], scope.task_spec.inner)
            if key == "comp" and not token.internal_data[key]:
                del token.internal_data[key]


def _kept(records: list[Any], inner: nodes.Process | None) -> list[Any]:
    kept = []
    for name, data, done, body in records:
        node = inner.task_specs.get(name) if inner is not None else None
        if node is None:
            raise Conflict(say("{element} is done and can be undone, but the new version lacks it.", element=name),
                           where={"element": name})
        done = None if node.handler else _kept(done or [], node.inner)
        if node.handler or done:
            kept.append([name, data, done, body])
    return kept


def _arm(live: Live, token: Token) -> None:
    """Timers and conditions that the token does not know are new; those it knows beyond the model's are gone."""
    live_now = {c.name: c for c in catching.catchers(token)}
    for key in ("due", "cond"):
        armed = token.internal_data.get(key)
        for name in set(armed or ()) - set(live_now):
            del armed[name]             # type: ignore[union-attr]
        if armed is not None and not armed:
            del token.internal_data[key]
    for name, catcher in live_now.items():
        if any(name in token.internal_data.get(key, ()) for key in ("due", "cond")):
            continue
        if catching.arm_one(live, token, catcher):
            catching.soon(live, token, catcher)
