"""Random processes: judged by an independent interpreter, and driven by random events."""

import random

import pytest

from engine import bpmn
from tests.engine.bpmn.chaos import Eventful
from tests.engine.bpmn.driver import Run
from tests.engine.bpmn.oracle import Block, Generator

APART = pytest.mark.parametrize("apart", [False, True], ids=["whole", "apart"])


@APART
@pytest.mark.parametrize("seed", range(0, 400, 20))
def test_what_is_open_is_what_the_block_tree_says(seed, apart):
    for each in range(seed, seed + 20):
        rnd = random.Random(each)
        tree, xml = Generator(rnd).model(4)
        data = {f"v{i}": rnd.randint(0, 2) for i in range(5)}
        oracle, run = Block(tree, data), Run({"m": xml}, apart=apart).start(dict(data))
        for step in range(60):
            want = " ".join(sorted(oracle.open()))
            assert run.tasks == want, f"seed {each} step {step}"
            if not want:
                break
            task, change = rnd.choice(sorted(set(want.split()))), {f"v{rnd.randint(0, 4)}": rnd.randint(0, 2)}
            data.update(change)
            oracle.complete(task)
            run.do(task, change)
        assert not oracle.done or run.state == "completed", f"seed {each}"


@APART
@pytest.mark.parametrize("seed", range(0, 200, 20))
def test_whatever_happens_the_state_stays_sound(seed, apart):
    for each in range(seed, seed + 20):
        _chaos(each, apart)


def _chaos(seed, apart, steps=80):
    rnd = random.Random(seed)
    _, xml = Eventful(rnd).model(3)
    try:
        run = Run({"m": xml}, apart=apart).start({f"v{i}": rnd.randint(0, 2) for i in range(5)})
        for step in range(steps):
            if run.state != "running":
                return
            _assert_sound(run.live)
            events = run.waits("timer", "message", "signal") if step < steps / 2 else []
            waits = [*run.waits("task", "job"), *events]
            if not waits:
                assert run.waits(), f"seed {seed}: nothing is waited for, and it has not ended"
                return
            _happen(run, rnd.choice(waits), {f"v{rnd.randint(0, 4)}": rnd.randint(0, 2) if step < steps / 2 else 0})
    except bpmn.Incident as incident:
        assert incident.code == "E1" or "No outgoing flow" in str(incident), f"seed {seed}: {incident}"


def _happen(run, wait, change):
    if wait.kind == "timer":
        instance = next((i for i in wait.path if i in run.parts), None)
        run.fresh().deliver(wait.task, wait.element, None, instance, wait.event)
        run.save()
    elif wait.kind == "message":
        run.message(wait.name)
    elif wait.kind == "signal":
        run.signal(wait.name)
    else:
        run.do(wait.element, change)


def _assert_sound(live):
    for token in live.tokens.values():
        assert token._parent is None or token._parent in live.tokens, token
        assert token.id in (token.parent._children if token.parent else [token.id]), token
        assert set(token._children) <= set(live.tokens), token
