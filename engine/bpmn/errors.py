"""What this room refuses: a model with all its problems. Acts that come too late are Conflicts, failures of a model Incidents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.errors import Conflict, Incident, ModelRefused, NotFound, Sentence, say

__all__ = ["Conflict", "Flaw", "Incident", "NotFound", "Problem", "Refused", "say"]


class Problem(NamedTuple):
    """One reason why a model is refused, and where: file, line in it (0 if unknown) and BPMN id (None if it is the file)."""

    sentence: Sentence
    file: str
    line: int = 0
    element: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.element}: {self.sentence}" if self.element else f"{place}: {self.sentence}"


class Refused(ModelRefused):
    """A model is refused: `sentence` and `where` speak of the first problem, `problems` has all of them in the order of the files."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        super().__init__(first.sentence, where={"file": first.file, "line": first.line, "element": first.element})
        self.problems = list(problems)

    def __str__(self) -> str:
        return "\n".join(str(p) for p in self.problems)


class Flaw(Exception):
    """Within the reader: one problem, which it collects and reads on."""

    def __init__(self, sentence: Sentence | str, element: str | None = None, line: int = 0) -> None:
        self.sentence = sentence if isinstance(sentence, Sentence) else Sentence(sentence)
        self.element, self.line = element, line
        super().__init__(f"{element}: {self.sentence}" if element else str(self.sentence))
