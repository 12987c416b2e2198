"""Environment → one frozen record; and where the data that the product comes with lies."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """How this installation runs. Every field is set by the environment variable named beside it."""

    database_url: str
    """YISHI_DATABASE: SQLAlchemy URL; default SQLite in the folder of YISHI_HOME."""
    home: Path
    """YISHI_HOME: folder for the embedded database, attachments and the secret; default `var`."""
    papers_url: str
    """YISHI_PAPERS: where attachments are kept: a folder, or `s3://bucket/prefix`; default `papers` in YISHI_HOME."""
    host: str
    """HOST: address to listen on; default 127.0.0.1."""
    port: int
    """PORT: port to listen on; default 8000."""
    secret: str | None
    """YISHI_SECRET: signs forms and cookies; default: made once and kept in YISHI_HOME."""
    timezone: str
    """YISHI_TIMEZONE: in which days are counted; default Asia/Shanghai."""
    public_url: str | None
    """YISHI_PUBLIC_URL: address printed into notices and QR codes; default: the address of the request."""
    demo: bool
    """YISHI_DEMO: 1 shows that people and matters are invented; set by `yishi demo` alone."""


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Reads the settings from `environment`. ValueError when PORT is no number."""
    home = Path(environment.get("YISHI_HOME", "var")).resolve()
    return Settings(
        database_url=environment.get("YISHI_DATABASE") or f"sqlite:///{home / 'yishi.sqlite'}",
        home=home,
        papers_url=environment.get("YISHI_PAPERS") or str(home / "papers"),
        host=environment.get("HOST") or "127.0.0.1",
        port=int(environment.get("PORT") or 8000),
        secret=environment.get("YISHI_SECRET"),
        timezone=environment.get("YISHI_TIMEZONE") or "Asia/Shanghai",
        public_url=environment.get("YISHI_PUBLIC_URL"),
        demo=environment.get("YISHI_DEMO") == "1",
    )


def data_root() -> Path:
    """-> the folder that holds `processes/` and `forms/`: inside the wheel, else the checkout."""
    inside = Path(str(files("engine"))) / "_data"
    return inside if inside.is_dir() else Path(__file__).resolve().parents[1]
