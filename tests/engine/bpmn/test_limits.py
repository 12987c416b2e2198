"""Nothing grows with time or number, and what has no end is stopped."""

import pytest

from engine import bpmn
from engine.bpmn.moves import MAX_STEPS
from tests.engine.bpmn import models as M
from tests.engine.bpmn.driver import Run, evaluator

LOOP = M.one(M.nodes("s:s x:m,g u:a e:e"), "s m a g; g m *; g e [done]")


def test_five_thousand_turns_of_a_loop_leave_the_state_as_small_as_one():
    definition = bpmn.compile({"m": LOOP}, evaluator())
    text = definition.start("p", {"done": False}).dump()
    first = len(text)
    for _ in range(5000):
        live = definition.load(text)
        live.complete(next(t.id for t in live.tokens.values() if t.task_spec.human))
        text = live.dump()
    assert len(text) <= first + 8


def test_fifty_parallel_blocks_in_sequence_never_hold_more_than_two_branches():
    body, flow, before = M.nodes("s:s e:e"), "", "s"
    for k in range(50):
        body += M.nodes(f"p:f{k}_,j{k}_ u:a{k},b{k}")
        flow += f"{before} f{k}_ a{k} j{k}_; f{k}_ b{k} j{k}_;"
        before = f"j{k}_"
    run = Run({"m": M.one(body, flow + f"{before} e")}).start()
    for k in range(50):
        run.do(f"b{k} a{k}")
        assert len(run.live.tokens) <= 3
    assert run.state == "completed"


def _thousand(count):
    xml = M.one(
        M.nodes("s:s u:n e:e")
        + M.sub("m", M.nodes("s:ss u:a e:se"), "ss a se", loop=M.mi("par", "l", item="it", out="r", out_item="o")),
        "s m n e",
    )
    return Run({"m": xml}, apart=True).start({"l": list(range(count))})


@pytest.mark.parametrize("count", [10, 1000])
def test_completing_one_instance_reads_and_writes_that_one_alone(count):
    run = _thousand(count)
    read = []

    def parts(key):
        read.append(key)
        return {key: run.parts[key]} if key is not None else dict(run.parts)

    waits = list(run.waits("task"))[:3]
    sizes = []
    for wait in waits:
        instance = next(i for i in wait.path if i in run.parts)
        live = run.definition.load(run.text, apart=parts)
        live.complete(wait.task, {"o": "x" * 50}, instance)
        text, changed = live.dump_apart()
        sizes.append(len(text))
        assert len(changed) == 1
        run.text, run.parts = text, {k: v for k, v in {**run.parts, **changed}.items() if v is not None}
    assert read == [next(i for i in w.path if i in run.parts or i in read) for w in waits]
    assert max(sizes) < 300 + 6 * count and sizes[-1] - sizes[0] <= 4


def test_outputs_of_instances_kept_apart_come_together_in_the_order_of_the_items():
    run = _thousand(12)
    for item in (3, 11, 0, 1, 2, 4, 5, 10, 9, 8, 7, 6):
        run.do("a", {"o": item * 2}, where={"it": item})
    assert run.tasks == "n"
    assert run.variables["r"] == [item * 2 for item in range(12)]
    assert run.parts == {}


def test_a_loop_without_a_wait_is_an_incident():
    xml = M.one(M.nodes("s:s x:g,h e:e") + M.script("sc", "k = 1"), "s g sc h; h g [k = 1]; h e *")
    with pytest.raises(bpmn.Incident, match=str(MAX_STEPS)):
        Run({"m": xml}).start()


@pytest.mark.parametrize("count", ["10 ** 12", "45000"])
def test_far_too_many_instances_are_an_incident(count):
    with pytest.raises(bpmn.Incident, match="steps"):
        Run(
            {
                "m": M.one(
                    M.nodes("s:s e:e")
                    + f'<task id="m">{M.mi("par", count)}</task>'
                    + f'<task id="n">{M.mi("par", count)}</task>',
                    "s m n e",
                )
            }
        ).start()


def test_a_process_that_calls_itself_for_ever_is_an_incident():
    xml = M.model(M.process(M.nodes("s:s e:e") + '<callActivity id="c" calledElement="p"/>', "s c e"))
    with pytest.raises(bpmn.Incident, match="nested deeper"):
        Run({"m": xml}).start()


def test_five_hundred_tasks_in_a_row_are_read():
    names = [f"t{i}" for i in range(500)]
    assert (
        Run({"m": M.one(M.nodes("s:s e:e u:" + ",".join(names)), "s " + " ".join(names) + " e")}).start().do("t0").tasks
        == "t1"
    )
