"""Camunda, Operaton, Flowable, Activiti and Zeebe → ours: expressions become FEEL; what cannot be meant here is refused.

`${…}` and `#{…}` are JUEL; a leading `=` marks FEEL. Attributes of the vendors are read by their local names, see elements.py.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from .errors import Flaw, say

FEEL_FORMATS = ("feel", "text/feel", "application/feel", "text/x-feel", "application/x-feel")
_NO_LANGUAGE_OF_ITS_OWN = ("xpath", "xml", "schema", "juel", "uel", "feel", "spec/dmn", "formalexpression")
_TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|(?P<name>[^\W\d]\w*)"
                    r"|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/%<>!?:().,\[\]]))")
_PART = re.compile(r"[$#]\{((?:[^{}'\"]|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")*)\}")
_BINARY = (
    {"||": "or", "or": "or"},
    {"&&": "and", "and": "and"},
    {"==": "=", "eq": "=", "!=": "!=", "ne": "!="},
    {"<": "<", "lt": "<", ">": ">", "gt": ">", "<=": "<=", "le": "<=", ">=": ">=", "ge": ">="},
    {"+": "+", "-": "-"},
    {"*": "*", "/": "/", "div": "/", "%": "%", "mod": "%"},
)
_WORDS = {word for level in _BINARY for word in level if word.isalpha()} | {"not", "empty", "instanceof"}
_RESERVED = "if then else for in return some every satisfies function and or not between instance of true false null"
_FEEL_WORDS = frozenset(_RESERVED.split())


def expression(text: str) -> str:
    """-> the FEEL of an expression as models write it: bare, after `=`, or JUEL. Flaw where JUEL has no translation."""
    text = text.strip()
    if text.startswith("=") and not text.startswith("=="):
        return text[1:].strip()
    return juel(text) if is_juel(text) else text


def is_juel(text: str) -> bool:
    """-> whether the text contains `${…}` or `#{…}`."""
    return "${" in text or "#{" in text


def is_expression(text: str) -> bool:
    """-> whether a text that may be a plain name is an expression."""
    return text.strip().startswith("=") or is_juel(text)


def juel(text: str) -> str:
    """-> the FEEL of a text with JUEL in it; if there is other text as well, all is put together as one string."""
    whole = _PART.fullmatch(text.strip())
    if whole:
        return _Translator(whole[1]).translate()
    parts, end = [], 0
    for found in _PART.finditer(text):
        if found.start() > end:
            parts.append(_quoted(text[end:found.start()]))
        parts.append(f"string({_Translator(found[1]).translate()})")
        end = found.end()
    if not parts or is_juel(text[end:]):
        raise Flaw(say("{text} is no complete expression.", text=text))
    if end < len(text):
        parts.append(_quoted(text[end:]))
    return " + ".join(parts)


def check_language(node: Any) -> None:
    """Flaw where an expression says that it is written in a language which is not ours. XPath is what modelling tools write
    when nobody has chosen; nobody means it."""
    language = (node.get("language") or "").lower()
    if language and not any(word in language for word in _NO_LANGUAGE_OF_ITS_OWN):
        raise Flaw(say("Expressions in {language} are not run: write FEEL.", language=language))


def check_script_format(node: Any) -> None:
    """Flaw where a script is not FEEL."""
    language = node.get("scriptFormat")
    if language and language.lower() not in FEEL_FORMATS:
        raise Flaw(say("Scripts in {language} are not run: write FEEL with scriptFormat=\"feel\", one “name = expression” a "
                       "line, or make it a service task.", language=language))


def check_code(extensions: dict[str, Any]) -> None:
    """Flaw where an element wants code of another engine to be run."""
    for name in ("class", "delegateExpression", "expression", "connector", "listener"):
        if name in extensions:
            raise Flaw(say("{name} names code of another engine, which is not run here: make it a service task with a topic, "
                           "for which a worker does the job.", name=name))
    for name in ("executionListener", "taskListener"):
        if name in extensions:
            raise Flaw(say("A listener ({name}) is code of another engine, which is not run here: put a script task or a service "
                           "task before or after.", name=name))
    kind = extensions.get("type")
    if isinstance(kind, str) and kind not in ("external", "dmn"):
        raise Flaw(say("Service tasks of the type {kind} are not known here: make it one with a topic.", kind=kind))


class _Sign(NamedTuple):
    kind: str
    text: str


class _Translator:
    """JUEL by recursive descent, one method a level; each gives FEEL that needs no brackets around it."""

    def __init__(self, text: str) -> None:
        self.text, self.depth = text, 0
        self.signs, at = [], 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._flaw(text[at:].strip()[:20])
            self.signs.append(_Sign(found.lastgroup or "", found[found.lastgroup or 0]))
            at = found.end()
        self.at = 0

    def translate(self) -> str:
        found = self._choice()
        if self.at < len(self.signs):
            raise self._flaw(self.signs[self.at].text)
        return found

    def _flaw(self, what: str) -> Flaw:
        return Flaw(say("“{what}” in {text} has no translation: write it as FEEL, after “=”.", what=what, text=self.text))

    def _peek(self) -> str:
        return self.signs[self.at].text if self.at < len(self.signs) else ""

    def _take(self, *texts: str) -> str | None:
        if self.at < len(self.signs) and self.signs[self.at].kind != "text" and self._peek() in texts:
            self.at += 1
            return self.signs[self.at - 1].text
        return None

    def _need(self, text: str) -> None:
        if self._take(text) is None:
            raise self._flaw(self._peek() or text)

    def _choice(self) -> str:
        self.depth += 1
        if self.depth > 50:
            raise self._flaw(self._peek())
        condition = self._binary(0)
        if self._take("?"):
            then = self._choice()
            self._need(":")
            condition = f"(if {condition} then {then} else {self._choice()})"
        self.depth -= 1
        return condition

    def _binary(self, level: int) -> str:
        if level == len(_BINARY):
            return self._unary()
        left, many = self._binary(level + 1), False
        while (sign := self._take(*_BINARY[level])) is not None:
            right, word = self._binary(level + 1), _BINARY[level][sign]
            left = f"modulo({left}, {right})" if word == "%" else f"{left} {word} {right}"
            many = many or word != "%"
        return f"({left})" if many and level > 0 else left

    def _unary(self) -> str:
        if self._take("!", "not"):
            return f"not({self._unary()})"
        if self._take("empty"):
            return _empty(self._unary())
        if self._take("-"):
            return f"-{self._unary()}"
        return self._path()

    def _path(self) -> str:
        value = self._value()
        while True:
            if self._take("."):
                value = self._member(value, self._name())
            elif self._take("["):
                value = self._entry(value)
            else:
                return value

    def _name(self) -> str:
        sign = self.signs[self.at] if self.at < len(self.signs) else _Sign("", "")
        if sign.kind != "name":
            raise self._flaw(sign.text or ".")
        self.at += 1
        return sign.text

    def _value(self) -> str:
        if self._take("("):
            inner = self._choice()
            self._need(")")
            return f"({inner})"
        sign = self.signs[self.at] if self.at < len(self.signs) else _Sign("", "")
        self.at += 1
        if sign.kind == "number":
            return sign.text
        if sign.kind == "text":
            return _quoted(re.sub(r"\\(.)", r"\1", sign.text[1:-1]))
        if sign.text in ("true", "false", "null"):
            return sign.text
        if sign.kind != "name" or sign.text in _WORDS or sign.text in _FEEL_WORDS or (self._peek() in ("(", ":") and self._calls()):
            raise self._flaw(sign.text or self.text)
        return sign.text

    def _calls(self) -> bool:
        """A function: `name(…)` or `prefix:name(…)`; a colon may also belong to `? :`."""
        following = self.signs[self.at + 1:self.at + 3]
        return self._peek() == "(" or (len(following) == 2 and following[0].kind == "name" and following[1].text == "(")

    def _member(self, value: str, name: str) -> str:
        if not self._take("("):
            return f"{value}.{name}" if name not in _FEEL_WORDS else f"get value({value}, {_quoted(name)})"
        given = []
        if not self._take(")"):
            given.append(self._choice())
            while self._take(","):
                given.append(self._choice())
            self._need(")")
        match name, given:
            case "isEmpty", []:
                return _empty(value)
            case "size", []:
                return f"count({value})"
            case "length", []:
                return f"string length({value})"
            case "equals", [other]:
                return f"({value} = {other})"
            case "contains", [other]:
                return f"(if {value} instance of string then contains({value}, {other}) else list contains({value}, {other}))"
        raise self._flaw(f"{name}()")

    def _entry(self, value: str) -> str:
        sign = self.signs[self.at] if self.at < len(self.signs) else _Sign("", "")
        key = self._choice()
        self._need("]")
        if sign.kind == "number" and key.isdigit():
            return f"{value}[{int(key) + 1}]"       # lists begin with 0 there, with 1 in FEEL
        if sign.kind == "text" and key.startswith('"'):
            return f"get value({value}, {key})"
        raise self._flaw(f"[{key}]")


def _empty(value: str) -> str:
    return f'(if {value} = null then true else if {value} instance of string then {value} = "" else count({value}) = 0)'


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
