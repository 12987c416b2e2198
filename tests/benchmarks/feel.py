"""How long expressions, conditions, scripts and tables take, in µs: `python -m tests.benchmarks.feel`."""

from __future__ import annotations

import time
from collections import ChainMap
from collections.abc import Callable
from typing import Any

from engine import decisions, feel

VARIABLES: dict[str, Any] = {f"field {number}": number for number in range(26)} | {
    "amount": 12_000, "status": "open", "是否同意": True, "到会人数": 18,
}
ALL = (
    " and ".join(f"field {number} >= {number}" for number in range(26))
    + ' and amount > 10000 and status = "open" and 是否同意 = true and 到会人数 > 15'
)
CONDITIONS = {
    "3 of 30 variables": 'amount > 10000 and status = "open" and 到会人数 >= 12',
    "2 variables with each other": "amount > 到会人数 * 100 and 是否同意",
    "all of 30 variables": ALL,
}
MEETING = {
    "ballots": [{"choice": "同意" if number % 3 else "反对"} for number in range(9)], "n": 9, "meeting": "2026-11-24",
}
BALLOTS = 'if count(ballots[choice = "同意"]) > n/2 then date(meeting) + duration("P7D") else null'
SCRIPT = '同意票 = count(ballots[choice = "同意"])\npassed = 同意票 * 2 > n'


def main() -> None:
    evaluator = decisions.Evaluator()
    scope = ChainMap({}, VARIABLES)
    for name, text in CONDITIONS.items():
        expression = feel.compile(text, VARIABLES)
        show(f"compile: {name}", feel.compile, text, VARIABLES)
        show(f"evaluate compiled: {name}", expression, VARIABLES)
        show(f"Evaluator.condition: {name}", evaluator.condition, text, scope)
    expression = feel.compile(BALLOTS, MEETING)
    show("evaluate compiled: count of 9 ballots, date + duration", expression, MEETING)
    show("Evaluator.evaluate: the same", evaluator.evaluate, BALLOTS, MEETING)
    show("Evaluator.execute: script of two lines on 9 ballots", evaluator.execute, SCRIPT, MEETING)
    for rules in (4, 100):
        source = table(rules)
        inputs = {"score": rules * 10 - 5, "group": "a"}
        model = decisions.load(source)
        assert model.evaluate("class", inputs).value == f"class {rules - 1}"
        show(f"load: table of {rules} rules", decisions.load, source)
        show(f"decide: table of {rules} rules", decisions.Evaluator({"m.dmn": model}).decide, "class", inputs)


def show(name: str, call: Callable[..., Any], *arguments: Any, seconds: float = 0.4) -> None:
    call(*arguments)
    best = float("inf")
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        begin = time.perf_counter()
        for _ in range(20):
            call(*arguments)
        best = min(best, (time.perf_counter() - begin) / 20)
    print(f"{name:60} {best * 1e6:10.1f}")


def table(rules: int) -> bytes:
    rows = "".join(
        f"<rule><inputEntry><text>[{number * 10}..{number * 10 + 10})</text></inputEntry>"
        f"<inputEntry><text>{'-' if number % 2 else chr(34) + 'a' + chr(34) + ', ' + chr(34) + 'b' + chr(34)}</text>"
        f'</inputEntry><outputEntry><text>"class {number}"</text></outputEntry></rule>'
        for number in range(rules)
    )
    return f"""<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="m" namespace="urn:m">
<inputData id="i1" name="score"><variable name="score" typeRef="number"/></inputData>
<inputData id="i2" name="group"><variable name="group" typeRef="string"/></inputData>
<decision id="d" name="class"><variable name="class" typeRef="string"/>
<informationRequirement><requiredInput href="#i1"/></informationRequirement>
<informationRequirement><requiredInput href="#i2"/></informationRequirement>
<decisionTable hitPolicy="UNIQUE"><input><inputExpression typeRef="number"><text>score</text></inputExpression></input>
<input><inputExpression typeRef="string"><text>group</text></inputExpression></input>
<output name="class" typeRef="string"/>{rows}</decisionTable></decision></definitions>""".encode()


if __name__ == "__main__":
    main()
