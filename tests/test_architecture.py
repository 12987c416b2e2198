"""The house stands as engine/README.md draws it: who imports whom, who ends transactions, what no room may do."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from tests import third_party

ROOT = Path(__file__).parents[1]
ENDS_TRANSACTIONS = {
    "engine/worker.py": "each due job in a transaction of its own",
    "engine/cli.py": "each command is one transaction",
    "engine/scenario/running.py": "its database lives in memory and no longer than the scenario",
    "engine/scenario/world.py": "the same",
    "engine/demo/building.py": "each invented matter is told in a transaction of its own, before anything is served",
    "engine/database.py": "an upgrade of the tables, before anything is served",
}
RUNS_TEXT: dict[str, str] = {}
"""Where Python's own eval, exec, compile or __import__ is called, and why that cannot be a model's text."""
UNSEEN = {
    "psycopg": "SQLAlchemy's driver for PostgreSQL",
    "tzdata": "the zones of zoneinfo, where the system has none",
    "babel": "compiles the translations",
}
"""What is installed though no module imports it, and why."""
LINES = 700


def modules(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    """Each Python file of the rooms: its path from the root, and its syntax."""
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "node_modules" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def test_each_floor_stands_on_the_ones_below() -> None:
    """The contracts stand in pyproject.toml; what breaks them is printed."""
    broken = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)
    assert not broken


@pytest.mark.parametrize(
    ("library", "room"),
    [
        ("SpiffWorkflow", "engine/bpmn/"),
        ("flask", "web/"),
        ("werkzeug", "web/"),
        ("flask_wtf", "web/"),
        ("flask_babel", "web/"),
        ("flask_limiter", "web/"),
    ],
)
def test_a_library_is_known_to_one_room(library: str, room: str) -> None:
    elsewhere = [
        path
        for path, tree in modules("engine", "web")
        if not path.startswith(room) and any(name.split(".")[0] == library for name in imported(tree))
    ]
    assert elsewhere == []


def test_every_library_we_ask_for_is_used() -> None:
    modules_of: dict[str, set[str]] = {}
    for module, names in packages_distributions().items():
        for name in names:
            modules_of.setdefault(re.sub(r"[-_.]+", "-", name).lower(), set()).add(module)
    used = {name.split(".")[0] for _, tree in modules("engine", "web") for name in imported(tree)}
    asked = [package.name for package in third_party.python_packages() if package.direct]
    assert [name for name in asked if name not in UNSEEN and not modules_of[name] & used] == []


def test_only_entry_points_end_transactions() -> None:
    ending = {
        path
        for path, tree in modules("engine")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"commit", "rollback"}
    }
    assert ending <= set(ENDS_TRANSACTIONS)


def test_no_text_is_run_as_python() -> None:
    found = {path for path, tree in modules("engine", "web") if any(_calls_python(tree))}
    assert found == set(RUNS_TEXT)


def _calls_python(tree: ast.Module) -> Iterator[bool]:
    ours = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)} | {
        alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    running = {"eval", "exec", "compile", "__import__"} - ours
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in running:
            yield True
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == builtins.__name__:
            yield node.attr in {"eval", "exec", "compile", "__import__"}


def test_time_comes_from_the_clock() -> None:
    """Else a scenario could not run under its own."""
    asked = re.compile(r"\b(datetime\.(now|utcnow|today)|date\.today|time\.time)\(")
    found = [
        path
        for path, _ in modules("engine", "web")
        if path != "engine/clock.py" and asked.search((ROOT / path).read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_module_says_what_may_be_found_there() -> None:
    silent = [path for path, tree in modules("engine", "web", "tests") if tree.body and not ast.get_docstring(tree)]
    assert silent == []


def test_no_module_is_longer_than_can_be_read() -> None:
    long = {}
    for path in [*(ROOT / "engine").rglob("*.py"), *(ROOT / "web").rglob("*.py"), *(ROOT / "web/js").glob("*/*.js")]:
        if "node_modules" not in path.parts:
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > LINES:
                long[path.relative_to(ROOT).as_posix()] = lines
    assert long == {}


def test_there_is_no_drawer_for_what_has_no_name() -> None:
    names = {"utils", "util", "helpers", "helper", "services", "core", "common", "misc"}
    found = [path for path, _ in modules("engine", "web", "tests") if names & set(Path(path).with_suffix("").parts)]
    assert found == []
