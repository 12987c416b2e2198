"""Runs the scenarios of files and folders, and reports them: for people, as JUnit XML, and which sequence flows were taken."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lxml import etree

from engine import definitions, packs
from engine.errors import EngineError, say

from .reading import Scenario, ScenarioError, read
from .running import Failure, Outcome, run


@dataclass(frozen=True)
class Result:
    """One scenario file's run. `path` as given; `bug` is the text of an error of ours."""

    path: str
    title: str
    failure: Failure | None
    outcome: Outcome | None
    pack: packs.Pack | None
    seconds: float
    bug: str = ""

    @property
    def passed(self) -> bool:
        return self.failure is None and not self.bug


def test(paths: Sequence[Path]) -> Iterator[Result]:
    """Runs every scenario in `paths` (files, or folders searched for *.scenario.yaml), one after the other.
    FileNotFoundError where a path does not exist."""
    read_packs: dict[Path, packs.Pack] = {}
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(path)
        for file in sorted(path.rglob("*.scenario.yaml")) if path.is_dir() else [path]:
            yield run_file(file, read_packs)


def run_file(file: Path, read_packs: dict[Path, packs.Pack] | None = None) -> Result:
    """-> the result of one file, whatever happens. `read_packs` are those read already, by folder."""
    began = time.perf_counter()
    title, outcome, pack, failure, bug = file.name, None, None, None, ""
    try:
        scenario = read(file.read_bytes(), str(file))
        title = scenario.title
        pack = pack_of(scenario, file, read_packs if read_packs is not None else {})
        outcome = run(scenario, pack)
        failure = outcome.failure
    except ScenarioError as error:
        failure = Failure("scenario", error.sentence, int(error.where.get("line") or 0))
    except EngineError as error:
        failure = Failure("refused", error.sentence)
    except Exception as error:  # a bug of ours must not hide the results of the other files
        bug = f"{type(error).__name__}: {error}"
    return Result(str(file), title, failure, outcome, pack, time.perf_counter() - began, bug)


def pack_of(scenario: Scenario, file: Path, read_packs: dict[Path, packs.Pack]) -> packs.Pack:
    """-> the models which a scenario file names, else the pack in whose folder it lies. ScenarioError."""
    if scenario.model is not None:
        places = [(file.parent / name).resolve() for name in (scenario.model, *scenario.also)]
        for place in places:
            if not place.is_file():
                raise ScenarioError(say("There is no file {file}.", file=place.name), where={"file": str(file), "line": 1})
        return packs.from_files({f"{i}/{p.name}" if i else p.name: p.read_bytes() for i, p in enumerate(places)}, name=file.stem)
    for folder in file.resolve().parents:
        if (folder / "pack.yaml").is_file():
            if folder not in read_packs:
                read_packs[folder] = packs.read(folder)
            return read_packs[folder]
    raise ScenarioError(say("Name a model: this file does not lie in a pack."), where={"file": str(file), "line": 1})


def from_pack(pack: packs.Pack, path: str) -> tuple[Scenario, packs.Pack]:
    """-> a scenario of a pack that lies in no folder, and the models it names. ScenarioError."""
    scenario = read(pack.scenarios[path], path)
    if scenario.model is None:
        return scenario, pack
    names = [_inside(path, name) for name in (scenario.model, *scenario.also)]
    missing = [n for n in names if n not in pack.files]
    if missing:
        raise ScenarioError(say("There is no file {file}.", file=missing[0]), where={"file": path, "line": 1})
    return scenario, packs.from_files({n: pack.files[n] for n in names}, name=pack.key)


def _inside(path: str, relative: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath(path).parent / relative).parts:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def coverage(results: Iterable[Result]) -> dict[str, tuple[int, list[str]]]:
    """-> per pack: how many sequence flows it has, and those which no scenario has taken (`file: id`)."""
    taken: dict[str, set[str]] = {}
    found: dict[str, packs.Pack] = {}
    for result in results:
        if result.pack is not None and result.outcome is not None:
            found[result.pack.key] = result.pack
            taken.setdefault(result.pack.key, set()).update(result.outcome.flows)
    report = {}
    for key, pack in found.items():
        definition = definitions.compile_pack(pack).definition
        flows = [(element.file, flow.id) for process in definition.processes
                 for element in definition.elements(process).values() for flow in element.outgoing]
        report[key] = (len(flows), [f"{file}: {flow}" for file, flow in flows if flow not in taken[key]])
    return report


def junit(results: Sequence[Result]) -> bytes:
    """-> JUnit XML: one test case a file."""
    failures, errors = sum(r.failure is not None for r in results), sum(bool(r.bug) for r in results)
    suite = etree.Element("testsuite", name="yishi", tests=str(len(results)), failures=str(failures),
                          errors=str(errors))
    for result in results:
        case = etree.SubElement(suite, "testcase", name=_clean(result.title), file=_clean(result.path), time=f"{result.seconds:.3f}")
        if result.bug:
            etree.SubElement(case, "error", message=_clean(result.bug))
        elif result.failure is not None:
            place = f"line {result.failure.line}: " if result.failure.line else ""
            etree.SubElement(case, "failure", type=result.failure.kind, message=_clean(f"{place}{result.failure.sentence}"))
    root = etree.Element("testsuites")
    root.append(suite)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _clean(text: str) -> str:
    """XML knows no control characters."""
    return "".join(c if c in "\t\n" or c >= " " else "\ufffd" for c in text)

