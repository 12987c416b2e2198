"""What is handed on: one wheel with the engine, the pages, the procedures, the translations and the built front end."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without an index."""
    return Path(next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("dist")), versions=["standard"])))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs Python where the wheel is unpacked and the checkout cannot be seen; -> what it printed."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [sys.executable, "-m", "pip", "-q", "install", "--no-index", "--no-deps", "--target", str(folder), str(wheel)],
        check=True,
    )

    def run(*arguments: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(folder), "PATH": os.defpath}
        done = subprocess.run(
            [sys.executable, "-P", *arguments], cwd=folder.parent, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_wheel_holds_all_that_the_product_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder, ending in [
        ("engine/_data/processes/", ".bpmn"),
        ("engine/_data/processes/", ".scenario.yaml"),
        ("engine/_data/forms/", ".form"),
        ("engine/migrations/versions/", ".py"),
        ("web/templates/", ".html"),
        ("web/translations/", ".mo"),
        ("web/static/vendor/", ".js"),
    ]:
        assert any(name.startswith(folder) and name.endswith(ending) for name in names), f"no *{ending} in {folder}"
    assert {"web/static/yishi.css", "web/static/vendor/icons.svg", "web/static/vendor/LICENSES.txt"} <= names


def test_everything_committed_in_a_room_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    listed = subprocess.run(
        ["git", "ls-files", "-z", "engine", "web", "processes", "forms"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    expected = {
        f"engine/_data/{name}" if name.startswith(("processes/", "forms/")) else name
        for name in listed
        if name and not name.startswith("web/js/") and (ROOT / name).is_file()
    }
    assert expected - names == set()


def test_the_wheel_holds_no_tests_sources_of_scripts_or_tools(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        strange = [
            name
            for name in archive.namelist()
            if name.startswith(("tests/", "web/js/"))
            or "node_modules" in name
            or not name.startswith(("engine/", "web/", "yishi-"))
        ]
    assert strange == []


def test_an_installed_wheel_finds_its_procedures(installed: Callable[..., str]) -> None:
    printed = installed(
        "-c", "from engine.settings import data_root as r; print(r()); print(*sorted(p.name for p in r().iterdir()))"
    )
    folder, held = printed.splitlines()
    assert Path(folder).parts[-2:] == ("engine", "_data")
    assert held.split() == ["forms", "processes"]


def test_an_installed_wheel_has_the_command(installed: Callable[..., str]) -> None:
    assert "serve" in installed("-c", "import sys; sys.argv = ['yishi', '--help']; from engine.cli import main; sys.exit(main())")


def test_an_installed_wheel_makes_its_tables(installed: Callable[..., str], tmp_path: Path) -> None:
    """Without the checkout, Node or the tools of the tests."""
    program = (
        "import sys; sys.argv = ['yishi', 'db', 'upgrade']\n"
        f"import os; os.environ['YISHI_HOME'] = {str(tmp_path)!r}\n"
        "from engine.cli import main; sys.exit(main())"
    )
    installed("-c", program)
    assert (tmp_path / "yishi.sqlite").stat().st_size > 0
