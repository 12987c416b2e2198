"""The DMN Technology Compatibility Kit, and its runner on one test of our own in the kit's format."""

import json
import os
import pathlib

from tests.engine.decisions import tck
from tests.engine.decisions.models import decision, given, model

CASES = """<testCases xmlns="http://www.omg.org/spec/DMN/20160719/testcase"
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><modelName>own.dmn</modelName>
<testCase id="right"><inputNode name="n"><value xsi:type="xsd:decimal">2</value></inputNode>
<resultNode name="d" type="decision"><expected><list><item><value xsi:type="xsd:decimal">3.00000000001</value></item>
<item><component name="at"><value xsi:type="xsd:date">2026-01-02</value></component></item></list></expected></resultNode>
</testCase>
<testCase id="wrong"><resultNode name="d"><expected><value xsi:type="xsd:string">x</value></expected></resultNode></testCase>
<testCase id="missing"><resultNode name="no such"><expected><value xsi:nil="true"/></expected></resultNode></testCase>
</testCases>"""


def test_runner(tmp_path, capsys):
    folder = tmp_path / "compliance-level-2" / "own"
    folder.mkdir(parents=True)
    (folder / "own.dmn").write_bytes(model(given("n"), decision("d", '[n + 1, {at: @"2026-01-02"}]', "n")))
    (folder / "own.xml").write_text(CASES, "utf-8")
    assert tck.main([str(tmp_path), "--json", str(tmp_path / "out.jsonl")]) == 1
    shown = capsys.readouterr().out
    assert "compliance-level-2 all 2/3 = 66.67 %, values 1/2 = 50.00 %" in shown and "1 wrong in own" in shown
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [record["ok"] for record in records] == [True, False, True]
    assert records[0] == {"file": "compliance-level-2/own/own.xml", "case": "right", "result": "d",
                          "value": [3, {"at": {"@date": "2026-01-02"}}], "ok": True, "error": None}
    assert "no decision" in records[2]["error"]


def test_a_folder_that_cannot_be_read_fails_alone(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "own.dmn").write_bytes(b"no xml")
    (folder / "own.xml").write_text(CASES, "utf-8")
    records = [record for record, _ in tck.run_folder(folder)]
    assert [record["ok"] for record in records] == [False, False, True]
    assert "ModelRefused" in records[0]["error"]


# The public kit is not part of the repository. It lies beside the checkout, or where YISHI_TCK says; a machine without
# it says YISHI_TCK=none.
FOLDER = os.environ.get("YISHI_TCK") or str(pathlib.Path(__file__).parents[4] / "shared" / "conformance" / "tck")
# Functions in Java need a JVM: calling one is null here.
NOT_HERE = {"0076-feel-external-java"}


def test_the_public_kit():
    if FOLDER == "none":
        return
    folders = tck.folders_of(pathlib.Path(FOLDER))
    assert folders, f"the kit is not in {FOLDER}: put it there, or set YISHI_TCK to its folder or to none"
    records = [record for folder in folders for record, _ in tck.run_folder(folder)]
    wrong = {record["file"].split("/")[1] for record in records if not record["ok"]}
    assert wrong <= NOT_HERE
    assert sum(record["ok"] for record in records) >= 2_926
