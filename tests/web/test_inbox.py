"""The inbox and the task page, as a clerk, a director and those who watch them see them."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from io import BytesIO

from sqlalchemy import select

from engine import clock, deployments, instances, packs
from engine.access import Actor
from engine.models import Draft, Incident, Instance, Paper, Task, TaskState, Unit

from .conftest import (
    ADMINISTRATOR,
    CLERK,
    COMMITTEE,
    COMMUNITY,
    DIRECTOR,
    OTHER_CLERK,
    SUPERVISION,
    SUPERVISOR,
    Site,
)

FILLED = {"title": "修一盏楼道灯", "households": "46", "category": "facility"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


# --- the inbox ------------------------------------------------------------------------------------------------------
def test_an_empty_inbox_says_that_nobody_need_come_and_look(site: Site) -> None:
    page = site.visitor(CLERK).get("/").text
    assert "没有要您办的事" in page and "不用常来看" in page


def test_a_task_of_my_group_can_be_claimed_in_place_and_given_back(site: Site) -> None:
    task = site.task(site.start(), "register")
    clerk = site.visitor(CLERK)
    page = clerk.get("/").text
    assert "登记小事" in page and "待认领" in page and f'action="/tasks/{task}/claim"' in page
    assert clerk.post(f"/tasks/{task}/claim", {"from": "inbox"}).headers["Location"].startswith("/")
    page = clerk.get("/").text
    assert "三个工作日内" in page and "还剩 3 个工作日" in page and "我的 1" in page
    assert '<span class="y-count">1' in page
    assert "登记小事" not in site.visitor(OTHER_CLERK).get("/").text
    clerk.post(f"/tasks/{task}/release")
    assert "登记小事" in site.visitor(OTHER_CLERK).get("/").text


def test_late_comes_before_today_and_both_are_counted(site: Site) -> None:
    me = site.person(CLERK)
    numbers = [site.task(site.start(title), "register") for title in ("灯", "墙", "树")]
    midnight = datetime.combine(clock.today() + timedelta(days=1), time(), clock.ZONE)
    days = (clock.now() - timedelta(days=4), midnight, None)
    with site.database.sessions() as session:
        for number, due in zip(numbers, days, strict=True):
            task = session.get_one(Task, number)
            task.assignee_id, task.state, task.due_at, task.claimed_at = me, TaskState.CLAIMED, due, clock.now()
        session.commit()
    page = site.visitor(CLERK).get("/").text
    assert page.index(">逾期<") < page.index(">今天到期<") < page.index(">没有期限<")
    assert "1 件逾期" in page and "1 件今天到期" in page
    only = site.visitor(CLERK).get("/?due=late").text
    assert f"/tasks/{numbers[0]}" in only and f"/tasks/{numbers[1]}" not in only


def test_a_task_is_found_by_number_title_and_person(site: Site) -> None:
    matter = site.start("东墙刷白")
    number = site.row(Instance, matter).number
    site.start("南门种树")
    clerk = site.visitor(CLERK)
    for words in ("东墙", number):
        page = clerk.get("/", query_string={"q": words}).text
        assert "东墙刷白" in page and "南门种树" not in page
    assert "没有符合条件的" in clerk.get("/?q=不存在").text


def test_what_i_have_done_is_listed(site: Site) -> None:
    task = site.task(site.start(), "register")
    clerk = site.visitor(CLERK)
    assert "还没有办完的" in clerk.get("/?show=done").text
    clerk.post(f"/tasks/{task}/complete", FILLED)
    page = clerk.get("/?show=done").text
    assert "登记小事" in page and "修一盏楼道灯" in page


# --- a task ---------------------------------------------------------------------------------------------------------
def test_the_page_of_a_task_says_why_until_when_and_on_what_law(site: Site) -> None:
    task = site.task(site.start(), "register")
    page = site.visitor(CLERK).get(f"/tasks/{task}").text
    for words in ("为什么是我办", "居委会组织法 第三十条", "还剩 3 个工作日", "大约 5 分钟", "怎么算的", "写清要办什么",
                  'aria-current="step"', f'data-autosave="/tasks/{task}/draft"', "novalidate", "修一盏楼道灯"):
        assert words in page, words


def test_submitting_leads_to_my_next_task_here_else_to_the_inbox(site: Site) -> None:
    matter = site.start()
    answer = site.visitor(CLERK).post(f"/tasks/{site.task(matter, 'register')}/complete", FILLED)
    assert answer.headers["Location"] == "/"
    director = site.visitor(DIRECTOR)
    director.post(f"/tasks/{site.task(matter, 'decide')}/complete", {"verdict": "yes"})
    assert site.open(matter) == ["post"]
    clerk = site.visitor(CLERK)
    task = site.task(site.start("再修一盏"), "register")
    clerk.post(f"/tasks/{task}/claim")
    assert site.row(Task, task).state == TaskState.CLAIMED


def test_what_the_matter_knows_is_shown_and_not_asked(site: Site) -> None:
    page = site.visitor(DIRECTOR).get(f"/tasks/{site.task(site.registered(), 'decide')}").text
    assert "系统已经知道的，不用再填" in page
    assert 'name="title"' not in page


def test_a_wrong_form_comes_back_as_typed_with_a_summary_and_is_kept(site: Site) -> None:
    task = site.task(site.start(), "register")
    clerk = site.visitor(CLERK)
    answer = clerk.post(f"/tasks/{task}/complete", {"title": "<灯>", "households": "四十六", "category": ""})
    assert answer.status_code == 422
    assert "有 2 处要补" in answer.text and 'href="#f-households"' in answer.text
    assert 'value="四十六"' in answer.text and 'value="&lt;灯&gt;"' in answer.text and 'aria-invalid="true"' in answer.text
    assert answer.text.index('href="#f-households"') < answer.text.index('href="#f-category"')
    assert 'value="四十六"' in clerk.get(f"/tasks/{task}/complete", follow_redirects=True).text
    assert site.open(1) == ["register"]


def test_a_forged_field_is_refused(site: Site) -> None:
    task = site.task(site.start(), "register")
    answer = site.visitor(CLERK).post(f"/tasks/{task}/complete", {**FILLED, "passed": "true"})
    assert answer.status_code == 422 and "passed" in answer.text
    assert site.open(1) == ["register"]


def test_a_draft_is_kept_by_the_button_and_by_the_script_for_its_writer_alone(site: Site) -> None:
    task = site.task(site.start(), "register")
    clerk = site.visitor(CLERK)
    answer = clerk.post(f"/tasks/{task}/complete", {"title": "只写了一半", "do": "save"})
    assert answer.headers["Location"] == f"/tasks/{task}"
    assert 'value="只写了一半"' in clerk.get(f"/tasks/{task}").text
    assert clerk.post(f"/tasks/{task}/draft", {"title": "又写了一点"}).status_code == 200
    assert 'value="又写了一点"' in clerk.get(f"/tasks/{task}").text
    assert "草稿存于" in clerk.get("/").text and "接着填" not in site.visitor(OTHER_CLERK).get("/").text
    assert "又写了一点" not in site.visitor(OTHER_CLERK).get(f"/tasks/{task}").text


def test_what_will_happen_is_tried_and_undone(site: Site) -> None:
    matter = site.start()
    task = site.task(matter, "register")
    clerk = site.visitor(CLERK)
    page = clerk.post(f"/tasks/{task}/complete", {**FILLED, "do": "preview"})
    assert page.status_code == 200
    assert "提交以后会这样" in page.text and "定下来" in page.text and "居委会主任" in page.text
    assert site.open(matter) == ["register"] and site.row(Task, task).state == TaskState.OPEN
    assert 'value="46"' in clerk.get(f"/tasks/{task}").text


def test_a_late_entry_needs_its_reason_and_shows_both_days(site: Site) -> None:
    matter = site.start()
    task = site.task(matter, "register")
    clerk = site.visitor(CLERK)
    day = (clock.today() - timedelta(days=2)).isoformat()
    answer = clerk.post(f"/tasks/{task}/complete", {**FILLED, "_took_place": day})
    assert answer.status_code == 422 and 'id="f-late_reason-e"' in answer.text and f'value="{day}"' in answer.text
    assert clerk.post(f"/tasks/{task}/complete", {**FILLED, "_took_place": "昨天", "_late_reason": "停电"}).status_code == 422
    assert clerk.post(f"/tasks/{task}/complete", {**FILLED, "_took_place": day, "_late_reason": "停电"}).status_code == 303
    page = clerk.get(f"/matters/{matter}").text
    assert "补录" in page and "停电" in page and 'class="late"' in page


def test_papers_come_with_the_form_and_are_filed_with_it(site: Site) -> None:
    matter = site.start()
    task = site.task(matter, "register")
    clerk = site.visitor(CLERK)
    half = clerk.post(f"/tasks/{task}/complete", {"title": "灯", "scan": (BytesIO(PNG), "现场.png")},
                      content_type="multipart/form-data")
    assert half.status_code == 422 and "现场.png" in half.text
    refused = clerk.post(f"/tasks/{task}/complete", {**FILLED, "scan": (BytesIO(b"MZ\x90"), "灯.exe")},
                         content_type="multipart/form-data")
    assert refused.status_code == 422 and site.open(matter) == ["register"] and 'value="46"' in refused.text
    assert clerk.post(f"/tasks/{task}/complete", FILLED).status_code == 303
    with site.database.readers() as session:
        paper = session.scalars(select(Paper)).one()
    assert paper.filed and paper.name == "现场.png"
    assert "现场.png" in clerk.get(f"/matters/{matter}").text
    sent = clerk.client.get(f"/papers/{paper.id}")
    assert sent.data == PNG and sent.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in sent.headers["Content-Security-Policy"]


def test_the_form_can_be_had_on_paper(site: Site) -> None:
    page = site.visitor(CLERK).get(f"/tasks/{site.task(site.start(), 'register')}/paper-form").text
    assert "影响户数" in page and "公共设施" in page and "<input" not in page.split("<main")[1].split("</main")[0]


def test_a_task_without_a_form_is_done_by_a_press(site: Site) -> None:
    matter = site.decided()
    site.complete(matter, "post", posting_title="公告", posting_text="修灯", posted_on=clock.today().isoformat(), posting_days=7)
    visitor = site.visitor(SUPERVISION)
    assert "不用填什么" in visitor.get(f"/tasks/{site.task(matter, 'confirm')}").text
    assert visitor.post(f"/tasks/{site.task(matter, 'confirm')}/complete").status_code == 303
    assert site.row(Instance, matter).state == "completed"


# --- refusals -------------------------------------------------------------------------------------------------------
def test_a_task_that_does_not_exist_or_is_not_mine_to_see(site: Site) -> None:
    task = site.task(site.start(community="yunxi-liuyin"), "register")
    clerk = site.visitor(CLERK)
    for number in (task, 99999):
        assert clerk.get(f"/tasks/{number}").status_code == 404
        for verb in ("claim", "release", "complete", "draft"):
            assert clerk.post(f"/tasks/{number}/{verb}", FILLED).status_code == 404
    assert clerk.get("/tasks/99999999999999999999").status_code == 404


def test_somebody_elses_task_is_forbidden_and_says_whose_it_is(site: Site) -> None:
    matter = site.registered()
    answer = site.visitor(CLERK).post(f"/tasks/{site.task(matter, 'decide')}/complete", {"verdict": "yes"})
    assert answer.status_code == 403 and "什么都没有改动" in answer.text
    assert site.open(matter) == ["decide"]


def test_a_supervisor_sees_the_matter_but_never_decides_even_if_the_model_lists_him(site: Site) -> None:
    matter = site.registered()
    supervisor = site.visitor(SUPERVISOR)
    assert supervisor.get(f"/matters/{matter}").status_code == 200
    assert "定下来" not in supervisor.get("/").text
    assert supervisor.get(f"/tasks/{site.task(matter, 'decide')}").status_code == 403
    assert supervisor.post(f"/tasks/{site.task(matter, 'decide')}/complete", {"verdict": "yes"}).status_code == 403
    assert site.open(matter) == ["decide"]


def test_of_two_people_one_wins_and_the_other_compares(site: Site) -> None:
    matter = site.start()
    task = site.task(matter, "register")
    slow, fast = site.visitor(CLERK), site.visitor(OTHER_CLERK)
    assert slow.get(f"/tasks/{task}").status_code == 200
    assert fast.post(f"/tasks/{task}/complete", {**FILLED, "households": "40"}).status_code == 303
    answer = slow.post(f"/tasks/{task}/complete", FILLED)
    assert answer.status_code == 409
    assert "别人先办了" in answer.text and "卫十一" in answer.text and "您填的" in answer.text
    assert ">46<" in answer.text and ">40<" in answer.text and "公共设施" in answer.text
    again = slow.get(f"/tasks/{task}")
    assert again.status_code == 409 and ">46<" in again.text
    assert fast.get(f"/tasks/{task}").status_code == 409
    assert site.open(matter) == ["decide"]


def test_a_claimed_task_is_not_taken_from_under_its_owner(site: Site) -> None:
    task = site.task(site.start(), "register")
    site.visitor(CLERK).post(f"/tasks/{task}/claim")
    other = site.visitor(OTHER_CLERK)
    assert other.post(f"/tasks/{task}/claim").status_code == 409
    assert other.get(f"/tasks/{task}").status_code == 409
    assert other.post(f"/tasks/{task}/complete", FILLED).status_code == 409
    assert other.post(f"/tasks/{task}/release").status_code == 403


def test_a_suspended_matter_takes_nothing_but_loses_nothing(site: Site) -> None:
    matter = site.start()
    task = site.task(matter, "register")
    organizer = site.visitor("zhaoyiming")
    assert organizer.post(f"/matters/{matter}/suspend", {"reason": "等预算"}).status_code == 303
    answer = site.visitor(CLERK).post(f"/tasks/{task}/complete", FILLED)
    assert answer.status_code == 409
    with site.database.readers() as session:
        assert session.scalars(select(Draft).where(Draft.task_id == task)).one()


# --- incidents ------------------------------------------------------------------------------------------------------
def test_a_failing_model_is_an_incident_with_a_number_and_the_text_is_a_draft(site: Site) -> None:
    matter = site.registered()
    task = site.task(matter, "decide")
    director = site.visitor(DIRECTOR)
    answer = director.post(f"/tasks/{task}/complete", {"verdict": "stuck", "grounds": "写了很久的理由"})
    assert answer.status_code == 500
    with site.database.readers() as session:
        incident = session.scalars(select(Incident)).one()
    assert f"故障第 {incident.id} 号" in answer.text and "存成了草稿" in answer.text
    assert (incident.instance_id, incident.task_id) == (matter, task)
    assert "写了很久的理由" in director.get(f"/tasks/{task}").text
    assert site.open(matter) == ["decide"]
    assert "有一步出了故障" in director.get(f"/matters/{matter}").text
    assert director.post(f"/tasks/{task}/complete", {"verdict": "yes"}).status_code == 303


def test_a_model_that_turns_for_ever_is_stopped_and_the_server_lives(site: Site) -> None:
    matter = site.registered()
    director = site.visitor(DIRECTOR)
    answer = director.post(f"/tasks/{site.task(matter, 'decide')}/complete", {"verdict": "round"})
    assert answer.status_code == 500 and "已记为故障" in answer.text
    assert director.get("/").status_code == 200 and site.open(matter) == ["decide"]


def test_a_preview_of_what_fails_writes_an_incident_too_but_moves_nothing(site: Site) -> None:
    matter = site.registered()
    answer = site.visitor(COMMITTEE).post(f"/tasks/{site.task(matter, 'decide')}/complete", {"verdict": "stuck", "do": "preview"})
    assert answer.status_code == 500 and site.open(matter) == ["decide"]


def test_everybody_can_open_the_inbox(site: Site) -> None:
    site.start()
    for login in (CLERK, DIRECTOR, COMMITTEE, SUPERVISION, SUPERVISOR, ADMINISTRATOR, "wuliuhe", "lisiwei", "renyihuai"):
        assert site.visitor(login).get("/").status_code == 200, login


def test_the_answer_to_an_objection_says_which_one(site: Site) -> None:
    """Two answers may be owed at once, and would look alike."""
    model = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:yishi="http://yishi.org/schema/1.0" id="m"
        targetNamespace="t"><process id="answering" isExecutable="true"><startEvent id="begun"/>
        <sequenceFlow id="f" sourceRef="begun" targetRef="answer"/>
        <userTask id="answer" name="答复异议" yishi:kind="answer" yishi:role="clerk"/></process></definitions>"""
    with site.database.sessions() as session:
        unit = session.scalars(select(Unit).where(Unit.code == COMMUNITY)).one()
        deployments.deploy(session, packs.from_files({"answering.bpmn": model.encode()}, name="answering"), unit, Actor.system())
        definition = deployments.find(session, "answering", unit)
        for number in (1, 2):
            instances.start(session, definition, Actor.system(), {"objection": {"number": number}}, unit=unit)
        session.commit()
    page = site.visitor(CLERK).get("/").text
    assert "答复异议（第 1 号）" in page and "答复异议（第 2 号）" in page
