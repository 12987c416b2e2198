"""One matter of 一征三议两公开 from motion to archive, as its people live it: in a browser, by name, through a crash."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from engine import clock
from engine.demo import PASSWORD
from tests.server import Installation, until

MORNING = datetime(2026, 3, 2, 9, tzinfo=clock.ZONE)
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
TITLE = "东巷口人车分流"
LOGINS = {"孙三思": "sunsansi", "卫十一": "weishiyi", "赵一鸣": "zhaoyiming", "任一槐": "renyihuai", "褚十全": "chushiquan",
          "吴六和": "wuliuhe", "周五常": "zhouwuchang", "钱双喜": "qianshuangxi", "李四维": "lisiwei", "郑七夕": "zhengqixi",
          "沈十四": "shenshisi"}
Answers = Mapping[str, "str | Sequence[str] | Sequence[Mapping[str, str]]"]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """The invented district, served on the morning on which the matter begins."""
    made = Installation(tmp_path, MORNING)
    try:
        made.settle()
        made.start()
        yield made
    finally:
        made.close()


def test_a_matter_goes_from_motion_to_archive(installation: Installation, new_context: Callable[..., BrowserContext]) -> None:
    people = People(installation, new_context)
    address = _is_moved_solicited_and_proposed(people)
    installation.kill()  # in the middle of the second deliberation
    installation.start()
    people.sit_down_at(WIDE)
    _is_deliberated_and_decided(people)
    _is_watched_but_not_decided_by_the_supervisor(people, address)
    _hangs_for_fifteen_days_and_is_objected_to(people, address)
    _is_carried_out_published_and_archived(people)
    _is_told_to_its_end(people, address)
    assert installation.verify() == (0, "yishi: nothing has been changed\n")


# --- the chapters -----------------------------------------------------------------------------------------------------
def _is_moved_solicited_and_proposed(people: People) -> str:
    """动议、一征、一议, on telephones. -> the address of the matter's page."""
    organizer = people["赵一鸣"].at("/matters/start")
    organizer.get_by_label("事项名称", exact=True).fill(TITLE)
    organizer.get_by_label("要办什么事", exact=True).fill("居民反映多年，想把人车分开。")
    organizer.locator(".y-actbar button.btn-primary").click()
    expect(organizer.locator("h1")).to_have_text(TITLE)
    address = organizer.url.removeprefix(people.installation.url)
    expect(organizer.locator(".y-no").first).to_contain_text("议〔2026〕001号")
    expect(organizer.get_by_role("link", name="去办")).to_have_count(0)
    people["孙三思"].does("登记动议", {"谁提出的": "党员、居民建议", "类别": "公益事项、设施改造", "影响多少户": "412",
                                "大约花多少钱": "64300"}, why="社区专干")
    people["赵一鸣"].does("受理", {"登记属实吗": "属实，照这条路办"}, why="组织员")
    people["卫十一"].does("发征求意见公告", {"花多少钱、谁出钱": "约六万四千元，用惠民项目资金，不向居民收费。",
                                     "居民怎么回答": ["党员、代表入户", "打电话"],
                                     "公告正文": "要不要办、怎么办？请说说。"}, why="社区专干")
    people["任一槐"].does("入户听意见", {"问到多少户": "412", "居民怎么说": "多数人盼着早点办。"}, why="居民代表")
    people.days_pass(8)
    people["孙三思"].does("汇总并答复意见", {
        "答复多少户": "287", "支持": "201", "有条件支持": "52", "反对": "21", "没想好": "13", "书面反对多少件": "2",
        "逐类答复": [{"哪一类意见": "老人和坐轮椅的怎么办", "采纳吗": "采纳", "为什么": "写进方案，留出无障碍的路。"}]})
    people["赵一鸣"].does("起草研究意见", {"建议": "形成方案", "理由": "多数居民支持。", "方案初稿": "人车分流，留出无障碍的路。"})
    people["孙三思"].does("签到点人数", {"应到": "5", "实到": "5"})
    people["孙三思"].does("录入表决", _votes(5, 5, 0, 0))
    people["褚十全"].does("填写提议表", {
        "方案": "人车分流，留出无障碍的路，公开选定单位来做。", "备选方案": "分两年做。", "概算": "64300",
        "资金来源": ["社区惠民项目资金"], "什么时候做": "五月",
        "可能有什么问题，怎么防": "做的时候有人不方便：分段做，提前三天告知。"}, why="两委成员")
    people["卫十一"].does("签到点人数", {"应到": "9", "实到": "8"})
    people["卫十一"].does("录入表决", _votes(8, 8, 0, 0))
    people["吴六和"].does("合法性提示", {"合法吗": "没看出问题"}, why="服务员")
    people["孙三思"].does("发商议邀请", {"哪天商议": people.day(5), "在哪开": "社区二楼会议室",
                                 "请了谁": [{"单位或者代表": "物业公司"}, {"单位或者代表": "东巷小学"}]})
    people.days_pass(5)
    return address


