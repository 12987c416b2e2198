"""Drawings made by the server: every element is there, they hold nothing active, and states are told without colour."""

import re

import pytest
from lxml import etree

from engine import packs
from engine.errors import ModelRefused
from engine.packs.layout import layout
from engine.packs.picture import svg, wrap
from tests.engine.packs.sketch import build

NAMESPACE = "{http://www.w3.org/2000/svg}"
VISIT = build("""
process visit 入户走访
lane clerk 社区专干
start:message begin 收到
user register 登记居民反映的情况和联系方式
xor urgent 急不急？
call decide 当面决定
timer~register late 逾期
service remind 催办
end:terminate done 办结
end later 再说
begin > register > urgent
urgent > decide : 急
urgent > later : 不急
decide > done
late > remind
event-sub withdrawn 撤回
start:signal withdrawal 收到撤回
end withdrawal_done 已撤回
withdrawal > withdrawal_done
end
""")


def drawn(text):
    return etree.fromstring(text.encode())


def groups(root):
    return {group.get("data-element"): group for group in root.iter(f"{NAMESPACE}g")}


def test_every_element_of_a_model_is_drawn_and_named():
    root = drawn(svg(layout(VISIT)))
    model = etree.fromstring(VISIT)
    shown = {
        e.get("id")
        for e in model.iter()
        if etree.QName(e).localname.endswith(("Event", "Task", "Gateway", "Flow", "Activity", "subProcess"))
    }
    assert shown <= groups(root).keys()
    words = "".join("".join(text.itertext()) for text in root.iter(f"{NAMESPACE}text"))
    for name in ("入户走访", "社区专干", "登记居民反映的情况和联系方式", "急不急？", "不急", "逾期", "撤回"):
        assert name in words
    assert root.get("role") == "img"
    assert root.get("aria-label") == "入户走访"
    assert root[0].tag == f"{NAMESPACE}title"


def test_a_model_without_a_drawing_is_laid_out_first():
    assert svg(VISIT) == svg(layout(VISIT))


def test_states_are_classes_and_what_is_done_has_a_tick():
    found = groups(drawn(svg(VISIT, "visit", done=["begin"], now=["register"], bad=["decide"], tags={"register": "第 8 天"})))
    assert [found[name].get("class") for name in ("begin", "register", "decide", "done")] == ["done", "now", "bad", None]
    assert "✓" in "".join(found["begin"].itertext())
    assert "第 8 天" in "".join(found["register"].itertext())
    assert "✓" not in "".join(found["register"].itertext())


def test_a_drawing_holds_nothing_active_and_no_style():
    hostile = VISIT.replace("当面决定".encode(), b"&lt;script&gt;alert(1)&lt;/script&gt;").replace(
        "社区专干".encode(), b"&quot; onload=&quot;x"
    )
    text = svg(hostile, title='"><script>')
    root = drawn(text)
    assert {etree.QName(e).localname for e in root.iter()} <= {"svg", "title", "g", "rect", "circle", "path", "text", "tspan"}
    assert not [key for e in root.iter() for key in e.attrib if key.startswith("on") or key in ("style", "href", "id")]
    assert "<script" not in text


def test_numbers_that_are_none_do_not_get_into_the_drawing():
    text = layout(VISIT).replace(b'x="160"', b'x="NaN"').replace(b'width="100"', b'width="1e99"').replace(b'y="', b'y="1', 1)
    assert not re.search(r"nan|inf|1e", svg(text), re.IGNORECASE)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ModelRefused, match="no process unknown"):
        svg(VISIT, "unknown")
    with pytest.raises(ModelRefused, match="not a BPMN model"):
        svg(b"<svg/>")
    far = re.sub(rb'(<dc:Bounds x=")[^"]+', rb"\g<1>90000", layout(VISIT), count=1)
    with pytest.raises(ModelRefused, match="larger than"):
        svg(far)


def test_all_shipped_models_can_be_drawn():
    for pack in packs.shipped():
        for path, data in pack.models.items():
            found = groups(drawn(svg(data)))
            assert found, path


def test_names_are_wrapped_in_lines_of_even_length():
    assert wrap("登记居民反映的情况", 80, 12) == ["登记居民反", "映的情况"]
    assert wrap("一征 征求意见和研究", 80, 12) == ["一征 征求", "意见和研究"]
    assert wrap("register the case", 80, 12) == ["register", "the case"]
    assert wrap("好", 80, 12) == ["好"]
