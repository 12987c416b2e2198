"""What people and the layers above do with an instance: refuse, send back, cancel, throw, migrate; and what they are told."""

import pytest

from engine import bpmn
from engine.bpmn import nodes
from tests.engine.bpmn import models as M
from tests.engine.bpmn.driver import Run, evaluator

TWO = M.one(M.nodes("s:s u:a,b e:e"), "s a b e")
FORK = M.one(M.nodes("s:s p:f,j u:a,b,c e:e"), "s f a j c e; f b j")


def undo(of):
    return (
        f'<boundaryEvent id="cb_{of}" attachedToRef="{of}">{M.ev("comp")}</boundaryEvent><userTask id="undo_{of}" isForCompensation="true"/>'
        f'<association id="as_{of}" sourceRef="cb_{of}" targetRef="undo_{of}"/>'
    )


def test_work_that_is_done_cannot_be_done_again():
    run = Run({"m": TWO}).start()
    task = run.find("a").task
    run.do("a")
    with pytest.raises(bpmn.Conflict, match="no longer open"):
        run.live.complete(task)


def test_a_person_cannot_do_a_job_nor_a_worker_the_work_of_people():
    run = Run({"m": M.one(M.nodes("s:s p:f u:a") + '<serviceTask id="j"/>', "s f a; f j")}).start()
    with pytest.raises(bpmn.Conflict):
        run.live.complete(run.find("j").task)
    with pytest.raises(bpmn.Conflict):
        run.live.job_done(run.find("a").task)


def test_work_is_sent_back():
    run = Run({"m": TWO}).start().do("a")
    run.live.modify(cancel=[run.find("b").task], start=[("a", None)])
    assert run.save().tasks == "a"
    assert run.do("a b").state == "completed"


def test_a_branch_that_is_repeated_does_not_come_to_the_join_twice():
    run = Run({"m": FORK}).start().do("a")
    run.live.modify(start=[("a", None)])
    assert run.save().tasks == "a b"
    assert run.do("a b").tasks == "c"
    assert run.do("c").state == "completed"


def test_going_back_before_the_split_clears_the_join():
    run = Run({"m": FORK}).start().do("a")
    run.live.modify(cancel=[run.find("b").task], start=[("f", None)])
    assert run.save().do("a b c").state == "completed"


def test_repeated_work_is_undone_once():
    run = (
        Run({"m": M.one(M.nodes("s:s u:a,b,c e:e") + undo("a") + M.throw("t", "comp"), "s a b t c e")}).start().do("a")
    )
    run.live.modify(cancel=[run.find("b").task], start=[("a", None)])
    run.save().do("a b")
    assert run.tasks == "undo_a"
    assert run.do("undo_a").tasks == "c"


def test_a_token_is_put_only_where_a_scope_is_open():
    run = Run(
        {"m": M.one(M.nodes("s:s u:a e:e") + M.sub("sp", M.nodes("s:ss u:b e:se"), "ss b se"), "s a sp e")}
    ).start()
    with pytest.raises(bpmn.Conflict, match="No open scope"):
        run.live.modify(start=[("b", None)])


def test_cancelling_tells_the_innermost_first():
    run = Run(
        {"m": M.one(M.nodes("s:s u:a e:e") + M.sub("sp", M.nodes("s:ss u:b e:se"), "ss b se"), "s sp a e")}
    ).start()
    run.live.cancel()
    run.save()
    assert (run.state, [e.element for e in run.events if e.what == "cancelled"]) == ("cancelled", ["b", "sp", "p"])


@pytest.mark.parametrize("kind", ["par", "seq"])
@pytest.mark.parametrize("apart", [False, True])
def test_an_instance_that_is_taken_away_is_not_waited_for(kind, apart):
    run = Run(
        {"m": M.one(M.nodes("s:s u:n e:e") + f'<userTask id="m">{M.mi(kind, 3)}</userTask>', "s m n e")}, apart=apart
    ).start()
    assert run.drop("m").do("m m").tasks == "n"


def test_an_ad_hoc_subprocess_without_a_condition_is_ended_by_a_person():
    run = Run(
        {"m": M.one(M.nodes("s:s u:n e:e") + M.sub("ah", M.nodes("u:a,b,c"), "a c", tag="adHocSubProcess"), "s ah n e")}
    ).start()
    run.pick("a")
    with pytest.raises(bpmn.Conflict, match="still open"):
        run.finish("ah")
    assert run.do("a c").tasks == ""
    assert run.finish("ah").tasks == "n"


