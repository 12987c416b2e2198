"""An invented district to try everything on: two streets, four communities, people for every role. Nobody in it is real."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple, TypedDict

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from engine import access, organisation
from engine.models import Account, Assignment, Unit

PASSWORD = "demo-yunxi-2026"
"""Of every account here. It opens nothing else: outside the demo no account has a password that we know."""

# A term of five years, the committee's and the representatives' alike [居委会组织法 2025 §13-14].
TERM = (date(2024, 4, 1), date(2029, 3, 31))


class DemoAccount(TypedDict):
    login: str
    password: str
    name: str
    roles: list[str]
    unit: str


class _Community(NamedTuple):
    code: str
    name: str
    tree: str  # the last character of its representatives' names
    organizer: str
    director: str
    clerks: tuple[str, ...]
    committee: tuple[str, ...]  # besides organizer and director
    supervision: tuple[str, ...]
    archivist: str
    representatives: int


_STREETS = (
    (
        "qinghe",
        "青禾街道",
        "吴六和",
        (
            _Community(
                "huaianli",
                "槐安里社区",
                "槐",
                organizer="赵一鸣",
                director="钱双喜",
                clerks=("孙三思", "卫十一", "朱十七"),
                committee=("褚十全", "蒋十二", "杨十六", "尤十八", "许十九", "何廿一", "吕廿二"),
                supervision=("周五常", "施廿三", "张廿四"),
                archivist="李四维",
                representatives=52,
            ),
            _Community(
                "liuyin",
                "柳荫社区",
                "柳",
                organizer="孔三省",
                director="曹七步",
                clerks=("沈十四", "韩十五"),
                committee=("严五更", "华三弄", "金百炼"),
                supervision=("陶五柳", "姜百味", "戚三杯"),
                archivist="魏千里",
                representatives=20,
            ),
        ),
    ),
    (
        "bailu",
        "白露街道",
        "许九如",
        (
            _Community(
                "tangli",
                "棠梨社区",
                "棠",
                organizer="邹一帆",
                director="谢三秋",
                clerks=("喻百川", "水一方"),
                committee=("窦千山", "章三语", "云万卷"),
                supervision=("苏四季", "潘三变", "葛八仙"),
                archivist="奚五味",
                representatives=20,
            ),
            _Community(
                "zhuxi",
                "竹溪社区",
                "竹",
                organizer="范百合",
                director="彭八方",
                clerks=("郎三月", "鲁千帆", "韦五音"),
                committee=("昌万册", "苗三寸", "凤百鸣"),
                supervision=("花千树", "方一石", "俞双清"),
                archivist="袁四达",
                representatives=20,
            ),
        ),
    ),
)
_SURNAMES = "任鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常傅皮卞齐康伍余元顾孟平黄穆萧姚邵湛汪祁毛狄米贝明计伏成戴谈宋庞熊"
_NUMERALS = "一二三四五六七八九"


def build_district(session: Session) -> list[DemoAccount]:
    """Makes the district in an empty database, the same one every time: -> its accounts."""
    district = organisation.add_unit(session, None, "district", "yunxi", "云溪区", phone="0000-0000")
    crew = _Crew(session)
    for code, name, officer, communities in _STREETS:
        street = organisation.add_unit(session, district, "street", f"yunxi-{code}", name)
        crew.add(street, officer, "service_officer")
        for community in communities:
            unit = organisation.add_unit(session, street, "community", f"yunxi-{community.code}", community.name)
            _people(crew, unit, community)
    units = {unit.code: unit for unit in organisation.subtree(session, district)}
    # Each answers for the communities he is in contact with 联系分包, not for the whole district.
    crew.add(district, "郑七夕", "supervisor", held_in=[units["yunxi-qinghe"], units["yunxi-tangli"]])
    crew.add(district, "秦十方", "supervisor", held_in=[units["yunxi-zhuxi"]])
    crew.add(district, "冯八达", "administrator")
    crew.add(district, "陈九章", "administrator")
    crew.add(units["yunxi-bailu"], "尤十力", "administrator")
    return list(accounts(session))


def accounts(session: Session) -> Iterator[DemoAccount]:
    """-> the accounts of the demo district with the roles held today, from the district down."""
    held: dict[int, list[Assignment]] = {}
    in_term = select(Assignment).join(Unit).where(access.in_term()).order_by(Unit.path, Assignment.id)
    for assignment in session.scalars(in_term.options(joinedload(Assignment.unit))):
        held.setdefault(assignment.person_id, []).append(assignment)
    for account in session.scalars(select(Account).options(joinedload(Account.person)).order_by(Account.id)):
        assignments = held.get(account.person_id, [])
        yield DemoAccount(
            login=account.login,
            password=PASSWORD,
            name=account.person.name,
            roles=list(dict.fromkeys(assignment.role for assignment in assignments)),
            unit=assignments[0].unit.name if assignments else "",
        )


def _people(crew: _Crew, unit: Unit, community: _Community) -> None:
    crew.add(unit, community.organizer, "organizer", "committee", "party_member", term=TERM)
    crew.add(unit, community.director, "director", "committee", "party_member", term=TERM)
    for clerk in community.clerks:
        crew.add(unit, clerk, "clerk")
    for place, member in enumerate(community.committee):
        crew.add(unit, member, "committee", *(["party_member"] if place < 2 else []), term=TERM, account=place < 2)
    for place, member in enumerate(community.supervision):
        crew.add(unit, member, "supervision_committee", term=TERM, account=place == 0)
    crew.add(unit, community.archivist, "archivist")
    for place in range(community.representatives):
        name = _SURNAMES[place] + _NUMERALS[place % len(_NUMERALS)] + community.tree
        also = ["party_member"] if place % 4 == 1 else []
        crew.add(unit, name, "representative", *also, term=TERM, account=place < 2)


class _Crew:
    """Adds people one after the other, with telephone numbers that nobody has."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.count = 0

    def add(
        self,
        home: Unit,
        name: str,
        *roles: str,
        held_in: list[Unit] | None = None,
        term: tuple[date, date | None] = (TERM[0], None),
        account: bool = True,
    ) -> None:
        self.count += 1
        person = organisation.add_person(self.session, home, name, phone=f"0000-{self.count:04}")
        for unit in held_in or [home]:
            for role in roles:
                organisation.assign(self.session, person, role, unit, *term)
        if account:
            login = "".join(organisation.syllables(name))
            organisation.add_account(self.session, person, login, PASSWORD, must_change=False)
