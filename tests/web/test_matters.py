"""The list of matters, the story of one, its verbs, and beginning one."""

from __future__ import annotations

from sqlalchemy import func, select, text

from engine import clock
from engine.models import HistoryEvent, Instance

from .conftest import ADMINISTRATOR, CLERK, DIRECTOR, ORGANIZER, OTHER_COMMUNITY, SUPERVISOR, Site


# --- the list -------------------------------------------------------------------------------------------------------
def test_the_list_shows_what_one_may_see_and_no_more(site: Site) -> None:
    site.start("本社区的灯")
    site.start("别处的灯", OTHER_COMMUNITY)
    page = site.visitor(CLERK).get("/matters").text
    assert "本社区的灯" in page and "别处的灯" not in page
    page = site.visitor(ADMINISTRATOR).get("/matters").text
    assert "本社区的灯" in page and "别处的灯" in page and "柳荫社区" in page


def test_the_list_is_narrowed_by_words_state_step_and_unit(site: Site) -> None:
    site.start("灯")
    decided = site.registered("墙")
    site.start("树", OTHER_COMMUNITY)
    site.visitor(ORGANIZER).post(f"/matters/{decided}/suspend", {"reason": "等预算"})
    visitor = site.visitor(ADMINISTRATOR)

    def titles(query: str) -> set[str]:
        page = visitor.get(f"/matters?{query}").text.split("<tbody>")[-1]
        return {title for title in ("灯", "墙", "树") if f">{title}<" in page}

    assert titles("") == {"灯", "墙", "树"}
    assert titles("q=灯") == {"灯"}
    assert titles("state=suspended") == {"墙"}
    assert titles("state=open") == {"灯", "墙", "树"}
    assert titles("stage=决定") == {"墙"}
    assert titles(f"unit={OTHER_COMMUNITY}") == {"树"}
    assert titles("state=nonsense") == {"灯", "墙", "树"}
    assert "没有符合条件的" in visitor.get("/matters?q=没有").text
    assert visitor.get("/matters?page=99999999999999999999999").status_code == 200


# --- one matter -----------------------------------------------------------------------------------------------------
def test_the_page_of_a_matter_tells_the_whole_story(site: Site) -> None:
    matter = site.decided()
    site.complete(matter, "post", posting_title="关于修灯的公告", posting_text="修灯", posted_on=clock.today().isoformat(),
                  posting_days=7)
    page = site.visitor(CLERK).get(f"/matters/{matter}").text
    for words in ("修一盏楼道灯", "小〔2026〕" if clock.today().year == 2026 else "小〔", "槐安里社区", "正在办", "流程图", "期限",
                  "关于修灯的公告", "怎么算的", "谁在管", "赵一鸣", "郑七夕", "经过", "登记小事", "定下来", "还没有归档的材料"):
        assert words in page, words
    assert page.count('class="done"') >= 2 and 'aria-current="step"' in page
    assert f'data-diagram="/matters/{matter}/errand.bpmn"' in page
    assert '"done": [' in page and '"now": ["confirm"' in page


def test_what_was_entered_at_each_step_can_be_read(site: Site) -> None:
    page = site.visitor(CLERK).get(f"/matters/{site.registered()}").text
    assert "填了什么" in page and "影响户数" in page and "公共设施" in page


def test_the_record_can_be_verified_and_one_changed_letter_is_found(site: Site) -> None:
    matter = site.registered()
    clerk = site.visitor(CLERK)
    assert "都和写下时一样" in clerk.get(f"/matters/{matter}?verify=1").text
    with site.database.sessions() as session:
        session.execute(text("UPDATE history SET data_json = replace(data_json, '40', '41') WHERE what = 'completed'"))
        session.commit()
    assert "记录被改过" in clerk.get(f"/matters/{matter}?verify=1").text


def test_all_records_can_be_read_with_their_seals(site: Site) -> None:
    matter = site.registered()
    with site.database.readers() as session:
        lines = session.scalar(select(func.count()).select_from(HistoryEvent).where(HistoryEvent.instance_id == matter))
    page = site.visitor(CLERK).get(f"/matters/{matter}?all=1").text
    assert page.count('class="y-seal"') == lines


