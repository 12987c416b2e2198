"""Runs the cases of the DMN Technology Compatibility Kit.

    python tck.py FOLDER [--json FILE] [--failures]

FOLDER holds `compliance-level-2` and `compliance-level-3` (or one of them, or one test's folder).
"""

import argparse
import json
import pathlib
import sys
import time
from collections import Counter, defaultdict
from decimal import Decimal

from lxml import etree

from engine import decisions, feel
from engine.decisions.elements import DecisionService
from engine.errors import EngineError
from engine.feel.text import read_date, read_date_time, read_duration, read_time
from engine.feel.values import Function, to_feel

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_READ = {"date": read_date, "time": read_time, "dateTime": read_date_time, "duration": read_duration}
_TAGS = {feel.Date: "@date", feel.Time: "@time", feel.DateTime: "@dateTime", feel.DaysTime: "@duration",
         feel.YearsMonths: "@duration"}


def local(element) -> str:
    return etree.QName(element).localname


def elements(element, *names):
    return [child for child in element if isinstance(child.tag, str) and (not names or local(child) in names)]


def read_value(element):
    """The value of an inputNode, expected, item or component."""
    parts = elements(element, "value", "list", "component")
    if not parts:
        return None
    if local(parts[0]) == "list":
        return [read_value(item) for item in elements(parts[0], "item")]
    if local(parts[0]) == "component":
        return {part.get("name"): read_value(part) for part in parts if local(part) == "component"}
    return read_plain(parts[0])


def read_plain(element):
    if element.get(XSI + "nil") == "true":
        return None
    text, kind = element.text or "", (element.get(XSI + "type") or "xsd:string").rpartition(":")[2]
    if kind == "boolean":
        return text.strip() in ("true", "1")
    if kind in ("decimal", "double", "integer", "int", "long", "float"):
        return to_feel(Decimal(text.strip()))
    return _READ[kind](text.strip()) if kind in _READ else text


def as_json(value):
    kind = type(value)
    if value is None or kind in (bool, str, int):
        return value
    if kind is Decimal:
        return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else {"@number": str(value)}
    if kind is list:
        return [as_json(item) for item in value]
    if kind is dict:
        return {key: as_json(item) for key, item in value.items()}
    return {_TAGS.get(kind, "@other"): repr(value) if isinstance(value, (Function, feel.Range)) else feel.write(value)}


def close(a, b) -> bool:
    """Equal as FEEL values; numbers up to 1e-8 relative."""
    if type(a) in (int, Decimal) and type(b) in (int, Decimal):
        return abs(a - b) <= max(abs(a), abs(b)) * Decimal("1e-8")
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(close(a[key], b[key]) for key in a)
    if type(a) is type(b) and hasattr(a, "key"):
        return a.key() == b.key()
    return type(a) is type(b) and a == b


def evaluate(model, case, result, inputs):
    """(value, error) of one expected result."""
    try:
        if case.get("type") == "decisionService":
            answer = model.call_service(case.get("invocableName"), inputs)
            value = answer.value
            service = next(each for each in model.main.elements() if each.name == case.get("invocableName")
                           and isinstance(each, DecisionService))
            if len(service.outputs) > 1 and isinstance(value, dict):
                value = value.get(result.get("name"))
        else:
            answer = model.evaluate(result.get("name"), inputs)
            value = answer.value
    except Exception as error:  # a bug of ours must not end the run of all other cases
        return None, f"{type(error).__name__}: {error}"
    reasons = "; ".join(f"{reason.where}: {reason.sentence}" if reason.where else str(reason.sentence)
                        for reason in answer.reasons[:3])
    return value, reasons


def load_model(folder: pathlib.Path, name: str):
    """(model, error): the file named, with all others of the folder as its imports."""
    sources = {path.name: path.read_bytes() for path in sorted(folder.glob("*.dmn"))}
    wanted = next((each for each in (name, f"{name}.dmn", f"{folder.name}.dmn") if each in sources), min(sources))
    try:
        return decisions.load(sources.pop(wanted), *sources.values(), lenient=True), None
    except EngineError as error:
        return None, f"{type(error).__name__}: {error}"


def run_folder(folder: pathlib.Path):
    """(record, expected value) of all results of one test's folder."""
    for path in sorted(folder.glob("*.xml")):
        root = etree.parse(str(path)).getroot()
        if local(root) != "testCases":
            continue
        model, broken = load_model(folder, (root.findtext("{*}modelName") or "").strip())
        for case in elements(root, "testCase"):
            inputs = {(node.get("namespace"), node.get("name")) if node.get("namespace") else node.get("name"):
                      read_value(node) for node in elements(case, "inputNode")}
            for result in elements(case, "resultNode"):
                expected = read_value(elements(result, "expected")[0]) if elements(result, "expected") else None
                value, error = evaluate(model, case, result, inputs) if model else (None, broken)
                yield {"file": f"{folder.parent.name}/{folder.name}/{path.name}", "case": case.get("id"),
                       "result": result.get("name"), "value": as_json(value), "ok": close(value, expected),
                       "error": error or None}, expected


def share(kind: str, right: int, of: int) -> str:
    return f"{kind} {right}/{of} = {100 * right / max(of, 1):.2f} %"


def folders_of(root: pathlib.Path):
    return sorted({path.parent for path in root.rglob("*.dmn")})


def main(arguments=None) -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--json", type=pathlib.Path, help="write one line for each result")
    options.add_argument("--failures", action="store_true", help="show each wrong result")
    chosen = options.parse_args(arguments)
    counts: dict[str, Counter] = defaultdict(Counter)
    failed: Counter = Counter()
    records, begin = [], time.perf_counter()
    for folder in folders_of(chosen.folder):
        for record, expected in run_folder(folder):
            records.append(record)
            kinds = ("all", "values") if expected is not None else ("all",)
            for kind in kinds:
                counts[folder.parent.name][kind] += 1
                counts[folder.parent.name][kind + " right"] += record["ok"]
            if not record["ok"]:
                failed[folder.name] += 1
                if chosen.failures:
                    print(f"{folder.name} {record['case']} {record['result']}: found {record['value']!r}, expected "
                          f"{as_json(expected)!r} ({record['error']})")
    for level, count in sorted(counts.items()):
        print(level, ", ".join(share(kind, count[kind + " right"], count[kind]) for kind in ("all", "values")))
    for name, number in failed.most_common():
        print(f"  {number:4} wrong in {name}")
    print(f"{time.perf_counter() - begin:.1f} s")
    if chosen.json:
        chosen.json.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), "utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
