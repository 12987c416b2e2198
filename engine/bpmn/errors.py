"""What this room refuses: a model with all its problems. Acts that come too late are Conflicts, failures of a model Incidents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from engine.errors import Conflict, EngineError, Incident, ModelRefused, NotFound, Sentence, say

__all__ = ["Conflict", "EngineError", "Flaw", "Incident", "NotFound", "Problem", "Refused", "Report", "say"]


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
    """A model is refused: `sentence` and `where` speak of the first problem, `problems` has all, in the order of the files."""

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


class Report:
    """The problems of one file, as they are found. `lines`: where its elements are."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[str, int] = {}
        self.problems: list[Problem] = []
        self.broken: set[str] = set()       # elements with a problem: what follows from it is not told as well

    def add(self, flaw: Flaw) -> None:
        """One more; the same sentence about the same element is told once."""
        line = flaw.line or self.lines.get(flaw.element or "", 0)
        problem = Problem(flaw.sentence, self.file, line, flaw.element)
        if all(str(problem) != str(other) for other in self.problems):
            self.problems.append(problem)
        if flaw.element is not None:
            self.broken.add(flaw.element)

    @contextmanager
    def collecting(self, element: str | None = None) -> Iterator[None]:
        """Inside, a Flaw is noted, by default about `element`, and reading goes on behind."""
        try:
            yield
        except Flaw as flaw:
            self.add(Flaw(flaw.sentence, flaw.element or element, flaw.line))
