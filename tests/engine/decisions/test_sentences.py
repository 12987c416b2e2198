"""What people read can be said in their language."""

from engine import decisions, feel
from tests.engine.decisions.models import decision, model

CHINESE = {
    "a {kind} cannot be ordered with a {other}": "{kind}不能与{other}比较大小", "number": "数", "string": "文本",
    "{name}(): {refusal}": "{name}()：{refusal}", "the list is empty": "列表是空的", "{kind} “{name}”": "{kind}“{name}”",
    "decision": "决策", "expected {what} but found {found}{hint}": "此处应为{what}，而不是{found}{hint}",
    "an expression": "表达式", "the end": "结尾", "{where}: {message}": "{where}：{message}",
    "{message} (line {line}, column {column})": "{message}（第 {line} 行第 {column} 列）",
}


def chinese(template):
    return CHINESE.get(template, template)


def test_a_reason():
    reasons = feel.compile('1 < "a"').evaluate({}).reasons
    assert str(reasons[0].sentence) == "a number cannot be ordered with a string"
    assert reasons[0].sentence.translated(chinese) == "数不能与文本比较大小"


def test_a_reason_inside_of_a_reason():
    reasons = feel.compile("max([])").evaluate({}).reasons
    assert reasons[0].sentence.translated(chinese) == "max()：列表是空的"


def test_an_error_and_a_place():
    problems = decisions.load(model(decision("表决", "1 +")), lenient=True).problems
    assert problems[0].sentence.translated(chinese) == "决策“表决”：此处应为表达式，而不是结尾（第 1 行第 4 列）"


def test_what_is_quoted_is_not_read_as_a_place():
    reasons = feel.compile('number("{text}{kind}")').evaluate({}).reasons
    assert str(reasons[0].sentence) == "number(): expected a number but found “{text}{kind}”"
