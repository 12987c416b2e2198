"""`python -m tests [pytest arguments]`: the whole suite, after making sure of what its browser tests need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def main(arguments: list[str]) -> int:
    """Builds what is missing, then hands `arguments` to pytest; without any, all tests run in two processes."""
    os.chdir(ROOT)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if not (ROOT / "web/static/vendor/packages.json").exists() or not (ROOT / "web/js/node_modules/axe-core").exists():
        subprocess.run(["make", "--no-print-directory", "front"], check=True)
    # Tests of one file stay together and in order: what costs much to set up is then set up once.
    return int(pytest.main(arguments or ["-n", "2", "--dist", "loadfile"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
