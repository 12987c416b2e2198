"""What is committed: no address of a registry, nothing unfinished, nothing huge, and licences that we may pass on."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests import third_party

ROOT = Path(__file__).parents[1]
LARGEST = 400_000
KEPT_IN_THE_ROOT = {
    "engine", "web", "processes", "forms", "tests", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md",
    "THIRD_PARTY.md", "requirements.lock", "requirements-dev.lock", "requirements-build.lock", "Makefile",
    "compose.yaml", "Dockerfile", "babel.cfg",
}  # fmt: skip
UNFINISHED = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r"\b")
REGISTRY = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in [
            ("pypi", "org"), ("pythonhosted", "org"), ("registry", "npmjs"), ("npmjs", "org"), ("yarnpkg", "com"),
            ("npmmirror", "com"), ("tuna", "tsinghua"), ("mirrors", "aliyun"), ("docker", "io"), ("unpkg", "com"),
            ("jsdelivr", "net"), ("cdnjs", "cloudflare"),
        ]
    ),
    re.IGNORECASE,
)  # fmt: skip
WORKPLACE = re.compile(r"/wo" + r"rk/(main|shared|\.)|/tm" + r"p/brief")


@pytest.fixture(scope="module")
def committed() -> list[Path]:
    """What git has or would take, that is everything that is not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def _containing(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    found = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    return found


def test_the_root_holds_what_the_map_names(committed: list[Path]) -> None:
    names = {path.relative_to(ROOT).parts[0] for path in committed}
    assert {name for name in names if not name.startswith(".")} <= KEPT_IN_THE_ROOT


def test_locks_and_settings_of_tools_name_no_address(committed: list[Path]) -> None:
    kinds = {".lock", ".toml", ".cfg", ".json", ".npmrc", ".yaml", ".mjs"}
    files = [
        path
        for path in committed
        if (path.suffix in kinds or path.name in {".npmrc", "Makefile", "Dockerfile", "babel.cfg", "run"})
        and path.relative_to(ROOT).parts[0] not in {"processes", "forms", "tests"}
    ]
    assert len(files) > 8, "the search must have something to search"
    assert _containing(re.compile(r"https?://(?!www\.w3\.org/)"), files) == []


def test_no_file_names_a_registry(committed: list[Path]) -> None:
    assert _containing(REGISTRY, committed) == []


def test_the_repository_speaks_of_the_product_alone(committed: list[Path]) -> None:
    assert _containing(WORKPLACE, committed) == []


def test_nothing_is_left_for_later(committed: list[Path]) -> None:
    assert _containing(UNFINISHED, [path for path in committed if path.suffix not in {".lock", ".json"}]) == []


def test_no_file_is_huge(committed: list[Path]) -> None:
    assert {path.name: path.stat().st_size for path in committed if path.stat().st_size > LARGEST} == {}


def test_third_party_is_up_to_date() -> None:
    assert third_party.PAGE.read_text(encoding="utf-8") == third_party.page(), "run `make lock`"


def test_every_licence_is_one_that_we_take() -> None:
    refused = [package for package in third_party.python_packages() if not third_party.is_allowed(package, bundled=False)]
    refused += [package for package in third_party.shipped_packages() if not third_party.is_allowed(package, bundled=True)]
    assert refused == []


@pytest.mark.parametrize(
    ("licence", "bundled", "taken"),
    [
        ("MIT", True, True),
        ("LGPL-3.0-only", False, True),
        ("LGPL-3.0-only", True, False),
        ("GPL-3.0-only", False, False),
        ("AGPL-3.0-or-later", False, False),
        ("unknown", False, False),
    ],
)
def test_which_licences_we_take(licence: str, bundled: bool, taken: bool) -> None:
    package = third_party.Package("p", "1", licence, True)
    assert third_party.is_allowed(package, bundled=bundled) is taken


def test_the_full_licence_texts_travel_with_what_is_bundled() -> None:
    texts = (ROOT / "web/static/vendor/LICENSES.txt").read_text(encoding="utf-8")
    for package in third_party.shipped_packages():
        assert f"{package.name} {package.version} (" in texts
    assert "watermark must stay fully visible" in texts


def test_what_is_installed_is_what_is_locked() -> None:
    """Every requirement carries a hash, so that pip can be told to refuse anything else."""
    for path in [*ROOT.glob("*.lock"), ROOT / "web/js/requirements-node.lock"]:
        entries = re.split(r"\n(?=\S)", path.read_text(encoding="utf-8").strip())
        assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
