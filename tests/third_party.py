"""Writes THIRD_PARTY.md: `python -m tests.third_party`. What it says is read from the lock, the packages and the front end."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from importlib.metadata import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "THIRD_PARTY.md"
BPMN_IO = "bpmn.io licence (MIT, and the watermark stays)"

ALLOWED = re.compile(
    r"MIT(-0)?|BSD|BSD-[23]-Clause|0BSD|Apache-2\.0( OR BSD-2-Clause)?|ISC|ZPL-2\.1|PSF-2\.0|MPL-2\.0"
    r"|LGPL-(2\.1|3\.0)(-only|-or-later)?|" + re.escape(BPMN_IO)
)
"""LGPL only as a package of its own, which whoever installs Yishi can replace; never bundled (see `is_allowed`)."""

_SPELLINGS = {
    "lGPLv3": "LGPL-3.0-only",
    "ZPL 2.1": "ZPL-2.1",
    "MIT License": "MIT",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-3.0-only",
    "BSD License": "BSD",
    "SEE LICENSE IN LICENSE": BPMN_IO,
}


@dataclass(frozen=True)
class Package:
    """A foreign package by name, version and licence; `direct` if Yishi itself asks for it."""

    name: str
    version: str
    licence: str
    direct: bool


def python_packages() -> list[Package]:
    """-> what requirements.lock installs; two versions where it depends on Python's own which one."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    direct = {_canonical(re.split(r"[\[=]", requirement)[0]) for requirement in asked}
    versions: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.M):
        versions.setdefault(_canonical(name), []).append(version)
    return [Package(name, ", ".join(versions[name]), _licence(name), name in direct) for name in sorted(versions)]


def shipped_packages() -> list[Package]:
    """-> what the built front end contains."""
    asked = json.loads((ROOT / "web/js/package.json").read_text(encoding="utf-8"))["dependencies"]
    listed = json.loads((ROOT / "web/static/vendor/packages.json").read_text(encoding="utf-8"))
    return [
        Package(entry["name"], entry["version"], _SPELLINGS.get(entry["license"], entry["license"]), entry["name"] in asked)
        for entry in listed
    ]


def is_allowed(package: Package, *, bundled: bool) -> bool:
    """Whether the licence is one that Yishi takes: for bundled code no LGPL."""
    return bool(ALLOWED.fullmatch(package.licence)) and not (bundled and "LGPL" in package.licence)


def page() -> str:
    """-> the text of THIRD_PARTY.md."""
    return (
        "# Third-party software\n\n"
        "Written by `python -m tests.third_party`; a test fails when it is out of date.\n\n"
        "## Inside the wheel\n\n"
        "Bundled into `web/static/vendor/`, where `LICENSES.txt` holds the full texts. The licence of bpmn-js asks that its\n"
        "watermark stay visible and uncovered on every diagram.\n\n"
        f"{_table(shipped_packages())}\n"
        "## Installed beside it\n\n"
        "Separate Python packages, each with its licence in its own folder, as locked in `requirements.lock`. Those under\n"
        "the LGPL are used unchanged and can be replaced by another version.\n\n"
        f"{_table(python_packages())}"
    )


def _table(packages: list[Package]) -> str:
    rows = "".join(
        f"| {package.name} | {package.version} | {package.licence} | {'Yishi' if package.direct else 'another package'} |\n"
        for package in packages
    )
    return f"| package | version | licence | asked for by |\n|---|---|---|---|\n{rows}"


def _licence(name: str) -> str:
    about = metadata(name)
    if about["License-Expression"]:
        return str(about["License-Expression"])
    said = (about["License"] or "").strip()
    if said and len(said) < 40:  # else it is the whole text
        return _SPELLINGS.get(said, said)
    classes = [line.split(" :: ")[-1] for line in about.get_all("Classifier") or [] if line.startswith("License ::")]
    return " OR ".join(_SPELLINGS.get(line, line) for line in classes) or "unknown"


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
