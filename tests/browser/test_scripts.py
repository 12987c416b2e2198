"""What the scripts add to a page, under the policy that every page has; and what is left when they fail."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, expect

STATIC = Path(__file__).parents[2] / "web" / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
MODEL = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:di="http://www.omg.org/spec/BPMN/20100524/DI"
 xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" xmlns:dd="http://www.omg.org/spec/DD/20100524/DI" id="d"
 targetNamespace="yishi">
<process id="p" isExecutable="true"><startEvent id="motion" name="动议"/><userTask id="propose" name="两委提议"/>
<userTask id="consult" name="单位商议"/><sequenceFlow id="f1" sourceRef="motion" targetRef="propose"/>
<sequenceFlow id="f2" sourceRef="propose" targetRef="consult"/></process>
<di:BPMNDiagram xmlns:di="http://www.omg.org/spec/BPMN/20100524/DI" id="D"><BPMNPlane
 xmlns="http://www.omg.org/spec/BPMN/20100524/DI" id="P" bpmnElement="p">
<BPMNShape id="s1" bpmnElement="motion"><dc:Bounds x="100" y="102" width="36" height="36"/></BPMNShape>
<BPMNShape id="s2" bpmnElement="propose"><dc:Bounds x="200" y="80" width="100" height="80"/></BPMNShape>
<BPMNShape id="s3" bpmnElement="consult"><dc:Bounds x="2400" y="80" width="100" height="80"/></BPMNShape>
<BPMNEdge id="e1" bpmnElement="f1"><dd:waypoint x="136" y="120"/><dd:waypoint x="200" y="120"/></BPMNEdge>
<BPMNEdge id="e2" bpmnElement="f2"><dd:waypoint x="300" y="120"/><dd:waypoint x="2400" y="120"/></BPMNEdge>
</BPMNPlane></di:BPMNDiagram></definitions>"""


@dataclass
class Site:
    """A small server: pages by path, and what was posted to it."""

    url: str = ""
    pages: dict[str, str] = field(default_factory=dict)
    answer: int = 204
    posted: list[dict[str, list[str]]] = field(default_factory=list)

    def page(self, body: str, *bundles: str, words: dict[str, str] | None = None) -> str:
        """-> the address of a Chinese page with this body and these bundles."""
        self.pages["/page"] = (
            '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
            '<link rel="icon" href="/static/vendor/icons.svg"><title>议事</title>'
            '<link rel="stylesheet" href="/static/vendor/bootstrap.min.css"><link rel="stylesheet"'
            ' href="/static/yishi.css"><link rel="stylesheet" href="/static/vendor/diagram.css"></head><body>'
            f'<main><h1>议事</h1>{body}</main><script type="application/json" id="words">{json.dumps(words or {})}</script>'
            + "".join(f'<script type="module" src="/static/vendor/{name}.js"></script>' for name in bundles)
            + "</body></html>"
        )
        return f"{self.url}/page"


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/static/"):
                file = STATIC / self.path.removeprefix("/static/")
                self._send(200, TYPES[file.suffix], file.read_bytes())
            elif self.path in site.pages:
                self._send(200, "text/html; charset=utf-8", site.pages[self.path].encode())
            else:
                self._send(404, "text/plain", b"")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            site.posted.append(parse_qs(body))
            self._send(site.answer, "text/plain", b"")

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *values: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


FORM = """<form method="post" action="/complete" data-autosave="/draft"><input type="hidden" name="csrf_token" value="k9">
<label for="t">意见</label><textarea id="t" name="opinion"></textarea><input type="file" name="paper" aria-label="材料">
<p data-autosave-state role="status"></p></form>"""


def test_what_is_typed_is_kept_two_seconds_later(site: Site, page: Page) -> None:
    page.goto(site.page(FORM, "autosave", words={"Saved at {time}": "{time} 已存"}))
    page.fill("textarea", "同意改造，电梯先修。")
    expect(page.locator("[data-autosave-state]")).to_have_text(re.compile(r"^\d\d:\d\d 已存$"))
    assert site.posted == [{"csrf_token": ["k9"], "opinion": ["同意改造，电梯先修。"]}]


