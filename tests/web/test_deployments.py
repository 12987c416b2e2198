"""The procedures in use, and a pack from a file into use: lawful ones, and what strangers might put into an archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from engine import deployments, packs
from engine.access import Actor
from engine.models import Deployment, ProcessDefinition, Unit

from .conftest import ADMINISTRATOR, CLERK, COMMUNITY, SUPERVISOR, Site, Visitor

HEAD = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xmlns:yishi="http://yishi.org/schema/1.0" id="model" targetNamespace="http://yishi.org/test">"""
FLOWS = """<process id="greet" name="打招呼" isExecutable="true"><startEvent id="begin"/>
<sequenceFlow id="a" sourceRef="begin" targetRef="hello"/><userTask id="hello" name="问好" yishi:role="clerk"/>
<sequenceFlow id="b" sourceRef="hello" targetRef="done"/><endEvent id="done"/></process></definitions>"""
MODEL = (HEAD + FLOWS).encode()
MANIFEST = "pack: greeting\ntitle: 打招呼的办法\nversion: 1.0.0\ndescription: 试一试\n".encode()
PARAMETERS = """parameters:
  greeting.days:
    title: 几日内问好
    unit: 日
    values:
      - {from: 2026-01-01, value: 5, source: 本制度自定}
    floor: {value: 3, source: 居委会组织法 2025 第三十四条}
""".encode()
STORY = "scenario: 问好就完了\nprocess: greet\nsteps:\n  - complete: hello\n    as: clerk\n  - expect: {state: completed}\n"
ADMINISTRATOR_ELSEWHERE = "youshili"


def test_everybody_on_the_staff_sees_what_is_in_use(site: Site) -> None:
    site.start()
    page = site.visitor(CLERK).get("/procedures/").text
    assert "errand" in page or "办小事" in page
    assert 'name="pack"' not in page and 'type="file"' not in page
    assert 'type="file"' in site.visitor(ADMINISTRATOR).get("/procedures/").text


def test_a_procedure_is_drawn_told_in_words_and_its_numbers_have_limit_and_source(site: Site) -> None:
    number = _deployed(site)
    clerk = site.visitor(CLERK)
    page = clerk.get(f"/procedures/{number}").text
    assert "<svg" in page and "问好" in page and "打招呼的办法" in page
    assert "几日内问好" in page and "居委会组织法 2025 第三十四条" in page and "本制度自定" in page
    model = clerk.get(f"/procedures/{number}/greet.bpmn")
    assert model.data == MODEL and model.mimetype == "application/xml"
    assert clerk.get(f"/procedures/{number}/nothing.bpmn").status_code == 404
    assert clerk.get(f"/procedures/{number}?process=nothing").status_code == 404
    assert clerk.get("/procedures/999").status_code == 404
    assert site.visitor(ADMINISTRATOR_ELSEWHERE).get(f"/procedures/{number}").status_code == 404


def test_a_pack_is_looked_through_tried_out_and_put_into_use(site: Site) -> None:
    visitor = site.visitor(ADMINISTRATOR)
    answer = _send(visitor, _pack(), note="试用一个月")
    assert answer.status_code == 303
    page = visitor.get(answer.headers["Location"]).text
    assert "打招呼的办法" in page and "试用一个月" in page and "冯八达" in page
    again = _send(visitor, _pack())
    assert again.status_code == 409 and _deployments(site) == 2
    assert _send(visitor, _pack({"scenarios/two.scenario.yaml": STORY.encode()})).status_code == 303
    listed = visitor.get("/procedures/").text
    assert listed.index("打招呼的办法") < listed.index("<details class=\"y-more\"><summary><h2")


def test_a_folder_that_was_packed_whole_and_a_single_model_are_understood(site: Site) -> None:
    visitor = site.visitor(ADMINISTRATOR)
    inside = {f"greeting/{path}": content for path, content in _files().items()}
    assert _send(visitor, packs.build(inside)).status_code == 303
    assert _send(visitor, MODEL, filename="greet.bpmn").status_code == 303
    with site.database.readers() as session:
        assert session.scalar(select(func.max(ProcessDefinition.version)).where(ProcessDefinition.key == "greet")) == 2


def test_what_is_wrong_is_told_by_element_with_file_and_line_and_nothing_is_put_into_use(site: Site) -> None:
    wrong = MODEL.replace(b'targetRef="hello"/>', b'targetRef="hallo"/>')
    answer = _send(site.visitor(ADMINISTRATOR), _pack({"greet.bpmn": wrong}))
    assert answer.status_code == 422 and "greet.bpmn" in answer.text and "hallo" in answer.text
    assert _deployments(site) == 1


def test_a_story_that_fails_keeps_the_pack_out_of_use(site: Site) -> None:
    unmet = STORY.replace("state: completed", "state: running").encode()
    answer = _send(site.visitor(ADMINISTRATOR), _pack({"scenarios/one.scenario.yaml": unmet}))
    assert answer.status_code == 422 and "问好就完了" in answer.text and "scenarios/one.scenario.yaml" in answer.text
    assert _deployments(site) == 1


def test_trying_a_pack_out_leaves_running_matters_alone(site: Site) -> None:
    matter = site.start()
    visitor = site.visitor(CLERK)
    assert visitor.get(f"/matters/{matter}").status_code == 200
    assert _send(site.visitor(ADMINISTRATOR), _pack()).status_code == 303
    assert visitor.get(f"/matters/{matter}").status_code == 200
    site.complete(matter, "register", title="灯", households=40, category="facility")
    assert site.open(matter) == ["decide"]