def _is_deliberated_and_decided(people: People) -> None:
    """二议、三议, at desks: on the evening after the crash everything stands where it stood."""
    people["孙三思"].does("记录各方意见", {
        "各方意见": [{"单位或者代表": "物业公司", "态度": "同意", "条件或者理由": "方便管理"},
                 {"单位或者代表": "东巷小学", "态度": "有条件同意", "条件或者理由": "避开放学的时候"}],
        "商议记录": "物业同意；学校希望避开放学。"})
    people["褚十全"].does("修改方案", {"改了什么": "加了避开放学的时候。"})
    for days, should, present, agree, against, abstain in ((3, 36, 29, 27, 2, 0), (5, 61, 45, 38, 4, 3)):
        people["孙三思"].does("发会议通知", {"哪天开": people.day(days), "几点": "19:00",
                                     "在哪开": "社区二楼会议室", "附了哪些材料": "方案和概算"})
        people.days_pass(days)
        people["孙三思"].does("签到点人数", {"应到": str(should), "实到": str(present)})
        people["孙三思"].does("录入表决", _votes(present, agree, against, abstain, ballot=should == 61))


def _is_watched_but_not_decided_by_the_supervisor(people: People, address: str) -> None:
    """The supervisor sees all and decides nothing; another community does not even learn that there is something."""
    supervisor = people["郑七夕"].at(address)
    expect(supervisor.locator("h1")).to_have_text(TITLE)
    expect(supervisor.locator("section", has=supervisor.get_by_role("heading", name="在等谁"))).to_contain_text("第二人核对票数")
    expect(supervisor.get_by_role("link", name="去办")).to_have_count(0)
    expect(supervisor.locator("a[href^='/tasks/']")).to_have_count(0)
    task = people["周五常"].finds("第二人核对票数")
    token = supervisor.locator("input[name=csrf_token]").first.input_value()
    forced = supervisor.request.post(f"{people.installation.url}{task}/complete", form={
        "csrf_token": token, "count_confirmed": "yes", "do": "submit"}, headers={"Referer": supervisor.url})
    assert forced.status == 403
    stranger = people["沈十四"].at("/")
    assert stranger.request.get(people.installation.url + address).status == 404
    assert stranger.request.get(people.installation.url + task).status == 404
    people["周五常"].does("第二人核对票数", {"和签到表、票对得上吗": "相符"}, why="居务监督委员会")


