"""A procedure in words, as residents and screen readers get it."""

from engine.packs.layout import layout
from engine.packs.outline import outline, steps
from tests.engine.packs.sketch import build

VISIT = build("""
process visit 入户走访
lane clerk 社区专干
start begin 开始
user register 登记
xor urgent 急不急？
lane leader 组织员
user decide 当面决定
timer@decide late 逾期
user remind 催办
lane clerk 社区专干
xor together
sub talk 座谈
start talk_begin 开始
user hear 听取意见
end talk_end 结束
talk_begin > hear > talk_end
end
end done 办结
event-sub withdrawn 撤回
start:message withdrawal 收到撤回
end withdrawal_done 已撤回
withdrawal > withdrawal_done
end
begin > register > urgent
urgent > decide : 急
urgent > talk : 不急
decide > together
talk > together
together > done
late > remind > register
""")


def test_steps_stand_in_reading_order_with_numbers_lanes_and_ways():
    assert (
        outline(VISIT)
        == """\
入户走访 (visit)
  1  开始 [begin · 社区专干]
     → 2 登记
  2  登记 [a task for people · 社区专干]
     → 3 急不急？
  3  急不急？ [one way is taken · 社区专干]
     急 → 4 当面决定
     不急 → 6 座谈
  4  当面决定 [a task for people · 组织员]
     → 7 办结
     ! 逾期 (time: )
       → 5 催办
  5  催办 [a task for people · 组织员]
     → 2 登记
  6  座谈 [a part of the procedure · 社区专干]
     → 7 办结
    6.1  开始 [begin · 社区专干]
         → 6.2 听取意见
    6.2  听取意见 [a task for people · 社区专干]
         → 6.3 结束
    6.3  结束 [end · 社区专干]
  7  办结 [end · 社区专干]
  8  撤回 [begins when something happens meanwhile · 社区专干]
    8.1  收到撤回 [begin · message  · 社区专干]
         → 8.2 已撤回
    8.2  已撤回 [end · 社区专干]
"""
    )


def test_a_drawing_changes_nothing_in_the_words():
    assert outline(layout(VISIT)) == outline(VISIT)


def test_the_words_can_be_said_in_another_language():
    chinese = {"a task for people": "人工步骤", "begin": "开始"}
    assert "登记 [人工步骤 · 社区专干]" in outline(VISIT, lambda text: chinese.get(text, text))


def test_steps_are_records_for_pages():
    found = {step.id: step for step in steps(VISIT, "visit")}
    assert found["hear"].depth == 1
    assert found["hear"].number == "6.2"
    assert [str(way.sentence()) for way in found["urgent"].ways] == ["急 → 4 当面决定", "不急 → 6 座谈"]
    (late,) = found["decide"].boundary
    assert late.interrupts
    assert late.ways[0].to == "remind"
    assert steps(VISIT, "unknown") == []


def test_steps_that_nothing_leads_to_and_circles_are_told_as_well():
    astray = build("bare p 名\nstart s\nend e\nuser a 甲\nuser b 乙\nuser c 丙\ns > e\na > b > a\nc > c")
    assert [step.id for step in steps(astray)] == ["s", "e", "a", "b", "c"]
