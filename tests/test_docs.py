"""What is public is documented: modules, settings, commands, packs; and no link in a README leads nowhere."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from engine import cli, settings

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(
    path.parent
    for room in ("engine", "web")
    for path in (ROOT / room).rglob("__init__.py")
    if not {"node_modules", "migrations"} & set(path.parts)
)
ROOMS = [folder for folder in FOLDERS if folder.parent == ROOT or (folder / "README.md").exists()]
PAGES = [path for path in ROOT.rglob("README.md") if not {"node_modules", ".venv"} & set(path.parts)]


def _page(room: Path) -> str:
    """What the README of a room says, and the map of the whole."""
    pages = [folder / "README.md" for folder in (room, ROOT)]
    return "\n".join(page.read_text(encoding="utf-8") for page in pages if page.exists())


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.relative_to(ROOT).as_posix())
def test_every_module_has_a_line_in_the_readme_of_its_room(room: Path) -> None:
    page = _page(room)
    entries = [path for path in room.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    missing = [
        path.name
        for path in sorted(entries)
        if not path.name.startswith("_")
        and not re.search(rf"(?<![\w/]){re.escape(path.stem)}({re.escape(path.suffix)}|/)?(?![\w-])", page)
    ]
    assert missing == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.relative_to(ROOT).as_posix())
def test_a_room_that_points_to_its_readme_has_one(folder: Path) -> None:
    said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert "README.md" not in said or (folder / "README.md").exists()


def _settings() -> dict[str, str]:
    """Each field's sentence by its name."""
    tree = ast.parse(Path(settings.__file__).read_text(encoding="utf-8"))
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings").body
    return {
        field.target.id: said.value.value
        for field, said in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant) and isinstance(said.value.value, str)
    }


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(settings.Settings)])
def test_every_setting_is_explained_in_the_code_and_named_in_the_readme(field: str) -> None:
    said = _settings().get(field, "")
    variable = re.match(r"([A-Z_]+): \S", said)
    assert variable, "begin its sentence with the name of the variable"
    assert f"`{variable[1]}`" in _page(ROOT / "engine")


def _commands(parser: argparse.ArgumentParser, said: str = "yishi") -> Iterator[tuple[str, list[str]]]:
    """Each command as it is typed, and what about it has no help."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in below:
        explained = {entry.dest for entry in action._choices_actions if entry.help}
        for name, command in action.choices.items():
            for typed, silent in _commands(command, f"{said} {name}"):
                yield typed, [*silent, *({name} - explained)]
    if not below:
        yield said, [action.option_strings[0] for action in parser._actions if action.option_strings and not action.help]


@pytest.mark.parametrize(("typed", "silent"), [pytest.param(*found, id=found[0]) for found in _commands(cli._parser())])
def test_every_command_is_explained_and_named_in_the_readme(typed: str, silent: list[str]) -> None:
    assert silent == [], "say in its help what it is for"
    assert typed in _page(ROOT / "engine")


def test_every_pack_says_what_it_is() -> None:
    packs = [path.parent for path in (ROOT / "processes").glob("*/pack.yaml")]
    assert packs
    assert [pack.name for pack in packs if not (pack / "README.md").exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_link_leads_nowhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if ":" not in link and not (page.parent / link).exists()] == []


def test_the_changelog_begins_with_what_is_not_yet_released() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert headings[0] == "[Unreleased]"
