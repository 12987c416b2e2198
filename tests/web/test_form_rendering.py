"""A form as a page without scripts: label, hint, error, control; nothing unescaped; nothing typed is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, render_template_string
from lxml import html

from engine import forms, settings
from engine.database import Database
from engine.decisions.evaluator import Evaluator
from engine.errors import Invalid
from web import create_app
from web import forms as pages

PAGE = """{% import "forms/fields.html" as fields %}<main id="main">{{ fields.summary(page) }}{{ fields.known(page) }}
<form novalidate>{{ fields.form(page) }}</form></main>"""
COMPONENTS: list[dict[str, Any]] = [
    {
        "type": "text",
        "text": "# 说明\n**注意** [站内](https://a.example) <img src=x onerror=alert(1)> [坏](javascript:alert(1)) {{origin}}",
    },
    {"type": "textfield", "key": "origin", "label": "来源", "readonly": True, "properties": {"origin": "登记表"}},
    {
        "type": "textarea",
        "key": "plan",
        "label": "方案",
        "description": "写给没到会的人看",
        "validate": {"required": True},
    },
    {
        "type": "number",
        "key": "budget",
        "label": "概算",
        "appearance": {"suffixAdorner": "元"},
        "validate": {"required": True},
    },
    {"type": "datetime", "subtype": "date", "key": "held_on", "dateLabel": "日期"},
    {
        "type": "checklist",
        "key": "money",
        "label": "资金",
        "validate": {"required": True},
        "values": [{"value": "gift", "label": "捐赠"}, {"value": "aid", "label": "<补助>"}],
    },
    {
        "type": "radio",
        "key": "attitude",
        "label": "态度",
        "values": [{"value": "yes", "label": "赞成"}, {"value": "no", "label": "反对"}],
    },
    {"type": "textfield", "key": "why", "label": "为什么", "conditional": {"hide": '=attitude != "no"'}},
    {"type": "select", "key": "kind", "label": "类别", "values": [{"value": "r1", "label": "小修"}]},
    {"type": "checkbox", "key": "read_out", "label": "已宣读"},
    {
        "type": "dynamiclist",
        "path": "units",
        "label": "单位",
        "components": [{"type": "textfield", "key": "name", "label": "名称"}],
    },
    {"type": "filepicker", "key": "scan", "label": "附件", "multiple": True},
]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    database = Database(f"sqlite:///{tmp_path / 'yishi.sqlite'}")
    database.create_all()
    made = create_app(settings.load({"YISHI_HOME": str(tmp_path), "YISHI_SECRET": "for tests"}), database)
    yield made
    database.close()


@pytest.fixture
def form() -> forms.Form:
    return forms.load(json.dumps({"components": COMPONENTS}).encode(), Evaluator(), "proposal.form")


def shown(app: Flask, form: forms.Form, typed: Mapping[str, list[str]] | None = None, attached: Any = ()) -> Any:
    """-> the page as a tree: as it begins, or as it comes back after `typed` was refused."""
    problems, context = {}, {"origin": "居民<i>提出</i>"}
    if typed is not None:
        with pytest.raises(Invalid) as caught:
            form.check(typed, context)
        problems = caught.value.problems
    with app.test_request_context(headers={"Accept-Language": "en"}):
        return html.fromstring(render_template_string(PAGE, page=pages.page(form, context, typed, problems, attached)))


def test_every_control_has_its_name_label_and_words(app: Flask, form: forms.Form) -> None:
    tree = shown(app, form)
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    for control in tree.xpath("//input[not(@type='hidden')] | //textarea | //select"):
        assert tree.xpath("//label[@for=$id]", id=control.get("id")), control.get("name")
        for described in (control.get("aria-describedby") or "").split():
            assert described in ids
    plan = tree.get_element_by_id("f-plan")
    assert plan.get("aria-describedby") == "f-plan-h" and plan.get("aria-required") == "true"
    assert [each.tag for each in plan.getparent()] == ["label", "p", "textarea"]
    assert tree.xpath("string(//label[@for='f-held_on'])") == "日期 optional"
    assert tree.get_element_by_id("f-held_on").get("type") == "date"
    assert tree.get_element_by_id("f-budget").get("inputmode") == "decimal"
    assert tree.xpath("string(//fieldset[@id='f-money']/legend)") == "资金"
    assert tree.get_element_by_id("f-units").tag == "fieldset" and tree.xpath(
        "//input[@name='units[0]'][@type='hidden']"
    )


def test_the_first_button_is_the_one_that_enter_should_press(app: Flask, form: forms.Form) -> None:
    first = shown(app, form).xpath("//form//button")[0]
    assert (first.get("name"), first.get("value"), first.get("tabindex")) == ("do", "submit", "-1")
    others = shown(app, form).xpath("//form//button")[1:]
    assert {button.get("name") for button in others} == {"_add", "_refresh"}
    assert all(button.get("formnovalidate") is not None for button in others)


def test_what_is_known_stands_above_and_is_not_asked(app: Flask, form: forms.Form) -> None:
    tree = shown(app, form)
    assert "居民<i>提出</i>" in tree.xpath("string(//div[@class='y-known'])") and not tree.xpath("//i")
    assert not tree.xpath("//*[@name='origin']") and not tree.xpath("//*[@name='why']")


def test_a_refused_form_comes_back_as_typed_with_links_to_what_is_wrong(app: Flask, form: forms.Form) -> None:
    typed = {
        "plan": ["\n<script>alert(1)</script>\n&amp; 😀"],
        "budget": ['十八"万'],
        "held_on": ["四月"],
        "attitude": ["no"],
        "why": ["<b>"],
        "units[0].name": ["甲"],
        "units[7].name": ["'\"><x>"],
        "read_out": ["true"],
        "forged": ["x"],
    }
    tree = shown(app, form, typed)
    summary = tree.get_element_by_id("errors")
    assert (summary.get("role"), summary.get("tabindex")) == ("alert", "-1")
    links = [link.get("href") for link in summary.iter("a")]
    assert links == ["#f-budget", "#f-held_on", "#f-money", "#f-forged"]
    assert all(tree.xpath("//*[@id=$id]", id=link[1:]) for link in links[:3])
    budget = tree.get_element_by_id("f-budget")
    assert (budget.get("value"), budget.get("aria-invalid"), budget.get("aria-describedby")) == (
        '十八"万',
        "true",
        "f-budget-e f-budget-s",
    )
    assert (tree.get_element_by_id("f-held_on").get("value"), tree.get_element_by_id("f-held_on").get("type")) == (
        "四月",
        "text",
    )
    assert tree.get_element_by_id("f-plan").text.removeprefix("\n") == typed["plan"][0]
    assert tree.get_element_by_id("f-units-7-name").get("value") == "'\"><x>"
    assert tree.get_element_by_id("f-why").get("value") == "<b>"
    assert tree.get_element_by_id("f-read_out").get("checked") is not None
    assert tree.xpath("//input[@name='attitude'][@checked]/@value") == ["no"]
    assert not tree.xpath("//script | //x | //b[not(ancestor::dl)]")


def test_texts_of_a_form_bring_no_code_and_no_pictures(app: Flask, form: forms.Form) -> None:
    tree = shown(app, form)
    prose = tree.xpath("//div[@class='y-prose']")[0]
    assert [each.tag for each in prose.iter()][1:] == ["h2", "p", "strong", "a"]
    assert prose.xpath(".//a/@href") == ["https://a.example"]
    source = html.tostring(tree, encoding="unicode")
    assert (
        " style=" not in source
        and "<script" not in source
        and "onerror=" not in source.replace("&lt;img src=x onerror=", "")
    )


def test_attached_papers_are_listed_with_a_button_each(app: Flask, form: forms.Form) -> None:
    paper = SimpleNamespace(id=7, name="记录<1>.pdf", size=2048, field="scan")
    tree = shown(app, form, attached=[paper])
    assert "记录<1>.pdf" in tree.xpath("string(//ul[@class='y-rows']/li)")
    assert tree.xpath("//button[@name='_remove_paper']/@value") == ["7"]
    picker = tree.get_element_by_id("f-scan")
    assert ".pdf" in picker.get("accept") and picker.get("multiple") is not None


def test_the_blank_form_for_paper_has_every_field(app: Flask, form: forms.Form) -> None:
    with app.test_request_context(headers={"Accept-Language": "en"}):
        page = pages.page(form, {})
        text = html.fromstring(
            render_template_string('{% import "forms/fields.html" as f %}<div>{{ f.blank(page) }}</div>', page=page)
        ).text_content()
    for label in ("方案", "概算", "日期", "□ 捐赠", "□ <补助>", "□ 赞成", "单位", "名称"):
        assert label in text


def test_a_paper_is_sent_to_be_saved_never_to_be_shown(app: Flask) -> None:
    paper: Any = SimpleNamespace(name="记录.pdf", media_type="application/pdf", sha256="ab" * 32)
    with app.test_request_context():
        answer = pages.send(paper, b"%PDF-1.7")
    assert (
        answer.headers["Content-Disposition"].startswith("attachment;")
        and "%E8%AE%B0" in answer.headers["Content-Disposition"]
    )
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Cache-Control"]) == ("nosniff", "no-store")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
