"""State as text: one row per live token, nothing of the past; instances of parallel bodies apart if wanted."""
from .values import decode, encode

from SpiffWorkflow.util.task import TaskState

from . import nodes
from .errors import Conflict
from .tokens import Token


class State:
    def dump(self):
        """-> the whole state as one text."""
        self._fetch()
        return self._text([self._row(t) for t in self.tokens.values()])

    def dump_apart(self):
        """-> (text, parts): instances of parallel multi-instance bodies are kept apart, {instance: text, None = gone}, and only
        those that have changed are told. So one of a thousand open instances is completed at the cost of one."""
        rows, parts, owner = [], {}, {}
        for token in self.tokens.values():
            above = token._parent
            mine = owner.get(above)
            if mine is None and above is not None and self._keeps_apart(self.tokens[above]):
                mine = token.id
            if mine is None:
                rows.append(self._row(token))
            else:
                owner[token.id] = mine
                parts.setdefault(mine, []).append(self._row(token))
        parts = {key: self._json(value) for key, value in parts.items()}
        changed = {key: text for key, text in parts.items() if self.fetched.get(key) != text}
        changed.update((key, None) for key in self.fetched if key not in parts)
        return self._text(rows), changed

    @staticmethod
    def _keeps_apart(token):
        return "mi" in token.internal_data and not getattr(token.task_spec.loop, "sequential", True)

    @staticmethod
    def _row(token):
        row = [token.id, token._parent or 0, token.task_spec.name]
        if token.internal_data:
            row += [token.data, token.internal_data]
        elif token.data:
            row.append(token.data)
        return row

    def _text(self, rows):
        return self._json({"p": self.process.name, "s": self.state, "n": self.next_id, "t": rows})

    def _json(self, value):
        return encode(value)

    @classmethod
    def load(cls, definition, text, names=None, apart=None):
        """`names` maps element ids of an older version to this one's (migration). Refused if a token's element is gone.
        `apart`, for texts of dump_apart: a mapping {instance: text}; read one by one, and as a whole when an act needs all."""
        state = decode(text)
        live = cls(definition, definition.processes[state["p"]])
        live.state, live.next_id, live.apart, live._names = state["s"], state["n"], apart, names
        live._rows(state["t"])
        return live

    def _rows(self, rows):
        tokens, workflow, names = self.tokens, self.workflow, self._names
        for row in rows:
            parent = tokens[row[1]] if row[1] else None
            name = row[2] if names is None else names.get(row[2], row[2])
            if parent is None:
                node = self.process.start
            elif "mi" in parent.internal_data:
                node = parent.task_spec
            elif isinstance(parent.task_spec, nodes.CallActivity):
                node = self.definition.processes[name].start
            else:
                node = parent.task_spec.inner.task_specs.get(name)
            if node is None:
                raise Conflict("a token stands on this element, which the new version lacks", where={"element": row[2]})
            token = Token(workflow, node, parent, TaskState.STARTED, row[0])
            if len(row) > 3:
                token.data = row[3]
            if len(row) > 4:
                token.internal_data = row[4]
                if "j" in row[4] and node.inner.reach:
                    self.inclusive.add(row[0])
            if parent is None:
                self.root = workflow.task_tree = token

    def _fetch(self, task=None):
        """Brings in the instance `task` that is kept apart, or all of them."""
        if self.apart is None:
            return
        keys = [task] if task is not None else list(self.apart)
        for key in keys:
            if key not in self.fetched and key in self.apart:
                self.fetched[key] = self.apart[key]
                self._rows(decode(self.apart[key]))
