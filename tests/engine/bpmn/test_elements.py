"""What each BPMN element does: every scenario of tests/bpmn, with one text and with instances kept apart."""

import pytest

from tests.engine.bpmn.driver import FOLDER, play

SCENARIOS = sorted(FOLDER.glob("*.scenario.yaml"))


@pytest.mark.parametrize("apart", [False, True], ids=["whole", "apart"])
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name.removesuffix(".scenario.yaml"))
def test_element(path, apart):
    play(path, apart=apart)


def test_every_model_has_a_scenario():
    told = "".join(path.read_text() for path in SCENARIOS)
    assert [path.name for path in FOLDER.glob("*.bpmn") if path.name not in told] == []
