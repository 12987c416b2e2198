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
ROOMS = [
    folder
    for top in (ROOT / "engine", ROOT / "web")
    for folder in [top, *sorted(path.parent for path in top.rglob("__init__.py"))]
    if "node_modules" not in folder.parts and "migrations" not in folder.parts
]
PAGES = [path for path in ROOT.rglob("README.md") if not {"node_modules", ".venv"} & set(path.parts)]


def _page(room: Path) -> str:
    """The README of a room, with that of the room around it."""
    pages = [folder / "README.md" for folder in (room, *room.parents) if folder.is_relative_to(ROOT)]
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


def _commands(parser: argparse.ArgumentParser, said: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in below:
        for name, command in action.choices.items():
            yield from _commands(command, f"{said} {name}".strip())
    if not below:
        yield said, parser


@pytest.mark.parametrize(("said", "parser"), [pytest.param(*found, id=found[0]) for found in _commands(cli.parser())])
def test_every_command_and_option_is_explained_and_named_in_the_readme(said: str, parser: argparse.ArgumentParser) -> None:
    assert f"yishi {said}" in _page(ROOT / "engine")
    assert parser.description, "say what it does and with which codes it ends"
    assert [action.dest for action in parser._actions if not action.help] == []


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