def _hangs_for_fifteen_days_and_is_objected_to(people: People, address: str) -> None:
    """一公开: a resident without an account reads the notice on the third day and objects; the director answers."""
    people["孙三思"].does("张贴决议公告", {"贴在哪里": "南门公开栏，各楼门厅"})
    people["周五常"].does("核验公示", {"贴了吗，和决议一致吗": "属实", "意见": "看过了。"})
    people.days_pass(3)
    resident = people.somebody(NARROW)
    resident.goto(f"{people.installation.url}/board/yunxi-huaianli")
    expect(resident.locator(".y-day b").first).to_have_text("3")
    expect(resident.locator(".y-day").first).to_contain_text("15")
    resident.get_by_role("link", name=f"关于{TITLE}的决议公告", exact=True).last.click()
    expect(resident.locator("article.y-notice")).to_contain_text("留出无障碍的路")
    resident.locator(".y-head a[href$='/objection']").click()
    resident.locator("textarea[name=text]").fill("施工期间轮椅怎么出入？")
    resident.locator("form[action$='/objection'] button.btn-primary").click()
    expect(resident).to_have_url(re.compile("/board/received"))
    people["钱双喜"].does("答复异议（第 1 号）", {"答复": "分段施工，留一米二宽的坡道。", "提异议的人满意吗": "满意"},
                       why="居委会主任")
    matter = people["赵一鸣"].at(address)
    postings = matter.locator("section", has=matter.get_by_role("heading", name="公示", exact=True))
    expect(postings).to_contain_text("第 3 天，共 15 天")
    expect(matter.locator("section", has=matter.get_by_role("heading", name="异议"))).to_contain_text("分段施工")
    people.days_pass(13)
    people["孙三思"].does("撤下公告", {"一直贴着吗": "一直贴着"})


def _is_carried_out_published_and_archived(people: People) -> None:
    """实施、二公开、评议、归档."""
    people["孙三思"].does("定施工单位", {"施工单位": "青禾市政", "怎么选的": "公开比选", "合同价": "63000",
                                 "哪天开工": people.day(2), "哪天完工": people.day(30)})
    people.days_pass(20)
    people["卫十一"].does("登记进度", {"做到哪了": "全部做完。", "一共付了多少": "50000", "预计总价": "63000",
                               "现在": "完工了", "有什么问题，怎么办": "没有。"})
    people["周五常"].does("验收", {"合格吗": "合格", "决算": "62800",
                             "验收意见": "和方案一致。"})
    people["周五常"].does("核查实施结果", {"核对了什么": ["决算和票据", "验收", "现场"], "意见": "同意公布",
                                 "理由": "相符。"})
    people["孙三思"].does("张贴结果公告", {"做了什么": "照方案办完，验收合格。", "公告正文": "照方案办完，验收合格。",
                                 "贴在哪里": "南门公开栏"})
    people["周五常"].does("核验公示", {"贴了吗，和决议一致吗": "属实", "意见": "看过了。"})
    people["孙三思"].does("汇总评议表", {"发出": "120", "收回": "100", "满意": "60", "基本满意": "30", "不满意": "10"})
    people.days_pass(17)
    people["孙三思"].does("撤下公告", {"一直贴着吗": "一直贴着"})
    people["李四维"].does("核对材料", {"材料齐吗": "齐"}, why="档案员")


def _is_told_to_its_end(people: People, address: str) -> None:
    """The matter's page says that it is closed, every station is done, and the seal holds."""
    page = people["赵一鸣"].at(address)
    until(lambda: page.reload() and page.locator(".y-head .y-state-done").count(), "the file to be sealed")
    expect(page.locator(".y-head .y-state-done")).to_have_text("已办完")
    stations = page.locator("ol.y-steps li")
    expect(stations).to_have_count(10)
    expect(page.locator("ol.y-steps li.done")).to_have_count(10)
    page.get_by_role("link", name=re.compile("核对全部")).click()
    expect(page.get_by_role("status")).to_contain_text("都和写下时一样")
    expect(page.locator("a[href^='/tasks/']")).to_have_count(0)


def _votes(present: int, agree: int, against: int, abstain: int, *, ballot: bool = False) -> dict[str, str]:
    method = {"怎么表决": "无记名投票", "发出": str(present), "收回": str(present)} if ballot else {"怎么表决": "举手"}
    return {"表决时在场": str(present), **method, "同意": str(agree), "反对": str(against), "弃权": str(abstain), "无效": "0",
            "计票人、监票人": "计票二人、监票一人"}


