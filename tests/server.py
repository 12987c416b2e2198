"""A real `yishi serve` with data of its own, which can be killed and started again; and a client who has no browser."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

from lxml import html

from engine import clock, deployments, organisation, packs
from engine.access import Actor
from engine.database import Database
from engine.demo import PASSWORD, build_district

ROOT = Path(__file__).parents[1]
PACK = "yizheng_sanyi"
PATIENCE = 30.0
Typed = Mapping[str, Iterable[str]]
Seen = TypeVar("Seen")


class Gone(Exception):
    """The server did not answer: whether it has done what was asked, only its data can tell."""


def until(look: Callable[[], Seen | None], what: str) -> Seen:
    """-> the first thing that `look` sees. AssertionError when there is nothing for too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        seen = look()
        if seen:
            return seen
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}")


class Clock:
    """The file that an installation takes for now."""

    def __init__(self, file: Path, at: datetime) -> None:
        self.file, self.at = file, at
        self.move(at)

    def move(self, to: datetime) -> None:
        self.at = to
        fresh = self.file.with_suffix(".new")
        fresh.write_text(to.isoformat())
        os.replace(fresh, self.file)  # whoever reads meanwhile reads the old moment, never half of one

    def advance(self, by: timedelta) -> None:
        self.move(self.at + by)


class Installation:
    """One database, one home folder, one clock, and the processes that work on them."""

    def __init__(self, folder: Path, at: datetime, database_url: str | None = None) -> None:
        self.folder = folder
        self.database_url = database_url or f"sqlite:///{folder / 'yishi.sqlite'}"
        self.clock = Clock(folder / "clock", at)
        self.log = folder / "log"
        self.port = _free_port()
        self.server: subprocess.Popen[bytes] | None = None
        self.processes: list[subprocess.Popen[bytes]] = []
        self.database = Database(self.database_url)
        self.database.upgrade()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settle(self) -> None:
        """The invented district moves in, and the shipped procedure is put into use."""
        pack = next(pack for pack in packs.shipped() if pack.key == PACK)
        with clock.virtual(self.clock.at), self.database.sessions() as session:
            build_district(session)
            deployments.deploy(session, pack, organisation.topmost(session), Actor.system())
            session.commit()

    def start(self) -> None:
        """The server runs and answers; with the embedded database it also works off what is due, and so it does here."""
        self.server = self.run("serve", "--port", str(self.port))
        until(self._answers, "the server to answer")

    def kill(self) -> None:
        """As `kill -9`: nothing is finished, nothing is said."""
        assert self.server is not None
        self.end(self.server, signal.SIGKILL)

    def run(self, *command: str) -> subprocess.Popen[bytes]:
        """-> a running `yishi` with this command; its output goes into the log."""
        with self.log.open("ab") as log:
            process = subprocess.Popen([sys.executable, "-m", "engine.cli", *command], cwd=ROOT, stdout=log, stderr=log,
                                       env=self._environment())
        self.processes.append(process)
        return process

    def verify(self) -> tuple[int, str]:
        """-> exit code and words of `yishi verify`."""
        done = subprocess.run([sys.executable, "-m", "engine.cli", "verify"], cwd=ROOT, capture_output=True, text=True,
                              env=self._environment())
        return done.returncode, done.stdout + done.stderr

    def close(self) -> None:
        """Everything ends; the log is told, which pytest shows where a test has failed."""
        for process in self.processes:
            self.end(process, signal.SIGTERM)
        self.database.close()
        print(self.log.read_text(encoding="utf-8") if self.log.exists() else "nothing was logged")

    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("YISHI_")}
        return {**own, "YISHI_HOME": str(self.folder), "YISHI_DATABASE": self.database_url,
                "YISHI_CLOCK": str(self.clock.file), "HOST": "127.0.0.1"}

    def _answers(self) -> bool:
        assert self.server is not None and self.server.poll() is None, self.log.read_text(encoding="utf-8")
        try:
            return Client(self, "").ask("GET", "/healthz").status == 200
        except Gone:
            return False

    def end(self, process: subprocess.Popen[bytes], how: signal.Signals) -> None:
        """A process of this installation is sent a signal, and is gone."""
        process.send_signal(how)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Answer:
    status: int
    location: str
    text: str

    @property
    def page(self) -> html.HtmlElement:
        return html.document_fromstring(self.text)

    @property
    def words(self) -> str:
        """What people read on it."""
        return " ".join(self.page.text_content().split())


class Client:
    """Somebody with cookies: signs in whenever asked to, and sends forms back as a browser without scripts does."""

    def __init__(self, installation: Installation, login: str) -> None:
        self.installation, self.login = installation, login
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> Answer:
        """-> the page, after signing in where that is asked for. Gone."""
        answer = self.ask("GET", path)
        if answer.status == 303 and answer.location.startswith("/login"):
            self.sign_in()
            answer = self.ask("GET", path)
        return answer

    def sign_in(self) -> None:
        form = self.form(self.ask("GET", "/login"), "/login")
        answer = self.ask("POST", "/login", {**form, "login": [self.login], "password": [PASSWORD]})
        assert answer.status == 303, answer.words

    def form(self, answer: Answer, action: str) -> dict[str, list[str]]:
        """-> what the page's form to `action` would send as it stands."""
        found = next((form for form in answer.page.forms if form.get("action") == action), None)
        assert found is not None, f"{answer.status}: no form to {action}: {answer.words}"
        filled: dict[str, list[str]] = {}
        for name, value in found.form_values():
            filled.setdefault(name, []).append(value.removeprefix("\n"))  # a browser drops the first one of a textarea
        return filled

    def ask(self, method: str, path: str, typed: Typed | None = None) -> Answer:
        """-> the answer to one request. Gone when there is none, or only half of one."""
        headers = {"Accept-Language": "zh-CN", "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = None
        if typed is not None:
            body = urlencode([(name, value) for name, values in typed.items() for value in values])
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Referer": self.installation.url + path}
        connection = http.client.HTTPConnection("127.0.0.1", self.installation.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read().decode("utf-8")
        except (OSError, http.client.HTTPException) as error:
            raise Gone(str(error)) from error
        finally:
            connection.close()
        for cookie in response.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return Answer(response.status, response.headers.get("Location", ""), text)


def typed(values: Mapping[str, object], prefix: str = "") -> dict[str, list[str]]:
    """-> the values of a form as its fields send them: `positions[0].unit`."""
    sent: dict[str, list[str]] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            for number, row in enumerate(value):
                sent[f"{name}[{number}]"] = [""]
                sent |= typed(row, f"{name}[{number}].")
        elif isinstance(value, list):
            sent[name] = [str(each) for each in value]
        else:
            sent[name] = [str(value)]
    return sent


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
