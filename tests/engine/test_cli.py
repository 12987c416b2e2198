"""The command line: what each command does, what it says, and the code with which it ends."""

from __future__ import annotations

import io
import json
import sqlite3
from pathlib import Path

import pytest

from engine import cli, demo, settings

from .conftest import HEAD

GOOD = f"""{HEAD}<process id="small" isExecutable="true" name="小事"><startEvent id="begin"/>
<sequenceFlow id="a" sourceRef="begin" targetRef="done"/><endEvent id="done"/></process></definitions>"""
BAD = GOOD.replace("<sequenceFlow", '<scriptTask id="evil" scriptFormat="javascript"><script>alert(1)</script></scriptTask><sequenceFlow')


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("YISHI_DATABASE", "YISHI_PAPERS", "YISHI_CLOCK", "LANG", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("YISHI_HOME", str(tmp_path / "home"))
    cli._language.cache_clear()
    return tmp_path


def test_without_a_command_it_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "yishi" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["serf"], ["test"], ["lint"], ["user"], ["serve", "--port", "acht"]])
def test_misuse_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2


def test_a_site_is_set_up_by_hand(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    model = home / "small.bpmn"
    model.write_text(GOOD, encoding="utf-8")
    assert cli.main(["db", "upgrade"]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("kurz\n"))
    person = ["user", "add", "fengbada", "--name", "冯八达", "--unit", "qu", "--unit-name", "某区", "--kind", "district",
              "--role", "administrator"]
    assert cli.main(person) == 1, "a weak password is refused"
    monkeypatch.setattr("sys.stdin", io.StringIO("ein langes Passwort 12\n"))
    assert cli.main(person) == 0
    assert cli.main(["deploy", str(model), "--unit", "qu"]) == 0
    assert "small v1" in capsys.readouterr().out
    assert cli.main(["deploy", str(model), "--unit", "qu"]) == 1
    assert "in use in 某区 already" in capsys.readouterr().err
    assert cli.main(["deploy", str(model), "--unit", "nirgends"]) == 1


def test_what_is_refused_is_not_deployed_and_says_where(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = home / "bad.bpmn"
    model.write_text(BAD, encoding="utf-8")
    assert cli.main(["lint", "--json", str(model)]) == 1
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert any(f["severity"] == "error" and f["element"] == "evil" and f["file"] == "bad.bpmn" and f["line"] > 0 for f in found)
    assert cli.main(["deploy", str(model)]) == 1
    assert "evil" in capsys.readouterr().err
    assert not (home / "home" / "yishi.sqlite").exists()


def test_a_procedure_is_told_in_words(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = home / "small.bpmn"
    model.write_text(GOOD, encoding="utf-8")
    assert cli.main(["outline", str(model)]) == 0
    assert "小事" in capsys.readouterr().out
    assert cli.main(["outline", str(home / "none.bpmn")]) == 1


def test_the_terminal_is_answered_in_its_language(home: Path, capsys: pytest.CaptureFixture[str],
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    (home / "x.scenario.yaml").write_text("scenario: x\nmodel: none.bpmn\nsteps:\n  - expect: {tasks: []}\n", encoding="utf-8")
    cli._language.cache_clear()
    assert cli.main(["test", str(home)]) == 1
    assert "没有文件 none.bpmn" in capsys.readouterr().out
    cli._language.cache_clear()


def test_the_demo_prints_its_accounts_one_object_a_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--accounts"]) == 0
    accounts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"login", "password", "name", "roles", "unit"} == set(accounts[0])
    assert {"organizer", "clerk", "supervisor", "service_officer", "administrator", "representative"} <= {
        role for account in accounts for role in account["roles"]}


def test_verify_finds_what_was_changed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    setup = demo.settings_of(settings.load())
    assert cli.main(["demo", "--no-serve"]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("YISHI_HOME", str(setup.home))
        assert cli.main(["verify"]) == 0
        file = sqlite3.connect(setup.home / "yishi.sqlite")
        file.execute("UPDATE history SET actor = '赵二明' WHERE actor = '赵一鸣' AND instance_id = 1")
        file.commit()
        file.close()
        capsys.readouterr()
        assert cli.main(["verify"]) == 1
    assert "has been changed" in capsys.readouterr().out
