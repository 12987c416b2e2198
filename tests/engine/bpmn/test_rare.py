"""The rarer elements: complex gateways, quantities, parallel multiple and instantiating events, behavior, correlation."""

import pytest

from tests.engine.bpmn import models as M
from tests.engine.bpmn.driver import Run

APART = pytest.mark.parametrize("apart", [False, True], ids=["whole", "apart"])


@APART
def test_a_complex_gateway_fires_at_its_condition_and_takes_the_rest_before_it_begins_anew(apart):
    gateway = (
        '<complexGateway id="g"><activationCondition>activationCount &gt;= 2</activationCondition></complexGateway>'
    )
    run = Run(
        {"m": M.one(M.nodes("s:s p:f u:a,b,c,d e:e") + gateway, "s f; f a; f b; f c; a g; b g; c g; g d e")},
        apart=apart,
    ).start()
    assert run.do("a").tasks == "b c"
    assert run.do("b").tasks == "c d"
    assert run.do("d").tasks == "c"
    assert run.do("c").state == "completed"
    assert run.completed.count("d") == 1


@APART
def test_quantities_of_tokens(apart):
    run = Run(
        {
            "m": M.one(
                M.nodes("s:s p:f u:b e:e")
                + '<userTask id="a" completionQuantity="2"/><userTask id="c" startQuantity="3"/>',
                "s f; f a c; f b c; c e",
            )
        },
        apart=apart,
    ).start()
    assert run.do("a").tasks == "b"
    assert run.do("b").tasks == "c"
    assert run.do("c").state == "completed"


@APART
def test_a_parallel_multiple_event_waits_for_all_its_events(apart):
    catch = f'<intermediateCatchEvent id="c" parallelMultiple="true">{M.ev("msg:M")}{M.ev("sig:S")}{M.ev("timer:PT1H")}</intermediateCatchEvent>'
    run = Run({"m": M.one(M.nodes("s:s u:n e:e") + catch, "s c n e")}, apart=apart).start()
    assert run.message("M", {"v": 1}) and not run.message("M")
    assert (run.tasks, [w.kind for w in run.waits()]) == ("", ["signal", "timer"])
    run.until(run.now.replace(hour=2))
    assert run.tasks == ""
    run.signal("S")
    assert (run.tasks, run.variables["v"]) == ("n", 1)


def test_a_multiple_event_needs_one_of_its_events():
    catch = f'<intermediateCatchEvent id="c">{M.ev("msg:M")}{M.ev("sig:S")}</intermediateCatchEvent>'
    run = Run({"m": M.one(M.nodes("s:s u:n e:e") + catch, "s c n e")}).start()
    run.signal("S")
    assert (run.tasks, run.waiting) == ("n", "")


@APART
def test_an_instance_begins_at_a_receive_task_or_behind_an_event_gateway(apart):
    receive = M.one(M.nodes("u:a e:e") + '<receiveTask id="r" messageRef="M" instantiate="true"/>', "r a e")
    run = Run({"m": receive}, apart=apart)
    assert [(w.element, w.name) for w in run.definition.start_waits("p")] == [("r", "M")]
    assert run.start({"k": 1}, "r").tasks == "a"
    for kind, tasks, waiting in (("Exclusive", "a", ""), ("Parallel", "a", "n")):
        xml = M.one(
            M.nodes("u:a,b e:e")
            + f'<eventBasedGateway id="g" instantiate="true" eventGatewayType="{kind}"/>'
            + M.catch("m", "msg:M")
            + M.catch("n", "msg:N"),
            "g m a e; g n b e",
        )
        run = Run({"m": xml}, apart=apart)
        assert [w.element for w in run.definition.start_waits("p")] == ["m", "n"]
        run.start(None, "m")
        assert (run.tasks, run.waiting) == (tasks, waiting)
    run.message("N")
    assert run.do("a b").state == "completed"


