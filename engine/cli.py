"""`yishi …`: the commands for whoever runs or tests it. Every command ends with 0 (done), 1 (refused or failed) or 2 (misused)."""

from __future__ import annotations

import argparse
import getpass
import gettext
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import FrameType

from . import database, demo, deployments, history, organisation, packs, papers, scenario, settings, worker
from .access import Actor
from .errors import EngineError, Sentence

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. -> its exit code."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    command: Command | None = getattr(chosen, "command", None)
    if command is None:
        parser.print_help()
        return 2
    try:
        return command(chosen)
    except EngineError as error:
        _complain(error)
        return 1
    except FileNotFoundError as error:
        print(f"yishi: there is no {error.args[0]}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever reads our output has seen enough; keep Python from complaining again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="yishi", description="Runs the decision procedures of a district. "
                                     "Settings come from the environment: see engine/README.md.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, what: str, do: Command) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=what, description=what)
        made.set_defaults(command=do)
        return made

    serve = command("serve", "Serve the web pages; with the embedded database also work off what is due.", _serve)
    _address(serve)
    serve.add_argument("--no-worker", action="store_true", help="leave what is due to `yishi worker`")
    show = command("demo", "Set up an invented district with matters at every stage, and serve it.", _demo)
    _address(show)
    show.add_argument("--fresh", action="store_true", help="throw the data of the last demo away")
    show.add_argument("--accounts", action="store_true", help="print who can log in, one JSON object a line, and stop")
    show.add_argument("--no-serve", action="store_true", help="set up only")
    command("worker", "Work off timers, messages and service tasks until interrupted.", _worker)
    deploy = command("deploy", "Put a pack into use after its own scenarios have passed.", _deploy)
    deploy.add_argument("path", type=Path, metavar="PATH", help="a pack's folder, a folder of models, or one .bpmn file")
    deploy.add_argument("--unit", help="code of the unit in whose scope it is used; default: the topmost")
    deploy.add_argument("--note", default="", help="why, for the record")
    lint = command("lint", "Look for what is wrong in models, forms, decisions and parameters.", _lint)
    lint.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    lint.add_argument("--json", action="store_true", help="one JSON object a line")
    outline = command("outline", "Tell a procedure in words.", _outline)
    outline.add_argument("file", type=Path, metavar="FILE")
    test = command("test", "Run scenarios: files, or folders searched for *.scenario.yaml.", _test)
    test.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    test.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    test.add_argument("--coverage", action="store_true", help="print the sequence flows that no scenario has taken")
    command("verify", "Walk the sealed history and the stored papers, and tell what has been changed.", _verify)
    user = commands.add_parser("user", help="Accounts.", description="Accounts.").add_subparsers(
        metavar="COMMAND", required=True)
    add = user.add_parser("add", help="Add a person with a login and roles; the password is asked for, or read from input.")
    add.add_argument("login", help="what the person types to log in")
    add.add_argument("--name", required=True, help="the person's name")
    add.add_argument("--unit", required=True, help="code of the unit; made if it does not exist and --kind is given")
    add.add_argument("--unit-name", help="name of a unit that is made")
    add.add_argument("--kind", choices=("district", "street", "community"), help="kind of a unit that is made")
    add.add_argument("--parent", help="code of the unit above a unit that is made")
    add.add_argument("--role", action="append", default=[], help="role key; may be given more than once")
    add.set_defaults(command=_user_add)
    db = commands.add_parser("db", help="The database.", description="The database.").add_subparsers(
        metavar="COMMAND", required=True)
    upgrade = db.add_parser("upgrade", help="Bring the tables up to date.")
    upgrade.set_defaults(command=_upgrade)
    return parser


def _address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on; default HOST or 127.0.0.1")
    parser.add_argument("--port", type=int, help="port to listen on; default PORT or 8000")


# --- running ------------------------------------------------------------------------------------------------------------
def _serve(chosen: argparse.Namespace) -> int:
    setup = settings.load()
    base = database.Database(setup.database_url)
    base.upgrade()
    return _listen(setup, base, chosen.host or setup.host, chosen.port or setup.port, with_worker=not chosen.no_worker)


def _listen(setup: settings.Settings, base: database.Database, host: str, port: int, *, with_worker: bool) -> int:
    import waitress  # only a server needs it

    from web import create_app

    server = waitress.create_server(create_app(setup), host=host, port=port, threads=8, ident="yishi")
    stop = worker.start(base) if with_worker else threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    print(f"议事 Yishi: http://{shown}:{server.effective_port}/", flush=True)
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        stop.set()
        server.close()
    return 0


def _demo(chosen: argparse.Namespace) -> int:
    setup = demo.settings_of(settings.load())
    if chosen.fresh:
        demo.forget(setup)
    base = database.Database(setup.database_url)
    base.upgrade()
    if chosen.accounts:
        with base.sessions() as session:
            demo.build_if_empty(session)
            session.commit()
            for account in demo.accounts(session):
                print(json.dumps(account, ensure_ascii=False))
        return 0
    for line in demo.build(base):
        print(line, flush=True)
    if chosen.no_serve:
        return 0
    return _listen(setup, base, chosen.host or setup.host, chosen.port or setup.port, with_worker=True)


def _worker(chosen: argparse.Namespace) -> int:
    base = database.Database(settings.load().database_url)
    base.upgrade()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    print("yishi: working off what is due", flush=True)
    try:
        worker.run(base, stop)
    except KeyboardInterrupt:
        stop.set()
    return 0


def _upgrade(chosen: argparse.Namespace) -> int:
    setup = settings.load()
    database.Database(setup.database_url).upgrade()
    print("yishi: the tables are up to date")
    return 0


# --- procedures ---------------------------------------------------------------------------------------------------------
def _deploy(chosen: argparse.Namespace) -> int:
    pack = packs.read(chosen.path)
    refused = [finding for finding in packs.lint(pack) if finding.severity == "error"]
    for finding in refused:
        print(_finding(finding), file=sys.stderr)
    if refused:
        return 1
    for path in pack.scenarios:
        story, models = scenario.from_pack(pack, path)
        outcome = scenario.run(story, models)
        if outcome.failure is not None:
            print(f"{path}:{outcome.failure.line}: {_said(outcome.failure.sentence)}", file=sys.stderr)
            return 1
    base = database.Database(settings.load().database_url)
    base.upgrade()
    with base.sessions() as session:
        unit = organisation.unit_by_code(session, chosen.unit) if chosen.unit else organisation.topmost(session)
        made = deployments.deploy(session, pack, unit, Actor.system(), chosen.note)
        keys = ", ".join(f"{d.key} v{d.version}" for d in deployments.definitions_of(session, made))
        session.commit()
    print(f"yishi: {pack.title or pack.key} {pack.version} is in use in {unit.name}: {keys}")
    return 0


def _lint(chosen: argparse.Namespace) -> int:
    failed = False
    for path in chosen.paths:
        try:
            findings = packs.lint(packs.read(path))
        except EngineError as error:
            findings = packs.findings_of(error)
        for finding in findings:
            failed = failed or finding.severity == "error"
            if chosen.json:
                print(json.dumps({"path": str(path), "severity": finding.severity, "sentence": _said(finding.sentence),
                                  "file": finding.file, "line": finding.line, "element": finding.element}, ensure_ascii=False))
            else:
                print(_finding(finding))
        if not findings and not chosen.json:
            print(f"{path}: nothing to complain of")
    return 1 if failed else 0


def _finding(finding: packs.Finding) -> str:
    place = ":".join(str(p) for p in (finding.file, finding.line or None) if p)
    element = f" [{finding.element}]" if finding.element else ""
    return f"{place}: {finding.severity}:{element} {_said(finding.sentence)}"


def _outline(chosen: argparse.Namespace) -> int:
    print(packs.outline(chosen.file.read_bytes()))
    return 0


def _test(chosen: argparse.Namespace) -> int:
    results = []
    for result in scenario.test(chosen.paths):
        results.append(result)
        if result.passed:
            print(f"ok      {result.path}: {result.title}")
        else:
            place = f":{result.failure.line}" if result.failure and result.failure.line else ""
            reason = f"{result.failure.kind}: {_said(result.failure.sentence)}" if result.failure else result.bug
            print(f"FAILED  {result.path}{place}: {result.title}\n        {reason}")
    if chosen.junit:
        chosen.junit.write_bytes(scenario.junit(results))
    if chosen.coverage:
        for key, (count, missing) in scenario.coverage(results).items():
            print(f"{key}: {count - len(missing)} of {count} sequence flows taken")
            for flow in missing:
                print(f"  not taken: {flow}")
    failed = sum(not r.passed for r in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed or not results else 0


def _verify(chosen: argparse.Namespace) -> int:
    setup = settings.load()
    base = database.Database(setup.database_url)
    with base.readers() as session:
        flaws = [*history.verify(session), *papers.verify(session, papers.store(setup))]
    for flaw in flaws:
        print(_said(flaw))
    if not flaws:
        print("yishi: nothing has been changed")
    return 1 if flaws else 0


# --- people -------------------------------------------------------------------------------------------------------------
def _user_add(chosen: argparse.Namespace) -> int:
    base = database.Database(settings.load().database_url)
    base.upgrade()
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    with base.sessions() as session:
        parent = organisation.unit_by_code(session, chosen.parent) if chosen.parent else None
        if chosen.kind:
            unit = organisation.find_or_add_unit(session, chosen.kind, chosen.unit, chosen.unit_name or chosen.unit, parent)
        else:
            unit = organisation.unit_by_code(session, chosen.unit)
        person = organisation.add_person(session, unit, chosen.name)
        for role in chosen.role:
            organisation.assign(session, person, role, unit)
        organisation.add_account(session, person, chosen.login, password)
        session.commit()
    print(f"yishi: {chosen.name} can log in as {chosen.login}")
    return 0


@lru_cache(1)
def _language() -> gettext.NullTranslations:
    """The language of the terminal, where there is a catalogue for it; else English."""
    wanted = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    names = ["zh_Hans_CN"] if wanted.lower().startswith("zh") else []
    return gettext.translation("messages", str(files("web") / "translations"), languages=names, fallback=True)


def _said(sentence: Sentence) -> str:
    return sentence.translated(_language().gettext)


def _complain(error: EngineError) -> None:
    place = ":".join(str(error.where[k]) for k in ("file", "line") if error.where.get(k))
    element = f" [{error.where['element']}]" if error.where.get("element") else ""
    print(f"yishi: {place + ':' if place else ''}{element} {_said(error.sentence)}", file=sys.stderr)
    for field, problem in getattr(error, "problems", {}).items() if isinstance(getattr(error, "problems", None), dict) else ():
        print(f"  {field}: {_said(problem)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
