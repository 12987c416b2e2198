"""Random texts that look like FEEL, for the fuzz tests."""

import random

from engine.feel.functions import BUILT_IN

WORDS = """( ) [ ] { } , : . .. + - * / ** = != < <= > >= and or not in between if then else for return some every
satisfies function external instance of true false null ? @ item partial list<number> number string context<a: Any>
range<number> function<Any>->Any date "2026-01-31" "P1Y2M" "PT3H" "12:30:00@Asia/Shanghai" "同意" "a.*(b|c)+?" "" 0 1 -1
2.5 1e6 1e-30 99999999999999999999999999999999999 x y 到会人数 number of votes a-b [1,2,3] [1..5] ]1..3[ (1..2] (>3)
@"P1D" @"P1M" @"2026-02-28" @"2026-02-28T10:00:00Z" @"10:00:00" "[1..3]" "\\u" // /* */ “ （ ， list: key: value:
{a:1} [{b:1},{b:2}] from:""".split()  # noqa: SIM905
NAMES = sorted(BUILT_IN)
SIGNS = ("+", "-", "*", "/", "**", "=", "<", "<=", "!=", "and", "or")
SCOPE = {"x": 5, "y": [1, 2, {"a": 1}], "到会人数": 18, "number of votes": 7, "a-b": None}


def soup(source: random.Random, length: int) -> str:
    return " ".join(source.choice(WORDS) for _ in range(length))


def calls(source: random.Random, depth: int = 3) -> str:
    """A well-formed expression, mostly of wrong kinds."""
    kind = source.randrange(14) if depth else 99
    if kind < 6:
        name = source.choice(NAMES)
        return f"{name}({', '.join(calls(source, depth - 1) for _ in range(source.randrange(4)))})"
    if kind == 6:
        return f"({calls(source, depth - 1)} {source.choice(SIGNS)} {calls(source, depth - 1)})"
    if kind == 7:
        return f"[{calls(source, depth - 1)}, {calls(source, depth - 1)}][{calls(source, depth - 1)}]"
    if kind == 8:
        return f"for i in {calls(source, depth - 1)}, j in 1..3 return [i, j, {calls(source, depth - 1)}]"
    if kind == 9:
        return f"(if {calls(source, depth - 1)} then {calls(source, depth - 1)} else {calls(source, depth - 1)})"
    if kind == 10:
        return f"{{a: {calls(source, depth - 1)}, b: a}}.{source.choice(['a', 'b', 'year', 'start'])}"
    if kind == 11:
        return f"({calls(source, depth - 1)} in ({calls(source, depth - 1)}, > {calls(source, depth - 1)}))"
    if kind == 12:
        return f"(some i in {calls(source, depth - 1)} satisfies i = {calls(source, depth - 1)})"
    return source.choice(
        [
            "1",
            "2.5",
            "-3",
            '"abc"',
            '"a+"',
            "null",
            "true",
            "[1,2,3]",
            "[]",
            "{a: 1}",
            '@"P1D"',
            '@"P2M"',
            '@"2026-01-31"',
            '@"2026-01-31T10:00:00@Asia/Shanghai"',
            '@"10:00:00Z"',
            "[1..5]",
            "(>3)",
            "function(a, b) a",
            "x",
            "y",
            "到会人数",
            "1e30",
            "[null]",
            '"[1..3]"',
            '"P1D"',
            "abs",
        ]
    )