def test_in_a_sequential_ad_hoc_subprocess_one_activity_follows_the_other():
    xml = M.one(
        M.nodes("s:s u:n e:e")
        + M.sub("ah", M.nodes("u:a,b"), "", tag="adHocSubProcess", extra='ordering="Sequential"'),
        "s ah n e",
    )
    run = Run({"m": xml}).start().pick("a")
    with pytest.raises(bpmn.Conflict, match="one activity follows the other"):
        run.pick("b")
    assert run.do("a").pick("b").tasks == "b"


def test_messages_and_signals_go_out_with_the_variables():
    xml = M.one(M.nodes("s:s p:f") + '<sendTask id="st" messageRef="M"/>' + M.end("se", "sig:S"), "s f st; f se")
    run = Run({"m": xml}).start({"k": 1})
    assert [(t.kind, t.name, t.element, t.variables) for t in run.thrown] == [
        ("message", "M", "st", {"k": 1}),
        ("signal", "S", "se", {"k": 1}),
    ]


def test_an_instance_begins_where_its_event_says():
    xml = M.one(
        M.start("sm", "msg:M") + M.start("st", "timer:PT1H") + M.start("sg", "sig:S") + M.nodes("s:s u:a,b,c,d e:e"),
        "s a e; sm b e; st c e; sg d e",
    )
    assert [Run({"m": xml}).start(None, at).tasks for at in (None, "sm", "st", "sg")] == ["a", "b", "c", "d"]
    waits = Run({"m": xml}).definition.start_waits("p")
    assert [(w.kind, w.element, w.name, w.due) for w in waits] == [
        ("message", "sm", "M", None),
        ("timer", "st", None, "2026-01-01T01:00:00+00:00"),
        ("signal", "sg", "S", None),
    ]
    with pytest.raises(bpmn.NotFound):
        Run({"m": xml}).start(None, "nowhere")


def test_the_history_tells_each_element_once():
    run = Run({"m": FORK}).start().do("a b c")
    assert sorted(run.completed) == ["a", "b", "c", "e", "f", "j", "p", "s"]
    assert sum(e.what == "flow" for e in run.events) == 7


def test_elements_tell_lanes_documentation_extensions_and_flows():
    xml = M.model(
        f'<process id="p" isExecutable="true" xmlns:yishi="http://yishi.org/schema/1.0"><documentation>About</documentation><laneSet id="ls"><lane id="l1" name="社区"><childLaneSet id="cl">'
        f'<lane id="l2" name="干部"><flowNodeRef>a</flowNodeRef></lane></childLaneSet></lane></laneSet>{M.nodes("s:s e:e")}'
        '<userTask id="a" name="征集" yishi:form="opinions" yishi:due="P3D"><documentation>How</documentation></userTask>'
        '<sequenceFlow id="f1" name="on" sourceRef="s" targetRef="a"/><sequenceFlow id="f2" sourceRef="a" targetRef="e"/></process>'
    )
    elements = bpmn.compile({"m": xml}, evaluator()).elements("p")
    a = elements["a"]
    assert (a.kind, a.name, a.lane, a.documentation, a.extensions) == (
        "userTask",
        "征集",
        ("社区", "干部"),
        "How",
        {"form": "opinions", "due": "P3D"},
    )
    assert (a.scope, [f.name for f in a.incoming], [f.target for f in a.outgoing], elements["p"].documentation) == (
        "p",
        ["on"],
        ["e"],
        "About",
    )


# --- migration --------------------------------------------------------------------------------------------------------
def moved(old, new, names=None, before=lambda run: run):
    run = before(Run({"m": old}).start({"k": 1}))
    fresh = Run({"m": new})
    fresh.live = fresh.definition.load(run.live.dump(), names or {})
    return fresh.save()


def test_work_moves_to_a_new_version_under_its_new_name():
    run = moved(TWO, M.one(M.nodes("s:s u:a,b2,c e:e"), "s a b2 c e"), {"b": "b2"}, lambda run: run.do("a"))
    assert run.tasks == "b2"
    assert run.do("b2 c").state == "completed"
    assert run.variables["k"] == 1