def test_what_is_typed_is_kept_when_the_page_goes_out_of_sight(site: Site, page: Page) -> None:
    page.goto(site.page(FORM, "autosave"))
    page.fill("textarea", "先写一半")
    page.evaluate(
        "Object.defineProperty(document, 'visibilityState', { value: 'hidden' });"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    expect(page.locator("[data-autosave-state]")).to_contain_text("Saved at")
    assert site.posted[0]["opinion"] == ["先写一半"]


def test_a_draft_that_could_not_be_kept_is_said_in_words_and_tried_again(site: Site, page: Page) -> None:
    site.answer = 503
    page.goto(site.page(FORM, "autosave"))
    page.fill("textarea", "第一句")
    state = page.locator("[data-autosave-state]")
    expect(state).to_contain_text("Not saved at")
    expect(page.locator("textarea")).to_have_value("第一句")
    site.answer = 204
    page.fill("textarea", "第一句，第二句")
    expect(state).to_contain_text(re.compile("^Saved at"))
    assert site.posted[-1]["opinion"] == ["第一句，第二句"]


def _diagram(site: Site, model: str, state: dict[str, list[str]]) -> str:
    site.pages["/model"] = model
    return (
        '<div class="y-dia" tabindex="0" role="group" aria-label="流程图" data-diagram="/model"><svg class="drawn"'
        ' viewBox="0 0 9 9" role="img" aria-label="流程图"></svg><script type="application/json" data-diagram-state>'
        f"{json.dumps(state)}</script></div>"
    )


def test_the_diagram_shows_where_the_matter_stands(site: Site, page: Page, axe: Callable[[Page], list[str]]) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    state = {"done": ["motion", "propose"], "now": ["consult"], "bad": ["gone_from_the_model"]}
    page.goto(site.page(_diagram(site, MODEL, state), "diagram"))
    expect(page.locator("[data-element-id=propose]")).to_have_class(re.compile(r"\bdone\b"))
    here = page.locator("[data-element-id=consult]")
    expect(here).to_have_class(re.compile(r"\bnow\b"))
    expect(here).to_be_in_viewport()  # the wide sheet has been scrolled to it
    expect(page.locator(".drawn")).to_have_count(0)
    assert said == [], "the policy of the page must hold"
    assert axe(page) == []


def test_the_diagram_can_be_made_larger_smaller_and_as_wide_as_the_page(site: Site, page: Page) -> None:
    page.goto(site.page(_diagram(site, MODEL, {}), "diagram", words={"Zoom in": "放大", "Fit to width": "全图"}))
    step = page.locator("[data-element-id=propose] .djs-hit").first

    def width() -> float:
        box = step.bounding_box()
        assert box
        return box["width"]

    before = width()
    page.get_by_role("button", name="放大").click()
    assert width() == pytest.approx(before * 1.25, rel=0.03)
    page.get_by_role("button", name="全图").click()
    assert width() < before
    expect(page.locator("[data-element-id=motion]")).to_be_in_viewport()
    expect(page.locator("[data-element-id=consult]")).to_be_in_viewport()


def test_the_watermark_is_in_sight_and_uncovered(site: Site, page: Page, viewport: dict[str, int]) -> None:
    """The licence of bpmn-js asks for it."""
    page.set_viewport_size(viewport)  # type: ignore[arg-type]
    page.goto(site.page(_diagram(site, MODEL, {}), "diagram"))
    mark = page.locator(".bjs-powered-by")
    expect(mark).to_be_in_viewport(ratio=1)
    assert mark.evaluate(
        "a => { const b = a.getBoundingClientRect();"
        " return a.contains(document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2)); }"
    )


@pytest.mark.parametrize("model", ["<definitions", "<html/>"])
def test_the_drawing_of_the_server_stays_if_the_model_cannot_be_shown(site: Site, page: Page, model: str) -> None:
    with page.expect_console_message():
        page.goto(site.page(_diagram(site, model, {"now": ["consult"]}), "diagram"))
    expect(page.locator(".drawn")).to_have_count(1)
    expect(page.locator(".y-canvas")).to_have_count(0)


def test_the_reader_of_a_refused_form_is_taken_to_what_is_wrong(site: Site, page: Page) -> None:
    page.goto(site.page('<a href="#">链接</a><div data-errors tabindex="-1" role="alert"><h2>没有提交</h2></div>', "errors"))
    expect(page.locator("[data-errors]")).to_be_focused()
