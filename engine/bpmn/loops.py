"""Standard loops and multi-instance activities: a body token whose children are the instances.

`internal_data["mi"]` of a body: `done`, `gone` (cancelled from outside), `n` (how many there shall be), `items` (of a
sequential one, those not yet worked on are read from here), `out` ({index: [instance, value]}, in the order of the items).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import catching, moves
from .errors import Incident, say

if TYPE_CHECKING:
    from .tokens import Token


@dataclass(frozen=True)
class StandardLoop:
    """While the condition holds, at most `maximum` times; asked `before` each turn or after it."""

    condition: str | None
    maximum: int | None
    before: bool

    def begin(self, token: Token) -> bool | None:
        token.internal_data["mi"] = {"done": 0}
        if self.maximum == 0 or (self.before and not self._again(token, {"loopCounter": 0})):
            return True
        moves.instances(token.live, token, 0, [{"loopCounter": 0}])
        return None

    def child_done(self, token: Token, child: Token) -> None:
        state = token.internal_data["mi"]
        state["done"] += 1
        names = {"loopCounter": state["done"]}
        enough = self.maximum is not None and state["done"] >= self.maximum
        again = not enough and self._again(child, names)
        moves.remove(token.live, child)
        if again:
            moves.instances(token.live, token, state["done"], [names])
        else:
            token.complete()

    def child_gone(self, token: Token) -> None:
        token.complete()

    def _again(self, token: Token, extra: dict[str, Any]) -> bool:
        return self.condition is None or token.live.condition(self.condition, token.names(extra), token.task_spec)


@dataclass(frozen=True)
class Behavior:
    """What a multi-instance activity throws when an instance is done: with each (`None`), with the first (`One`), or where a
    condition holds (`Complex`): [(condition, event)]."""

    kind: str
    throws: tuple[tuple[str | None, Any], ...]


@dataclass(frozen=True)
class MultiInstance:
    """As many instances as `cardinality` says, or one for each item of `collection`; at once or one after the other."""

    sequential: bool
    cardinality: str | None
    collection: str | None
    item: str | None
    output: str | None
    output_item: str | None
    condition: str | None
    behavior: Behavior | None = None
    output_value: str | None = None     # FEEL, instead of output_item

    def begin(self, token: Token) -> bool | None:
        live, node = token.live, token.task_spec
        state: dict[str, Any] = {"done": 0, "gone": 0}
        token.internal_data["mi"] = state
        items: list[Any] | None = None
        if self.collection is not None:
            items = live.evaluate(self.collection, token.names(), node)
            if not isinstance(items, list):
                raise Incident(say("{expression} is no list: there must be one instance for each item.",
                                   expression=self.collection), node.name)
            state["n"] = len(items)
            if self.sequential and self.item:
                state["items"] = items
        else:
            state["n"] = self._number(live.evaluate(self.cardinality or "", token.names(), node), node.name)
        if self.output:
            state["out"] = {}
        if state["n"] == 0:
            self._write(token)
            return True
        self._begin(token, 0, 1 if self.sequential else state["n"], items)
        return None

    def _number(self, value: Any, element: str) -> int:
        if isinstance(value, bool) or not hasattr(value, "__int__") or value != int(value) or value < 0:
            raise Incident(say("{expression} gives {value}, which is no number of instances.",
                               expression=self.cardinality, value=value), element)
        if value > moves.MAX_STEPS:
            raise Incident(say("{value} instances are more than the {count} steps that one act may take.", value=value,
                               count=moves.MAX_STEPS), element)
        return int(value)

    def _begin(self, token: Token, first: int, count: int, items: list[Any] | None) -> None:
        moves.instances(token.live, token, first, [self._own(i, items) for i in range(first, first + count)])

    def _own(self, i: int, items: list[Any] | None) -> dict[str, Any]:
        local: dict[str, Any] = {"loopCounter": i}
        if self.item and items is not None:
            local[self.item] = items[i]
        if self.output_item and self.output_item not in local:
            local[self.output_item] = None      # declared here, so that an instance's result stays its own
        return local

    def child_done(self, token: Token, child: Token) -> None:
        live, state = token.live, token.internal_data["mi"]
        state["done"] += 1
        if self.output:
            state["out"][str(child.internal_data["i"])] = [child.id, self._output(child)]
        names = child.names(self._counts(state))
        enough = self.condition is not None and live.holds(self.condition, names, token.task_spec)
        if self.behavior is not None:
            self._throw(child, names, first=state["done"] == 1)
            if child.id not in live.tokens:
                return                          # what was thrown has ended the activity
        moves.remove(live, child)
        if enough:
            live.fetch()
            for other in reversed(token.children):
                moves.cancel_tree(live, other)
            state["gone"] = state["n"] - state["done"]
        self._go_on(token)

    def child_gone(self, token: Token) -> None:
        token.internal_data["mi"]["gone"] += 1
        self._go_on(token)

    def _go_on(self, token: Token) -> None:
        state = token.internal_data["mi"]
        past = state["done"] + state["gone"]
        if past >= state["n"]:
            self._write(token)
            token.complete()
        elif self.sequential:
            self._begin(token, past, 1, state.get("items"))

    def _output(self, child: Token) -> Any:
        if self.output_value is not None:
            return child.live.evaluate(self.output_value, child.names(), child.task_spec)
        return child.data.get(self.output_item or "")

    def _throw(self, child: Token, names: Any, first: bool) -> None:
        assert self.behavior is not None
        for condition, event in self.behavior.throws:
            wanted = first if self.behavior.kind == "One" else \
                condition is None or child.live.holds(condition, names, child.task_spec)
            if wanted and child.id in child.live.tokens:
                catching.throw(child.live, child, event)

    def _counts(self, state: dict[str, Any]) -> dict[str, Any]:
        past = state["done"] + state["gone"]
        active = 0 if past >= state["n"] else 1 if self.sequential else state["n"] - past
        counts = {"Instances": state["n"], "CompletedInstances": state["done"], "TerminatedInstances": state["gone"],
                  "ActiveInstances": active}
        return {prefix + key: value for key, value in counts.items() for prefix in ("numberOf", "nrOf")}

    def _write(self, token: Token) -> None:
        if self.output:
            token.live.fetch()                  # outputs may have been stored apart, see state.py
            out = token.internal_data["mi"]["out"]
            assert token.parent is not None
            token.parent.write({self.output: [out[k][1] for k in sorted(out, key=int)]})
