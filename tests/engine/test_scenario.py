"""Scenario files: every word of their language, and what is said when one is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from engine import cli, packs, scenario
from engine.scenario import ScenarioError

from .conftest import HEAD

MODEL = f"""{HEAD}<message id="m" name="Objection"/><signal id="sig" name="Emergency"/>
<process id="main" isExecutable="true"><startEvent id="begin"/><sequenceFlow id="f1" sourceRef="begin" targetRef="review"/>
<userTask id="review" yishi:role="clerk" yishi:form="review"/><sequenceFlow id="f2" sourceRef="review" targetRef="split"/>
<parallelGateway id="split"/><sequenceFlow id="f3" sourceRef="split" targetRef="vote"/>
<userTask id="vote"><multiInstanceLoopCharacteristics isSequential="false"><loopDataInputRef>voters</loopDataInputRef>
<inputDataItem name="voter"/></multiInstanceLoopCharacteristics></userTask>
<sequenceFlow id="f4" sourceRef="split" targetRef="wait"/><intermediateCatchEvent id="wait"><messageEventDefinition messageRef="m"/>
</intermediateCatchEvent><sequenceFlow id="f5" sourceRef="split" targetRef="alarm"/><intermediateCatchEvent id="alarm">
<signalEventDefinition signalRef="sig"/></intermediateCatchEvent><sequenceFlow id="f6" sourceRef="split" targetRef="pause"/>
<intermediateCatchEvent id="pause"><timerEventDefinition><timeDuration>P7D</timeDuration></timerEventDefinition></intermediateCatchEvent>
<sequenceFlow id="f7" sourceRef="pause" targetRef="send"/><serviceTask id="send"/>
<boundaryEvent id="bounced" attachedToRef="send"><errorEventDefinition errorRef="err"/></boundaryEvent>
<sequenceFlow id="f8" sourceRef="bounced" targetRef="call"/><userTask id="call"/>
</process><error id="err" errorCode="BOUNCED"/></definitions>"""

WHOLE = """scenario: 每个词都用一遍
model: model.bpmn
process: main
start: {at: 2026-03-02T09:00:00+08:00, by: clerk, with: {voters: [甲, 乙, 丙], total: =1 + 2}}
steps:
  - expect: {tasks: [review], state: running, variables: {total: 3, matter: {number: null, title: main, unit: 示例社区,
      unit_code: scenario-community, started_on: 2026-03-02}}}
  - reject: review
    as: representative
    because: forbidden
  - complete: review
    as: clerk
    with: {opinions: 42}
  - expect: {tasks_include: [vote], tasks_exclude: [call], task_count: 3, waiting: [wait, alarm, pause], completed: [review],
             not_completed: [send], task_variables: {vote: {voter: 乙}}}
  - complete: vote
    where: {voter: 乙}
  - complete: vote
    times: 2
  - expect: {counts: {vote: 3, send: 0}, completed: [review, vote]}
  - message: Objection
    with: {from: 王五}
  - expect: {delivered: true, variables: {from: 王五}}
  - message: Objection
  - expect: {delivered: false}
  - signal: Emergency
  - expect: {delivered: true}
  - complete: call
    when_open: true
  - advance: {by: P7D, step: P1D}
  - job: send
    error: BOUNCED
  - expect: {state: completed, tasks: [], counts: {call: 1}}
  - start: {process: main, instance: second, with: {voters: []}}
  - complete: review
    of: second
  - until: 2026-04-01
  - job: send
    of: second
    fail: 线路断了
  - expect: {of: second, failed: true, state: incident, incidents: [send]}
  - set: {opinions: 1}
    of: second
  - expect: {of: second, variables: {opinions: 1}, ended_or_failed: true}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.bpmn").write_text(MODEL, encoding="utf-8")
    return tmp_path


def test_every_word_of_the_language(folder: Path) -> None:
    assert _run(folder, WHOLE) is None


@pytest.mark.parametrize(("change", "kind", "words"), [
    (("task_count: 3", "task_count: 4"), "expectation", "task_count: expected 4, but saw 3"),
    (("because: forbidden", "because: quorum"), "expectation", "for another reason"),
    (("counts: {vote: 3", "counts: {vote: 2"), "expectation", "counts"),
    (("- reject: review\n    as: representative\n    because: forbidden", "- reject: review\n    as: clerk"), "expectation", "was to be refused"),
    (("where: {voter: 乙}", "where: {voter: 丁}"), "expectation", "not open"),
    (("  - expect: {of: second, failed: true, state: incident, incidents: [send]}\n", ""), "incident", "线路断了"),
    (("delivered: false", "delivered: true"), "expectation", "delivered"),
    (("complete: call", "complete: nobody"), "scenario", "no element nobody"),
    (("task_count", "task_counts"), "scenario", "task_counts is not known"),
    (("when_open", "if_open"), "scenario", "if_open is not known"),
    (("P7D, step", "seven days, step"), "scenario", "no duration"),
    (("2026-04-01", "2026-01-01"), "scenario", "past already"),
    (("process: main\n", "process: other\n"), "scenario", "no process other"),
    (("state: running", "state: sleeping"), "scenario", "is no state"),
    (("model: model.bpmn", "model: gone.bpmn"), "scenario", "no file gone.bpmn"),
])
def test_a_story_that_is_not_so_or_not_written_so_is_told_with_its_line(
    folder: Path, change: tuple[str, str], kind: str, words: str
) -> None:
    assert change[0] in WHOLE
    failure = _run(folder, WHOLE.replace(*change))
    assert failure is not None
    assert (failure.kind, words in str(failure.sentence)) == (kind, True), failure