def test_a_number_below_the_limit_of_law_is_refused(site: Site) -> None:
    answer = _send(site.visitor(ADMINISTRATOR), _pack({"parameters.yaml": PARAMETERS.replace(b"value: 5", b"value: 2")}))
    assert answer.status_code == 422 and "parameters.yaml" in answer.text and "第三十四条" in answer.text
    assert _deployments(site) == 1


def _traversing() -> bytes:
    return _raw({"pack.yaml": MANIFEST, "../../evil.bpmn": MODEL})


def _bomb() -> bytes:
    return _raw({"pack.yaml": MANIFEST, "greet.bpmn": MODEL, "bomb.txt": b"0" * 4_900_000})


def _link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        member = zipfile.ZipInfo("greet.bpmn")
        member.create_system, member.external_attr = 3, 0o120777 << 16
        archive.writestr(member, "/etc/passwd")
    return buffer.getvalue()


HOSTILE_MODELS = {
    "document type": b'<!DOCTYPE definitions [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + MODEL.replace("问好".encode(), b"&x;"),
    "script": MODEL.replace(b'<userTask id="hello" name="', b'<scriptTask id="hello" scriptFormat="javascript" name="')
    .replace(b'yishi:role="clerk"/>', b"><script>while(1);</script></scriptTask>"),
    "condition": MODEL.replace(b'targetRef="done"/>', b'targetRef="done"><conditionExpression>=1 +'
                               b"</conditionExpression></sequenceFlow>"),
    "nesting": (HEAD + "<process>" * 10_000).encode(), "no model": b"\x89PNG\r\n\x1a\n", "nothing": b"",
}
HOSTILE_ARCHIVES = {"path": _traversing, "bomb": _bomb, "link": _link, "no archive": lambda: b"hello", "empty": lambda: _raw({})}


@pytest.mark.parametrize("kind", HOSTILE_MODELS)
def test_a_hostile_model_is_refused_in_words(site: Site, kind: str) -> None:
    answer = _send(site.visitor(ADMINISTRATOR), HOSTILE_MODELS[kind], filename="greet.bpmn")
    assert answer.status_code == 422 and "y-prob" in answer.text and "greet" in answer.text, answer.text[-3000:]
    assert "root:" not in answer.text
    assert _deployments(site) == 1


@pytest.mark.parametrize("kind", HOSTILE_ARCHIVES)
def test_a_hostile_archive_is_refused_in_words(site: Site, kind: str) -> None:
    answer = _send(site.visitor(ADMINISTRATOR), HOSTILE_ARCHIVES[kind]())
    assert answer.status_code == 422 and "y-prob" in answer.text, answer.text[-3000:]
    assert _deployments(site) == 1


def test_a_name_that_would_be_markup_is_shown_as_text(site: Site) -> None:
    answer = _send(site.visitor(ADMINISTRATOR), b"hello", filename="<img src=x>.zip")
    assert answer.status_code == 422 and "<img src=x>" not in answer.text


def test_without_a_file_one_is_asked_for(site: Site) -> None:
    visitor = site.visitor(ADMINISTRATOR)
    visitor.get("/procedures/")
    answer = visitor.post("/procedures/new", {"unit": COMMUNITY, "note": "为什么"})
    assert answer.status_code == 422 and 'value="为什么"' in answer.text


@pytest.mark.parametrize("login", [CLERK, SUPERVISOR, ADMINISTRATOR_ELSEWHERE])
def test_only_administrators_of_the_unit_put_anything_into_use(site: Site, login: str) -> None:
    assert _send(site.visitor(login), _pack()).status_code == 403
    assert _deployments(site) == 1


def test_without_the_token_of_the_form_nothing_is_put_into_use(site: Site) -> None:
    visitor = site.visitor(ADMINISTRATOR)
    answer = visitor.client.post("/procedures/new", data={"unit": COMMUNITY, "pack": (io.BytesIO(_pack()), "greeting.zip")})
    assert answer.status_code == 400 and _deployments(site) == 1


def test_a_unit_that_does_not_exist_is_not_found(site: Site) -> None:
    assert _send(site.visitor(ADMINISTRATOR), _pack(), unit="nowhere").status_code == 404


def _files() -> dict[str, bytes]:
    return {"pack.yaml": MANIFEST, "greet.bpmn": MODEL, "parameters.yaml": PARAMETERS,
            "scenarios/one.scenario.yaml": STORY.encode()}


def _pack(other: Mapping[str, bytes] | None = None) -> bytes:
    return packs.build({**_files(), **(other or {})})


def _raw(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


def _send(visitor: Visitor, data: bytes, *, filename: str = "greeting.zip", unit: str = COMMUNITY, note: str = "") -> TestResponse:
    visitor.get("/procedures/")
    return visitor.post("/procedures/new", {"unit": unit, "note": note, "pack": (io.BytesIO(data), filename)})


def _deployed(site: Site) -> int:
    with site.database.sessions() as session:
        unit = session.scalars(select(Unit).where(Unit.code == COMMUNITY)).one()
        made = deployments.deploy(session, packs.from_files(_files()), unit, Actor.system()).id
        session.commit()
    return made


def _deployments(site: Site) -> int:
    with site.database.readers() as session:
        return session.scalar(select(func.count()).select_from(Deployment)) or 0
