"""Scripts of script tasks: one expression that gives a context, or assignments in lines."""

from __future__ import annotations

import re
from typing import NamedTuple

from engine import feel
from engine.feel.names import FIRST, PART, SPACE, tidy_name
from engine.feel.sentences import say

# Strings and comments, in which nothing counts; brackets; ends of statements; a name and the sign of an assignment.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/|[(\[{]|[)\]}]|;|\n', re.DOTALL)
_ASSIGNMENT = re.compile(rf"{SPACE}*+({FIRST}(?:{PART}|[ \t+\-*/'])*+)=(?!=)")
# A line that ends like this goes on in the next one.
_GOES_ON = re.compile(r"(?:\b(?:and|or|then|else|in|return|satisfies|if|between|of)|[-+*/=<>,:(\[{.])\s*$")
_BLANK = re.compile(rf"(?:{SPACE}|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_RESERVED = re.compile(r"(?:if|for|some|every|not|function)\b")


class Assignment(NamedTuple):
    """The variable to write, or None where the value is a context of variables; and the expression.

    The expression stands where it stood in the script, behind as many blanks and line ends as were before it: so that
    a complaint names the script's own line and column.
    """

    name: str | None
    text: str


def read_script(script: str) -> tuple[Assignment, ...]:
    """The assignments in their order. Raises `feel.ParseError` where a statement is no assignment."""
    statements = [(begin, end) for begin, end in _statements(script) if not _is_blank(script, begin, end)]
    first = _assignment(script, *statements[0]) if statements else None
    if first is None:
        return (Assignment(None, script),)
    found = [first]
    for begin, end in statements[1:]:
        assignment = _assignment(script, begin, end)
        if assignment is None:
            expected = say("an assignment: name = expression")
            at = begin + len(_BLANK.match(script, begin, end).group())  # type: ignore[union-attr]
            message = say("expected {what} but found “{text}”", what=expected, text=script[at:end].strip()[:40])
            raise feel.ParseError(message, script, at, expected)
        found.append(assignment)
    return tuple(found)


def _statements(script: str) -> list[tuple[int, int]]:
    """Where statements begin and end. A line end separates two only where the next line begins an assignment."""
    found, begin, depth = [], 0, 0
    for token in _TOKEN.finditer(script):
        sign = token.group()
        if sign in ("(", "[", "{"):
            depth += 1
        elif sign in (")", "]", "}"):
            depth -= 1
        elif depth <= 0 and (sign == ";" or (sign == "\n" and _begins_anew(script, begin, token.end()))):
            found.append((begin, token.start()))
            begin = token.end()
    return [*found, (begin, len(script))]


def _begins_anew(script: str, begin: int, next_line: int) -> bool:
    return _starts_assignment(script, next_line) is not None and not _GOES_ON.search(script, begin, next_line - 1)


def _starts_assignment(script: str, position: int) -> re.Match[str] | None:
    blank = _BLANK.match(script, position)
    found = _ASSIGNMENT.match(script, blank.end() if blank else position)
    return None if found is None or _RESERVED.match(found[1]) else found


def _assignment(script: str, begin: int, end: int) -> Assignment | None:
    found = _starts_assignment(script, begin)
    if found is None or found.end() > end:
        return None
    return Assignment(tidy_name(found[1]), re.sub(r"[^\n]", " ", script[:found.end()]) + script[found.end():end])


def _is_blank(script: str, begin: int, end: int) -> bool:
    blank = _BLANK.match(script, begin, end)
    return blank is not None and blank.end() == end
