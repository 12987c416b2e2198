"""What is wrong with a pack, in sentences with file, line and element: all that forbids deployment, and what a careful author
would not leave."""

from __future__ import annotations

from typing import Any

from engine import bpmn, clock, decisions, forms
from engine.errors import EngineError, ModelRefused, Sentence

from ..model import Model, read
from ..pack import Pack, closure
from . import attributes, data, graph
from .case import RANK, Case, Finding, Severity

__all__ = ["RANK", "Case", "Finding", "Severity", "findings_of", "lint"]


def lint(pack: Pack) -> list[Finding]:
    """-> everything that is found wrong with a pack, errors first, then in the order of the files. A pack without errors
    compiles; whether it does what it should is what its scenarios tell."""
    case = Case(pack, [], [], [])
    try:
        case.required = closure(pack)[:-1]
    except ModelRefused as error:
        case.findings += findings_of(error)
    refused = _compile(case)
    for path, content in pack.models.items():
        model = _model(path, content, refused, case)
        if model is not None:
            case.models.append(model)
    for other in case.required:
        case.around += [read(content, path) for path, content in other.models.items()]
    for rules in (graph, attributes, data):
        rules.check(case)
    return _sorted(case.findings)


def findings_of(error: EngineError) -> list[Finding]:
    """-> a refusal as findings: one for each of its problems where it has several."""
    problems = getattr(error, "problems", None)
    if isinstance(problems, list) and problems:
        return [
            Finding(
                "error",
                problem.sentence if isinstance(problem.sentence, Sentence) else Sentence(str(problem.sentence)),
                getattr(problem, "file", "") or error.where.get("file") or "",
                getattr(problem, "line", 0) or 0,
                getattr(problem, "element", None),
            )
            for problem in problems
        ]
    where = error.where
    return [Finding("error", error.sentence, where.get("file") or "", where.get("line") or 0, where.get("element"))]


def _compile(case: Case) -> set[str]:
    """Compiles as deployment does, part by part, so that one bad part does not hide the others; -> the files refused."""
    before = len(case.findings)
    together = [*case.required, case.pack]
    models: dict[str, Any] = {}
    try:
        tables = {path: content for pack in together for path, content in pack.decisions.items()}
        models = decisions.load_all(tables, functions=clock.FEEL_FUNCTIONS)
    except EngineError as error:
        case.findings += findings_of(error)
    case.evaluator = decisions.Evaluator(models, functions=clock.FEEL_FUNCTIONS)
    for name, path in case.pack.form_files.items():
        try:
            forms.load(case.pack.forms[name], case.evaluator, path)
        except EngineError as error:
            case.findings += findings_of(error)
    if case.pack.models:
        try:
            bpmn.compile({path: content for pack in together for path, content in pack.models.items()}, case.evaluator, clock.now)
        except EngineError as error:
            case.findings += findings_of(error)
    return {finding.file for finding in case.findings[before:]}


def _model(path: str, content: bytes, refused: set[str], case: Case) -> Model | None:
    try:
        return read(content, path)
    except ModelRefused as error:
        if path not in refused:
            case.findings += findings_of(error)
        return None


def _sorted(findings: list[Finding]) -> list[Finding]:
    """One error for each element: what compiling refuses is often what a rule says in its own words."""
    kept: dict[tuple[Any, ...], Finding] = {}
    for finding in findings:
        same = finding.severity == "error" and finding.element
        key = (
            (finding.severity, finding.file, finding.element)
            if same
            else (finding.severity, finding.file, finding.line, finding.element, str(finding.sentence))
        )
        kept.setdefault(key, finding)
    return sorted(kept.values(), key=lambda one: (RANK[one.severity], one.file, one.line, one.element or ""))
