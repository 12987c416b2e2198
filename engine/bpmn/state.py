"""State as text: one row per live token, nothing of the past; instances of parallel bodies apart if wanted.

    {"p": process, "s": state, "n": next id, "t": [[id, parent, element, code of its kind, data?, internal data?] …]}

A part is the text of one instance of a parallel multi-instance body: its rows; or, when it is done and its output is waited
for, {"body": …, "i": …, "value": …}. Parts are keyed by the id of the instance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from SpiffWorkflow.util.task import TaskState

from . import migration, moves, nodes
from .tokens import Token
from .values import decode, encode

if TYPE_CHECKING:
    from .live import Live

Apart = Mapping[int, str] | Callable[[int | None], Mapping[int, str]]


def dump(live: Live) -> str:
    """-> the whole state as one text."""
    live.fetch()
    return _text(live, [_row(t) for t in live.tokens.values()])


def dump_apart(live: Live) -> tuple[str, dict[int, str | None]]:
    """-> (text, parts): instances of parallel bodies are kept apart, {instance: text, None = gone}, and only those that have
    changed are told. So one of a thousand open instances is completed at the cost of one."""
    rows: list[Any] = []
    apart: dict[int, Any] = {}
    owner: dict[int, int] = {}
    for token in live.tokens.values():
        above = token._parent
        mine = owner.get(above)
        if mine is None and above is not None and moves.keeps_apart(live.tokens[above]):
            mine = token.id
        if mine is not None:
            owner[token.id] = mine
            apart.setdefault(mine, []).append(_row(token))
        elif moves.keeps_apart(token) and token.internal_data["mi"].get("out"):
            mi = token.internal_data["mi"]
            rows.append([*_row(token)[:4], token.data, {**token.internal_data, "mi": {**mi, "out": {}}}])
            apart.update((task, {"body": token.id, "i": i, "value": value}) for i, (task, value) in mi["out"].items())
        else:
            rows.append(_row(token))
    parts: dict[int, str | None] = {key: encode(value) for key, value in apart.items()}
    changed = {key: text for key, text in parts.items() if live.fetched.get(key) != text}
    changed.update((key, None) for key in live.fetched if key not in parts)
    return _text(live, rows), changed


def fill(live: Live, saved: Mapping[str, Any], names: Mapping[str, str] | None, apart: Apart | None) -> None:
    """Puts a stored state into a new Live. `names`, even if empty: it was made by another version of the model, and these are
    the ids that have changed (see migration.py). `apart`, for texts of `dump_apart`: the parts by instance, or a function
    which gives the one it is asked for, or all for None."""
    live.state, live.next_id, live.apart, live.renamed = saved["s"], saved["n"], apart, names
    _read(live, saved["t"])
    if names is not None:
        live.fetch()
        migration.adopt(live)


def fetch(live: Live, key: int | None = None) -> None:
    """Brings in the part `key`, or all of them."""
    apart = live.apart
    if apart is None or live.has_all:
        return
    if callable(apart):
        found = apart(key)
    elif key is None:
        found = apart
    else:
        found = {key: apart[key]} if key in apart else {}
    for part, text in found.items():
        if part not in live.fetched:
            live.fetched[part] = text
            _read(live, decode(text), part)
    live.has_all = key is None


def _read(live: Live, rows: Any, part: int = 0) -> None:
    if isinstance(rows, dict):
        live.tokens[rows["body"]].internal_data["mi"]["out"][rows["i"]] = [part, rows["value"]]
        return
    tokens, workflow, names = live.tokens, live.workflow, live.renamed
    for row in rows:
        if names is not None:
            row = migration.renamed(row, names)
        task, above, element, code, *rest = row
        parent = tokens[above] if above else None
        node = _node(live, parent, element, rest[1] if len(rest) > 1 else {})
        if node is None or node.code != code:
            raise migration.refusal(node, element)
        token = Token(workflow, node, parent, TaskState.STARTED, task)
        if rest:
            token.data = rest[0]
        if len(rest) > 1:
            token.internal_data = internal = rest[1]
            if ("reset" in internal and node.inner is not None) or ("j" in internal and node.inner and node.inner.reach):
                live.inclusive.add(task)
        if parent is None:
            live.root = workflow.task_tree = token


def _node(live: Live, parent: Token | None, element: str, internal: Mapping[str, Any]) -> nodes.Node | None:
    if parent is None:
        return live.process.start
    node = parent.task_spec
    if "mi" in parent.internal_data:
        return node
    if isinstance(node, nodes.CallActivity):
        found = live.resolve(node.scope, element, internal.get("pin"))
        return found[0].start if found is not None else None
    return node.inner.task_specs.get(element) if node.inner is not None else None


def _row(token: Token) -> list[Any]:
    node = token.task_spec
    row = [token.id, token._parent or 0, node.name, node.code]
    if token.internal_data:
        row += [token.data, token.internal_data]
    elif token.data:
        row.append(token.data)
    return row


def _text(live: Live, rows: list[Any]) -> str:
    return encode({"p": live.process.name, "s": live.state, "n": live.next_id, "t": rows})