@pytest.mark.parametrize(("behavior", "count"), [("None", 3), ("One", 1)])
def test_instances_tell_that_they_are_done(behavior, count):
    loop = M.mi("par", 3).replace(
        "isSequential", f'behavior="{behavior}" {behavior.lower()}BehaviorEventRef="ed" isSequential'
    )
    roots = M.ROOTS + '<signalEventDefinition id="ed" signalRef="S"/>'
    xml = M.model(
        M.process(
            M.nodes("s:s u:n,x e:e,e2") + f'<userTask id="m">{loop}</userTask>' + M.boundary("b", "m", "sig:S", False),
            "s m n e; b x e2",
        ),
        roots=roots,
    )
    run = Run({"m": xml}).start().do("m m m")
    assert run.tasks.split().count("x") == count


@APART
def test_a_subprocess_undoes_itself_by_its_own_compensation(apart):
    inner = M.nodes("s:ss u:a e:se") + M.esp("es", M.start("cs", "comp") + M.nodes("u:x e:xe"), "cs x xe")
    run = Run(
        {"m": M.one(M.nodes("s:s u:b,c e:e") + M.sub("sp", inner, "ss a se") + M.throw("t", "comp"), "s sp b t c e")},
        apart=apart,
    ).start()
    run.do("a b")
    assert run.tasks == "x"
    assert run.do("x").tasks == "c"
    assert run.do("c").state == "completed"


def test_instances_of_a_parallel_activity_are_undone_together():
    undo = (
        f'<boundaryEvent id="cb" attachedToRef="a">{M.ev("comp")}</boundaryEvent><userTask id="undo" isForCompensation="true"/>'
        '<association id="as" sourceRef="cb" targetRef="undo"/>'
    )
    run = Run(
        {
            "m": M.one(
                M.nodes("s:s u:c e:e") + f'<userTask id="a">{M.mi("par", 2)}</userTask>' + undo + M.throw("t", "comp"),
                "s a t c e",
            )
        }
    )
    assert run.start().do("a a").tasks == "undo undo"
    assert run.do("undo").tasks == "undo"
    assert run.do("undo").tasks == "c"


def test_a_message_finds_the_instance_whose_key_it_brings():
    receive = '<receiveTask id="r" messageRef="M" v:correlationKey="=number"/>'
    run = Run({"m": M.one(M.nodes("s:s u:n e:e") + receive, "s r n e")}).start({"number": 7})
    assert run.waits("message")[0].correlation == {"number": 7}
    assert not run.message("M", {"text": "to nobody"})
    assert not run.message("M", {}, {"number": 8})
    assert run.message("M", {"number": 7})
    assert run.tasks == "n"


def test_the_first_message_fixes_the_key_of_the_conversation():
    roots = M.ROOTS + (
        '<correlationProperty id="order"><correlationPropertyRetrievalExpression messageRef="M"><messagePath>number</messagePath>'
        '</correlationPropertyRetrievalExpression><correlationPropertyRetrievalExpression messageRef="N"><messagePath>about.number'
        "</messagePath></correlationPropertyRetrievalExpression></correlationProperty>"
    )
    xml = M.model(
        M.process(M.nodes("s:s u:n e:e") + M.throw("t", "msg:M") + M.catch("c", "msg:N"), "s t c n e"), roots=roots
    )
    run = Run({"m": xml}).start({"number": 7})
    assert run.thrown[0].correlation == {"order": 7} == run.waits("message")[0].correlation
    assert run.definition.correlation("N", {"about": {"number": 9}}) == {"order": 9}
    assert not run.message("N", {"about": {"number": 9}})
    assert run.message("N", {"about": {"number": 7}})


def test_two_inclusive_joins_that_wait_for_each_other_are_an_incident():
    from engine.bpmn import Incident

    xml = M.one(
        M.nodes("s:s p:f i:j,k x:g,h u:a,b e:e"), "s f; f a j; f b k; j g; g k [true]; g e *; k h; h j [true]; h e *"
    )
    run = Run({"m": xml}).start().do("a")
    with pytest.raises(Incident, match="j, k"):
        run.do("b")