def test_work_on_a_missing_element_or_one_of_another_kind_does_not_move():
    with pytest.raises(bpmn.Conflict, match="lacks"):
        moved(TWO, M.one(M.nodes("s:s u:x e:e"), "s x e"))
    with pytest.raises(bpmn.Conflict, match="serviceTask"):
        moved(TWO, M.one(M.nodes("s:s e:e") + '<serviceTask id="a"/>', "s a e"))
    with pytest.raises(bpmn.Conflict, match="repeated"):
        moved(TWO, M.one(M.nodes("s:s e:e") + f'<userTask id="a">{M.mi("par", 2)}</userTask>', "s a e"))


def test_what_the_new_version_adds_is_armed_and_what_it_lacks_is_dropped():
    plain, timed = (
        M.one(M.nodes("s:s u:a e:e"), "s a e"),
        M.one(M.nodes("s:s u:a e:e") + M.boundary("t", "a", "timer:PT1H"), "s a e; t e"),
    )
    assert moved(plain, timed).waiting == "t"
    assert moved(timed, plain).waiting == ""
    renamed = moved(timed, timed.replace(b'"t"', b'"t2"'), {"t": "t2"})
    assert [w.due for w in renamed.waits("timer")] == ["2026-01-01T01:00:00+00:00"]


def test_a_timer_that_has_fired_is_not_set_again():
    timed = M.one(M.nodes("s:s u:a,x e:e") + M.boundary("t", "a", "timer:PT1H", False), "s a e; t x e")
    fired = moved(timed, timed, {}, lambda run: run.until(run.now.replace(hour=2)))
    assert (fired.tasks, fired.waiting) == ("a x", "")


def test_tokens_at_a_join_move_with_their_flows():
    named = FORK.replace(b'id="j"', b'id="k"').replace(b'Ref="j"', b'Ref="k"')
    assert moved(FORK, named, {"j": "k"}, lambda run: run.do("a")).do("b").tasks == "c"
    with pytest.raises(bpmn.Conflict, match="no such join"):
        moved(FORK, named, {}, lambda run: run.do("a"))


def test_done_work_can_still_be_undone_under_its_new_name():
    old = M.one(M.nodes("s:s u:a,b,c e:e") + undo("a") + M.throw("t", "comp"), "s a b t c e")
    new = old.replace(b'"a"', b'"a2"')
    assert moved(old, new, {"a": "a2"}, lambda run: run.do("a")).do("b").tasks == "undo_a"
    with pytest.raises(bpmn.Conflict, match="undone"):
        moved(old, new, {}, lambda run: run.do("a"))


# --- what must never change -------------------------------------------------------------------------------------------
def test_no_spec_is_written_to_after_compiling():
    body = (
        M.nodes("s:s u:a,b p:f,j i:g,h e:e")
        + M.esp("es", M.start("ev", "msg:M", False) + M.nodes("u:x e:xe"), "ev x xe")
        + M.sub("ah", M.nodes("u:q"), "", tag="adHocSubProcess")
        + f'<userTask id="m">{M.mi("par", 2)}</userTask>'
        + M.boundary("t", "a", "cycle:R3/PT1H", False)
    )
    run = Run({"m": M.one(body, "s f; f a j; f b j; j g; g m h; h ah e; t e")})
    before = _picture(run.definition)
    run.start()
    run.message("M")
    run.until(run.now.replace(hour=2))
    run.do("a b x m m").pick("q").do("q").finish("ah")
    assert run.state == "completed"
    assert _picture(run.definition) == before


def _picture(definition):
    seen = set()

    def picture(thing):
        if isinstance(thing, dict):
            return [(picture(k), picture(v)) for k, v in thing.items()]
        if isinstance(thing, list | tuple | set | frozenset):
            return (
                sorted(repr(picture(each)) for each in thing)
                if isinstance(thing, set | frozenset)
                else [picture(e) for e in thing]
            )
        if not hasattr(thing, "__dict__") or isinstance(thing, type) or thing is definition.evaluator:
            return repr(thing)
        if id(thing) in seen:
            return type(thing).__name__
        seen.add(id(thing))
        return type(thing).__name__, [(k, picture(v)) for k, v in vars(thing).items()]

    return picture(dict(definition.processes))


def test_every_kind_of_element_has_a_code_of_its_own_in_the_stored_state():
    found = [c for c in vars(nodes).values() if isinstance(c, type) and issubclass(c, nodes.Node) and c.code]
    assert len({c.code for c in found}) == len(found) > 20
