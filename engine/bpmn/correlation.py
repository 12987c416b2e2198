"""Which instance a message is for: correlation keys (8.4.2), and the shorter `correlationKey` on what receives it.

A message fits what waits when it brings along every value that is wanted, in its correlation or else in its payload. What the
sender names beyond that must equal the variables of the receiver.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .values import plain

if TYPE_CHECKING:
    from .live import Live
    from .nodes import Node
    from .tokens import Token


@dataclass(frozen=True)
class Correlations:
    """What a file says about correlation: `paths` {message name: {property: FEEL over the payload}}, `bindings`
    {property: FEEL over the variables of the process}."""

    paths: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    bindings: Mapping[str, str] = field(default_factory=dict)


def wanted(token: Token, catcher: Node, definition: Any) -> dict[str, Any]:
    """-> the values which a message must bring along to be received here."""
    live, found = token.live, {}
    if catcher.correlation is not None:
        found[catcher.correlation] = live.evaluate(catcher.correlation, token.names(), catcher)
    correlations, fixed = catcher.scope.correlations, live.root.internal_data.get("key", {})
    for name in correlations.paths.get(definition.name, ()):
        if name in correlations.bindings:
            found[name] = live.evaluate(correlations.bindings[name], token.names(), catcher)
        elif name in fixed:
            found[name] = fixed[name]
    return found


def sent(token: Token, definition: Any) -> dict[str, Any]:
    """-> the values that a thrown message brings along. The first one fixes them for the instance."""
    node, live = token.task_spec, token.live
    found = {name: live.evaluate(path, token.names(), node)
             for name, path in node.scope.correlations.paths.get(definition.name, {}).items()}
    _fix(live, found)
    if node.correlation is not None:
        found[node.correlation] = live.evaluate(node.correlation, token.names(), node)
    return found


def received(live: Live, catcher: Node, name: str, payload: Mapping[str, Any] | None) -> None:
    """The first message received fixes the values of the instance, too."""
    paths = catcher.scope.correlations.paths.get(name, {})
    _fix(live, {key: live.evaluate(path, payload or {}, catcher) for key, path in paths.items()})


def _fix(live: Live, values: Mapping[str, Any]) -> None:
    if values:
        live.root.internal_data["key"] = {**values, **live.root.internal_data.get("key", {})}


def fits(token: Token, catcher: Node, definition: Any, payload: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """-> whether this message is for the one who waits here."""
    live, expected = token.live, wanted(token, catcher, definition)
    paths = catcher.scope.correlations.paths.get(definition.name, {})
    for name, value in expected.items():
        if name in given:
            brought = plain(given[name])
        else:
            brought = live.evaluate(paths[name], payload, catcher) if name in paths else payload.get(name)
        if brought is None or brought != value:
            return False
    names = token.names()
    return all(names.get(name) == plain(value) for name, value in given.items() if name not in expected)