# --- the people -------------------------------------------------------------------------------------------------------
class People:
    """Who takes part, each with a browser of their own, and the days that pass over them."""

    def __init__(self, installation: Installation, new_context: Callable[..., BrowserContext]) -> None:
        self.installation, self.new_context = installation, new_context
        self.screen = NARROW
        self.present: dict[str, Person] = {}

    def __getitem__(self, name: str) -> Person:
        if name not in self.present:
            self.present[name] = Person(name, self.installation, self.somebody(self.screen))
        return self.present[name]

    def somebody(self, screen: Mapping[str, int]) -> Page:
        return self.new_context(viewport=screen).new_page()

    def sit_down_at(self, screen: dict[str, int]) -> None:
        """From now on they use other machines, with none of the cookies of the old ones."""
        self.screen = screen
        self.present.clear()

    def days_pass(self, count: int) -> None:
        self.installation.clock.advance(timedelta(days=count))

    def day(self, ahead: int) -> str:
        """-> the day so many days from now, as a picker of days takes it."""
        return (self.installation.clock.at + timedelta(days=ahead)).date().isoformat()


@dataclass
class Person:
    name: str
    installation: Installation
    page: Page

    def at(self, path: str) -> Page:
        """-> the page, after signing in where that is asked for."""
        self.page.goto(self.installation.url + path)
        if "/login" in self.page.url:
            self.page.get_by_label("登录名").fill(LOGINS[self.name])
            self.page.get_by_label("密码").fill(PASSWORD)
            self.page.get_by_role("button", name="登录").click()
            expect(self.page).to_have_url(self.installation.url + path)
        return self.page

    def finds(self, task: str) -> str:
        """-> the path of the task which the inbox shows under this name."""
        link = self.page.locator("article h3").get_by_role("link", name=task, exact=True)
        until(lambda: self.at("/") and link.count(), f"{self.name} to find {task}")
        return str(link.first.get_attribute("href"))

    def does(self, task: str, answers: Answers, *, why: str = "") -> None:
        """Finds the task in the inbox, reads why it is theirs, claims it, fills the form in and sends it."""
        self.finds(task)
        page = self.page
        page.locator("article h3").get_by_role("link", name=task, exact=True).first.click()
        expect(page.locator("h1")).to_have_text(task)
        reason = page.locator("section", has=page.get_by_role("heading", name="为什么是我办"))
        expect(reason).to_contain_text(why)
        expect(page.locator("ol.y-steps li[aria-current=step]")).to_have_count(1)
        page.get_by_role("button", name="认领", exact=True).click()
        expect(page.get_by_role("button", name="放回", exact=True)).to_be_visible()
        expect(reason).to_contain_text(f"{self.installation.clock.at:%Y-%m-%d}")
        for label, answer in answers.items():
            self._fill(page.locator("form[data-autosave]"), label, answer)
        page.locator(".y-actbar button[value=submit]").click()
        expect(page.get_by_text(f"“{task.partition('（')[0]}”办好了。")).to_be_visible()

    def _fill(self, place: Locator, label: str, answer: str | Sequence[str] | Sequence[Mapping[str, str]]) -> None:
        group = place.get_by_role("group", name=label).first
        field = place.get_by_label(re.compile(rf"^{re.escape(label)}( 可以不填)?$")).first
        if not group.count() and not field.count():
            self.page.get_by_role("button", name="显示现在要填的项").click()
            expect(group.or_(field).first).to_be_visible()
        if not isinstance(answer, str) and not isinstance(answer[0], str):
            self._fill_rows(group, label, answer)  # type: ignore[arg-type]
        elif group.count():
            for option in [answer] if isinstance(answer, str) else answer:
                group.get_by_label(str(option), exact=True).check()
        elif field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(label=str(answer))
        else:
            field.fill(str(answer))

    def _fill_rows(self, group: Locator, label: str, rows: Sequence[Mapping[str, str]]) -> None:
        for number, row in enumerate(rows, 1):
            line = group.get_by_role("group").nth(number - 1)
            if not line.count():
                group.get_by_role("button", name="加一行").click()
                expect(line).to_be_visible()
            for each, answer in row.items():
                self._fill(line, each, answer)
