"""Text from models is never run as Python: neither room says eval, exec, compile or __import__ of the language."""

import ast
import contextlib
import pathlib

import pytest

import engine.decisions
import engine.feel

ROOMS = [pathlib.Path(room.__file__).parent for room in (engine.feel, engine.decisions)]
FILES = sorted(path for room in ROOMS for path in room.rglob("*.py"))
FORBIDDEN = {"eval", "exec", "compile", "__import__", "globals", "setattr"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-2:]))
def test_no_python_is_run(path):
    """A bare `compile(…)` would be Python's; ours is always called on a module or an object."""
    called = {node.func.id for node in ast.walk(ast.parse(path.read_text("utf-8")))
              if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & FORBIDDEN


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-2:]))
def test_only_a_name_of_ours_is_looked_up_by_getattr(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            name = node.args[1]
            assert isinstance(name, (ast.Constant, ast.JoinedStr, ast.BinOp)), ast.unparse(node)


@pytest.mark.parametrize("text", ["__import__('os')", "().__class__.__bases__", "x.__class__", "open(\"/etc/passwd\")"])
def test_there_is_no_way_to_python(text):
    with contextlib.suppress(engine.feel.ParseError):
        assert engine.feel.compile(text, ["x"])({"x": "a"}) is None