@pytest.mark.parametrize("text", [
    "scenario: nichts\nmodel: model.bpmn\nsteps:\n  - complete: review\n",
    "scenario: leer\nmodel: model.bpmn\nsteps:\n  - expect: {}\n",
    "scenario: doppelt\nmodel: model.bpmn\nsteps:\n  - expect: {tasks: [review]}\n    complete: review\n",
    "scenario: kein Mapping\nmodel: model.bpmn\nsteps:\n  - review\n",
    "scenario: x\nmodel: model.bpmn\nstart: {at: morgen}\nsteps:\n  - expect: {tasks: [review]}\n",
    "model: model.bpmn\nsteps:\n  - expect: {tasks: [review]}\n",
    "scenario: x\ndeploy: refused\nsteps:\n  - expect: {tasks: [review]}\n",
    "scenario: [\n",
])
def test_a_file_that_cannot_be_meant_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        scenario.read(text.encode(), "x.scenario.yaml")
    assert refused.value.where["file"] == "x.scenario.yaml" and "line" in refused.value.where


def test_models_that_must_be_refused(folder: Path) -> None:
    (folder / "model.bpmn").write_text(MODEL.replace('sourceRef="begin"', 'sourceRef="nowhere"'), encoding="utf-8")
    head = "scenario: 拒收\nmodel: model.bpmn\ndeploy: refused\n"
    assert _run(folder, head + "because: nowhere\n") is None
    wrong = _run(folder, head + "because: lanes\n")
    assert wrong is not None and wrong.kind == "expectation"
    (folder / "model.bpmn").write_text(MODEL, encoding="utf-8")
    lawful = _run(folder, head)
    assert lawful is not None and "lawful" in str(lawful.sentence)


def test_a_failed_start_is_seen_by_the_first_expectation(folder: Path) -> None:
    text = "scenario: x\nmodel: model.bpmn\nsteps:\n  - expect: {failed: true}\n"
    broken = MODEL.replace('targetRef="review"/>', """targetRef="choice"/><exclusiveGateway id="choice"/>
        <sequenceFlow id="f9" sourceRef="choice" targetRef="review"><conditionExpression xsi:type="tFormalExpression">missing &gt; 1
        </conditionExpression></sequenceFlow><sequenceFlow id="f10" sourceRef="choice" targetRef="split">
        <conditionExpression xsi:type="tFormalExpression">missing &lt; 1</conditionExpression></sequenceFlow>""", 1)
    (folder / "model.bpmn").write_text(broken, encoding="utf-8")
    assert _run(folder, text) is None
    unexpected = _run(folder, text.replace("failed: true", "tasks: [review]"))
    assert unexpected is not None and unexpected.kind == "incident"


def test_the_command_runs_folders_writes_junit_and_ends_with_a_code(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "good.scenario.yaml").write_text(WHOLE, encoding="utf-8")
    assert cli.main(["test", str(folder), "--coverage"]) == 0
    told = capsys.readouterr().out
    assert "1 passed, 0 failed" in told and "8 of 8 sequence flows taken" in told
    (folder / "bad.scenario.yaml").write_text(WHOLE.replace("task_count: 3", "task_count: 4"), encoding="utf-8")
    (folder / "wrong.scenario.yaml").write_text("scenario: x\nmodell: y\n", encoding="utf-8")
    report = folder / "report.xml"
    assert cli.main(["test", str(folder), "--junit", str(report)]) == 1
    cases = {case.get("file", "").rsplit("/", 1)[-1]: case for case in etree.parse(str(report)).iter("testcase")}
    assert {name: [f.get("type") for f in case] for name, case in cases.items()} == {
        "good.scenario.yaml": [], "bad.scenario.yaml": ["expectation"], "wrong.scenario.yaml": ["scenario"]}
    assert cases["good.scenario.yaml"].get("name") == "每个词都用一遍"
    assert cli.main(["test", str(folder / "gone")]) == 1


def test_a_scenario_of_a_pack_uses_the_packs_own_models(tmp_path: Path) -> None:
    pack = next(p for p in packs.shipped() if p.key == "yizheng_sanyi")
    path = "scenarios/owner_matter.scenario.yaml"
    story, models = scenario.from_pack(pack, path)
    outcome = scenario.run(story, models)
    assert outcome.failure is None and outcome.flows and len(outcome.story) > 3


def _run(folder: Path, text: str) -> scenario.Failure | None:
    file = folder / "x.scenario.yaml"
    file.write_text(text, encoding="utf-8")
    (result,) = scenario.test([file])
    assert not result.bug, result.bug
    return result.failure
