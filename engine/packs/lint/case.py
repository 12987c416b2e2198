"""What the rules look at and where they write what they find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.errors import Sentence

from ..documents import Table
from ..model import Model, Process, Step
from ..pack import Pack

Severity = Literal["error", "warning", "hint"]
RANK: dict[str, int] = {"error": 0, "warning": 1, "hint": 2}


@dataclass(frozen=True)
class Finding:
    """What is wrong with a pack and where. An error forbids deployment, a warning is worth a look, a hint is taste."""

    severity: Severity
    sentence: Sentence
    file: str = ""
    line: int = 0
    element: str | None = None


@dataclass(eq=False)
class Case:
    """A pack under examination: its models, those of the packs it requires, the evaluator of their decisions."""

    pack: Pack
    required: list[Pack]
    models: list[Model]
    around: list[Model]
    evaluator: Any = None
    stories: dict[str, Table] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def report(self, severity: Severity, sentence: Sentence, file: str, line: int = 0, element: str | None = None) -> None:
        self.findings.append(Finding(severity, sentence, file, line, element))

    def processes(self) -> Iterator[tuple[Model, Process]]:
        """-> the processes of the pack itself."""
        for model in self.models:
            for process in model.processes.values():
                yield model, process

    def steps(self) -> Iterator[tuple[Model, Process, Step]]:
        """-> the steps of the pack itself, at any depth."""
        for model, process in self.processes():
            for step in process.walk():
                yield model, process, step