def test_the_procedure_can_be_read_in_words_and_as_a_model(site: Site) -> None:
    matter = site.registered()
    clerk = site.visitor(CLERK)
    page = clerk.get(f"/matters/{matter}/outline").text
    assert "登记小事" in page and "已办完" in page and "正在办" in page
    model = clerk.get(f"/matters/{matter}/errand.bpmn")
    assert model.mimetype == "application/xml" and b'id="errand"' in model.data
    assert clerk.get(f"/matters/{matter}/other.bpmn").status_code == 404


def test_a_closed_matter_can_still_be_read(site: Site) -> None:
    matter = site.decided("no")
    page = site.visitor(CLERK).get(f"/matters/{matter}")
    assert page.status_code == 200 and "已办完" in page.text and "暂停或撤销" not in page.text


# --- verbs ----------------------------------------------------------------------------------------------------------
def test_an_organizer_suspends_resumes_and_cancels_with_reasons(site: Site) -> None:
    matter = site.start()
    organizer = site.visitor(ORGANIZER)
    assert "暂停" in organizer.get(f"/matters/{matter}").text
    assert organizer.post(f"/matters/{matter}/suspend", {"reason": " "}).status_code == 422
    assert organizer.post(f"/matters/{matter}/suspend", {"reason": "等预算"}).status_code == 303
    page = organizer.get(f"/matters/{matter}").text
    assert "已暂停" in page and "等预算" in page and "去办" not in page
    assert organizer.post(f"/matters/{matter}/suspend", {"reason": "再来"}).status_code == 409
    assert organizer.post(f"/matters/{matter}/resume", {"reason": "钱到了"}).status_code == 303
    assert organizer.post(f"/matters/{matter}/resume", {"reason": "再来"}).status_code == 409
    assert organizer.post(f"/matters/{matter}/cancel", {"reason": "居民不要了"}).status_code == 303
    assert site.row(Instance, matter).state == "cancelled"
    assert organizer.post(f"/matters/{matter}/cancel", {"reason": "再来"}).status_code == 409


def test_a_clerk_and_a_supervisor_may_not_halt_a_matter(site: Site) -> None:
    matter = site.start()
    for login in (CLERK, SUPERVISOR, DIRECTOR):
        visitor = site.visitor(login)
        assert "撤销事项" not in visitor.get(f"/matters/{matter}").text
        for verb in ("suspend", "resume", "cancel"):
            assert visitor.post(f"/matters/{matter}/{verb}", {"reason": "不该"}).status_code == 403
    assert site.row(Instance, matter).state == "running"


# --- beginning one --------------------------------------------------------------------------------------------------
def test_a_clerk_begins_a_matter_and_goes_on_with_its_first_task(site: Site) -> None:
    clerk = site.visitor(CLERK)
    page = clerk.get("/matters/start").text
    assert "办小事" in page and "槐安里社区" in page and "事项名称" in page
    assert clerk.post("/matters/start", {"_unit": "yunxi-huaianli", "_procedure": "errand", "_title": " "}).status_code == 422
    answer = clerk.post("/matters/start", {"_unit": "yunxi-huaianli", "_procedure": "errand", "_title": "修一盏楼道灯"})
    assert answer.status_code == 303 and answer.headers["Location"] == "/tasks/1"
    begun = site.row(Instance, 1)
    assert begun.title == "修一盏楼道灯" and begun.number


def test_nobody_begins_a_matter_where_he_has_no_right_to(site: Site) -> None:
    clerk = site.visitor(CLERK)
    for unit, procedure in ((OTHER_COMMUNITY, "errand"), ("yunxi-huaianli", "unknown"), ("nowhere", "errand")):
        assert clerk.post("/matters/start", {"_unit": unit, "_procedure": procedure, "_title": "灯"}).status_code == 404
    supervisor = site.visitor(SUPERVISOR)
    assert "没有您可以发起的" in supervisor.get("/matters/start").text
    assert "发起事项</a>" not in supervisor.get("/matters").text
    assert supervisor.post("/matters/start", {"_unit": "yunxi-huaianli", "_procedure": "errand", "_title": "灯"}).status_code == 404
    with site.database.readers() as session:
        assert session.scalar(select(func.count()).select_from(Instance)) == 0
