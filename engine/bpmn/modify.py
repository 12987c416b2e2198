"""Sending work back and moving tokens: where a token may be put, and what it makes untrue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import Conflict, say

if TYPE_CHECKING:
    from .live import Live
    from .nodes import Node, Process
    from .tokens import Token


def place(live: Live, element: str, scope: int | None) -> tuple[Node, Token]:
    """-> the element, and the live scope in which a token is put before it. Conflict if there is none, or more than one."""
    live.fetch()
    found = [t for t in live.tokens.values() if (t.id == scope if scope is not None else True) and _holds(t, element)]
    if len(found) != 1:
        sentence = say("No open scope has the element {element}.", element=element) if not found else say(
            "{element} lies in {count} open scopes: say in which one.", element=element, count=len(found))
        raise Conflict(sentence, where={"element": element})
    inner = found[0].task_spec.inner
    assert inner is not None
    return inner.task_specs[element], found[0]


def _holds(token: Token, element: str) -> bool:
    inner = token.task_spec.inner
    if inner is None or "mi" in token.internal_data or "todo" in token.internal_data:
        return False
    node = inner.task_specs.get(element)
    return node is not None and not node.is_handler and node.kind not in ("startEvent", "boundaryEvent") and node.code != "!"


def clear_repeated(scope: Token, node: Node) -> None:
    """Clears what a repetition from `node` on would count twice: tokens that have come from there to a join, and what was done
    there and can be undone."""
    inner, internal = scope.task_spec.inner, scope.internal_data
    assert inner is not None
    joins = internal.get("j", {})
    for name in list(joins):
        before = inner.reach_of(name)
        left = {} if name == node.name else {flow: n for flow, n in joins[name].items() if node.name not in before[flow]}
        joins[name] = left
        if not left:
            del joins[name]
    if not joins:
        internal.pop("j", None)
    again = _after(inner, node)
    internal["comp"] = [record for record in internal.get("comp", ()) if record[0] not in again]
    if not internal["comp"]:
        del internal["comp"]


def _after(process: Process, node: Node) -> set[str]:
    """-> the elements that can be reached from `node`, itself included."""
    seen, stack = {node.name}, [node.name]
    while stack:
        spec = process.task_specs[stack.pop()]
        for name in (*(f.target for f in spec.flows), *(b.name for b in spec.boundaries)):
            if name not in seen:
                seen.add(name)
                stack.append(name)
    return seen
