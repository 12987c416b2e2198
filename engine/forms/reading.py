"""Reads a form file (form-js schema) strictly: what is not understood is refused with its field, not skipped."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Protocol

from engine.errors import EngineError, ModelRefused, Sentence, say
from engine.feel.errors import Refused
from engine.feel.regex import Pattern, compile_pattern

from .components import CHOICES, INPUTS, ORNAMENTS, Check, Choice, Component, Formula, Kind, Template

MAX_BYTES = 512 * 1024
MAX_COMPONENTS = 300
MAX_DEPTH = 6
MAX_CHOICES = 500
MAX_TEXT = 20_000
MAX_PATTERN = 500

RESERVED = frozenset(("csrf_token", "do", "took_place", "late_reason"))
"""Names which the page itself sends with a form. So are all that begin with `_`."""
_KEY = re.compile(r"[^\W\d_]\w{0,79}")
_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)

_REFUSED_TYPES: Mapping[str, Sentence] = {
    "html": say("Raw HTML is not accepted; use a text component (Markdown)."),
    "iframe": say("A form must not show foreign pages; use a text component."),
    "image": say("A form must not load pictures from elsewhere; use a text component."),
    "table": say("Tables are not offered; use a dynamic list or an expression."),
    "documentPreview": say("Previews of documents are not offered; the matter's page lists its papers."),
}
_IGNORED_TYPES = frozenset(("button",))  # the page brings its own buttons
_PROPERTIES = frozenset((
    "type", "id", "key", "path", "label", "description", "text", "expression", "computeOn", "defaultValue", "validate",
    "conditional", "readonly", "disabled", "values", "valuesKey", "valuesExpression", "appearance", "layout", "properties",
    "components", "isRepeating", "allowAddRemove", "defaultRepetitions", "nonCollapsedItems", "disableCollapse",
    "showOutline", "verticalAlignment", "decimalDigits", "increment", "serializeToString", "searchable", "subtype",
    "dateLabel", "timeLabel", "timeInterval", "use24h", "timeSerializingFormat", "disallowPassedDates", "multiple",
    "accept", "height", "versionTag", "action",
))
_VALIDATE = frozenset((
    "required", "min", "max", "minLength", "maxLength", "pattern", "validationType", "custom",
))  # fmt: skip
_SHAPES = ("", "custom", "email", "phone")


class Evaluator(Protocol):
    """What a form asks of the expression language: `check` refuses (raises) what is no FEEL and tells the names that are
    read, `evaluate` gives a value."""

    def check(self, text: str) -> Iterable[str]: ...

    def evaluate(self, text: str, names: Any) -> Any: ...


def read(data: bytes, evaluator: Evaluator, file: str) -> tuple[Component, ...]:
    """-> the components of the form file `data`. ModelRefused with `file`, `line` and `element` (the field's key)."""
    return _Reader(data, evaluator, file).components()


class _Reader:
    def __init__(self, data: bytes, evaluator: Evaluator, file: str) -> None:
        self.data, self.evaluator, self.file = data, evaluator, file
        self.text = ""
        self.count = 0
        self.names: set[str] = set()
        self.field = ""

    def components(self) -> tuple[Component, ...]:
        schema = self._parsed()
        if schema.get("type", "default") != "default":
            raise self._no(say("Expected a form of type “default”, not “{type}”.", type=str(schema.get("type"))[:40]))
        return self._children(schema, (), "", 1)

    # --- JSON -------------------------------------------------------------------------------------------------------
    def _parsed(self) -> dict[str, Any]:
        if len(self.data) > MAX_BYTES:
            raise self._no(say("A form file may have at most {limit} KB.", limit=MAX_BYTES // 1024))
        try:
            self.text = self.data.decode("utf-8")
        except UnicodeDecodeError:
            raise self._no(say("The form file is not written in UTF-8.")) from None
        try:
            schema = json.loads(self.text, object_pairs_hook=self._object, parse_constant=self._constant,
                                parse_float=Decimal, parse_int=self._integer)
        except json.JSONDecodeError as error:
            raise self._no(say("The form file is not valid JSON: {reason}.", reason=error.msg), error.lineno) from None
        except RecursionError:
            raise self._no(say("The form file is nested too deeply.")) from None
        if not isinstance(schema, dict):
            raise self._no(say("Expected a form-js schema: an object with “components”."))
        return schema

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in pairs:
            if key in made:
                raise self._no(say("The property “{property}” stands twice in one object.", property=key[:80]))
            made[key] = value
        return made

    def _constant(self, word: str) -> Any:
        raise self._no(say("“{word}” is no number.", word=word))

    def _integer(self, digits: str) -> int:
        if len(digits) > 30:
            raise self._no(say("“{word}” is no number.", word=digits[:40] + "…"))
        return int(digits)

    # --- components -------------------------------------------------------------------------------------------------
    def _children(self, owner: Mapping[str, Any], path: tuple[str, ...], prefix: str, depth: int) -> tuple[Component, ...]:
        if depth > MAX_DEPTH:
            raise self._no(say("Groups and lists may be nested at most {limit} deep.", limit=MAX_DEPTH))
        items = owner.get("components", [])
        if not isinstance(items, list):
            raise self._no(say("“components” must be a list."))
        made = (self._component(item, path, prefix, depth) for item in items)
        return tuple(component for component in made if component is not None)

    def _component(self, item: Any, path: tuple[str, ...], prefix: str, depth: int) -> Component | None:
        self.field = self._named(item)
        self.count += 1
        if self.count > MAX_COMPONENTS:
            raise self._no(say("A form may have at most {limit} components.", limit=MAX_COMPONENTS))
        kind = self._kind(item)
        if kind is None:
            return None
        for name in item:
            if name not in _PROPERTIES:
                raise self._no(say("The property “{property}” is not known.", property=name[:80]))
        own = path + self._path(item, kind)
        name = prefix + ".".join(own)
        if kind in INPUTS or kind in (Kind.ROWS, Kind.EXPRESSION):
            self._claim(name)
        validate = self._mapping(item, "validate", _VALIDATE)
        properties = self._custom(item)
        common: dict[str, Any] = {
            "kind": kind, "path": own, "pattern_name": name,
            "label": self._template(item, "label"), "description": self._template(item, "description"),
            "hide": self._hide(item), "readonly": self._readonly(item),
            "required": self._flag(validate, "required"), "checks": self._checks(validate, properties),
            "origin": properties.get("origin", ""), "prefill": properties.get("prefill", "yes") not in ("no", "false"),
            "properties": MappingProxyType(properties),
        }
        if "hint" in properties:
            common["description"] = self._parts(properties["hint"], "hint")
        field = self.field
        common |= _SPECIAL.get(kind, _nothing)(self, item, validate)
        if kind is Kind.GROUP:
            common["children"] = self._children(item, own, prefix, depth + 1)
        elif kind is Kind.ROWS:
            common["children"] = self._children(item, (), name + "[].", depth + 1)
        self.field = field
        return Component(**common)

    def _kind(self, item: Any) -> Kind | None:
        if not isinstance(item, dict):
            raise self._no(say("Every component must be an object."))
        word = item.get("type")
        if isinstance(word, str) and word in _REFUSED_TYPES:
            raise self._no(_REFUSED_TYPES[word])
        if word in _IGNORED_TYPES:
            return None
        try:
            return Kind(str(word))
        except ValueError:
            raise self._no(say("The component type “{type}” is not known.", type=str(word)[:40])) from None

    def _path(self, item: Mapping[str, Any], kind: Kind) -> tuple[str, ...]:
        """Groups may have a path, lists must; inputs and expressions must have a key; both may be dotted."""
        if kind in ORNAMENTS:
            return ()
        word = "path" if kind in (Kind.GROUP, Kind.ROWS) else "key"
        key = item.get(word, "")
        if kind is Kind.GROUP and key == "":
            return ()
        if not isinstance(key, str) or not key:
            raise self._no(say("A component of type “{type}” needs a “{property}”.", type=kind.value, property=word))
        steps = tuple(key.split("."))
        if not all(_KEY.fullmatch(step) for step in steps) or key in RESERVED:
            raise self._no(say("“{key}” cannot be a key: a key is a word of letters, digits and “_” that begins with a "
                               "letter.", key=key[:80]))
        return steps

    def _claim(self, name: str) -> None:
        taken = name in self.names or any(other.startswith((name + ".", name + "[")) or name.startswith(other + ".")
                                          for other in self.names)
        if taken:
            raise self._no(say("The key “{key}” is used twice.", key=name[:80]))
        self.names.add(name)

    # --- properties -------------------------------------------------------------------------------------------------
    def _checks(self, validate: Mapping[str, Any], properties: Mapping[str, str]) -> tuple[Check, ...]:
        made = []
        if "check" in properties:
            message = properties.get("checkMessage")
            if not message:
                raise self._no(say("A check needs a “checkMessage”: the sentence for those who do not satisfy it."))
            made.append(self._check(properties["check"], "check", message))
        custom = validate.get("custom", [])
        for entry in custom if isinstance(custom, list) else [custom]:
            if not isinstance(entry, dict) or set(entry) != {"check", "message"}:
                raise self._no(say("An entry of “custom” has a “check” and a “message”."))
            made.append(self._check(entry["check"], "custom", self._string(entry, "message")))
        return tuple(made)

    def _check(self, text: Any, name: str, message: str) -> Check:
        condition = self._formula(text, name)
        return Check(condition, message, frozenset(self.evaluator.check(condition)))

    def _hide(self, item: Mapping[str, Any]) -> Formula | None:
        conditional = self._mapping(item, "conditional", frozenset(("hide",)))
        hide = conditional.get("hide")
        return None if hide in (None, "") else self._formula(hide, "conditional")

    def _readonly(self, item: Mapping[str, Any]) -> bool | Formula:
        return self._flag(item, "disabled") is True or self._flag(item, "readonly")

    def _flag(self, item: Mapping[str, Any], name: str) -> bool | Formula:
        value = item.get(name, False)
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.startswith("="):
            return self._formula(value, name)
        raise self._no(say("“{property}” must be true, false or a formula that begins with “=”.", property=name))

    def _custom(self, item: Mapping[str, Any]) -> dict[str, str]:
        properties = item.get("properties") or {}
        if not isinstance(properties, dict) or not all(isinstance(value, str) for value in properties.values()):
            raise self._no(say("“properties” must hold texts."))
        return properties

    def _mapping(self, item: Mapping[str, Any], name: str, known: frozenset[str]) -> dict[str, Any]:
        value = item.get(name) or {}
        if not isinstance(value, dict):
            raise self._no(say("“{property}” must be an object.", property=name))
        for key in value:
            if key not in known:
                raise self._no(say("“{property}” has no entry “{entry}”.", property=name, entry=key[:80]))
        return value

    def _formula(self, text: Any, name: str) -> Formula:
        if not isinstance(text, str) or not text.strip().lstrip("=").strip() or len(text) > MAX_TEXT:
            raise self._no(say("“{property}” must be a formula.", property=name))
        formula = Formula(text.strip().removeprefix("=").strip())
        try:
            self.evaluator.check(formula)
        except EngineError as error:
            raise self._no(say("The formula in “{property}” is refused: {reason}", property=name, reason=error.sentence)) from error
        return formula

    def _template(self, item: Mapping[str, Any], name: str) -> Template:
        return self._parts(self._string(item, name), name)

    def _parts(self, text: str, name: str) -> Template:
        if text.startswith("="):
            return (self._formula(text, name),)
        pieces = _PLACE.split(text)
        return tuple(self._formula(piece, name) if odd % 2 else piece for odd, piece in enumerate(pieces) if piece)

    def _string(self, item: Mapping[str, Any], name: str) -> str:
        value = item.get(name)
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            raise self._no(say("“{property}” must be a text of at most {limit} characters.", property=name, limit=MAX_TEXT))
        if any("\ud800" <= character <= "\udfff" or (character < " " and character not in "\t\n\r") for character in value):
            raise self._no(say("“{property}” has characters which cannot be shown.", property=name))
        return value

    def _whole(self, item: Mapping[str, Any], name: str, limit: int) -> int | None:
        value = item.get(name)
        if value in (None, ""):
            return None
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
            value = int(value)
        if type(value) is not int or not 0 <= value <= limit:
            raise self._no(say("“{property}” must be a whole number from 0 to {limit}.", property=name, limit=limit))
        return value

    def _length(self, item: Mapping[str, Any], name: str) -> int | Formula | None:
        if isinstance(item.get(name), str) and item[name].startswith("="):
            return self._formula(item[name], name)
        return self._whole(item, name, 100_000)

    def _bound(self, item: Mapping[str, Any], name: str) -> Any:
        """A number, a date or time as text, or a formula."""
        value = item.get(name)
        if value in (None, ""):
            return None
        if isinstance(value, str) and value.startswith("="):
            return self._formula(value, name)
        if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
            raise self._no(say("“{property}” must be a number, a date or a formula.", property=name))
        return value

    # --- by kind ----------------------------------------------------------------------------------------------------
    def texts(self, item: Mapping[str, Any], validate: Mapping[str, Any]) -> dict[str, Any]:
        shape = validate.get("validationType") or ""
        if shape not in _SHAPES:
            raise self._no(say("“validationType” is email, phone or custom."))
        return {
            "default": self._default(item, str), "min_length": self._length(validate, "minLength"),
            "max_length": self._length(validate, "maxLength"), "pattern": self._pattern(validate),
            "shape": "" if shape == "custom" else shape, **self._adorners(item),
        }

    def _pattern(self, validate: Mapping[str, Any]) -> Pattern | None:
        text = self._string(validate, "pattern")
        if not text:
            return None
        if len(text) > MAX_PATTERN:
            raise self._no(say("A pattern may have at most {limit} characters.", limit=MAX_PATTERN))
        try:
            return compile_pattern(text, "")
        except (Refused, EngineError) as error:
            raise self._no(say("The pattern “{pattern}” is refused: {reason}", pattern=text, reason=error.sentence)) from error

    def numbers(self, item: Mapping[str, Any], validate: Mapping[str, Any]) -> dict[str, Any]:
        step = item.get("increment")
        try:
            step = Decimal(str(step)) if step not in (None, "") else None
        except ArithmeticError:
            step = Decimal(0)
        if step is not None and not (step.is_finite() and step > 0):
            raise self._no(say("“{property}” must be a number above 0.", property="increment"))
        bounds = {"minimum": self._bound(validate, "min"), "maximum": self._bound(validate, "max")}
        if any(isinstance(bound, str) and not isinstance(bound, Formula) for bound in bounds.values()):
            raise self._no(say("“min” and “max” of a number are numbers or formulas."))
        return {
            "default": self._default(item, int, Decimal, str), "decimals": self._whole(item, "decimalDigits", 12), "step": step,
            "as_text": self._flag(item, "serializeToString") is True, **bounds, **self._adorners(item),
        }

    def _adorners(self, item: Mapping[str, Any]) -> dict[str, Any]:
        appearance = item.get("appearance") or {}
        if not isinstance(appearance, dict):
            raise self._no(say("“{property}” must be an object.", property="appearance"))
        return {"prefix": self._template(appearance, "prefixAdorner"), "suffix": self._template(appearance, "suffixAdorner")}

    def checkboxes(self, item: Mapping[str, Any], validate: Mapping[str, Any]) -> dict[str, Any]:
        return {"default": self._default(item, bool)}

    def moments(self, item: Mapping[str, Any], validate: Mapping[str, Any]) -> dict[str, Any]:
        subtype = item.get("subtype", "date")
        if subtype not in ("date", "time", "datetime"):
            raise self._no(say("“subtype” is date, time or datetime."))
        label = self._template(item, "label") or self._template(item, "timeLabel" if subtype == "time" else "dateLabel")
        return {
            "subtype": subtype, "label": label, "default": self._default(item, str),
            "not_past": self._flag(item, "disallowPassedDates") is True,
            "minimum": self._bound(validate, "min"), "maximum": self._bound(validate, "max"),
        }

    def choices(self, item: Mapping[str, Any], validate: Mapping[str, Any]) -> dict[str, Any]:
        sources = [name for name in ("values", "valuesKey", "valuesExpression") if item.get(name)]
        if len(sources) != 1:
            raise self._no(say("Expected the answers in exactly one of “values”, “valuesKey” and “valuesExpression”."))
        made: dict[str, Any] = {"default": self._default(item, str, int, Decimal, list)}
        if sources == ["values"]:
            return made | {"choices": self._values(item["values"])}
        return made | {"choices_from": self._formula(item[sources[0]], sources[0])}

    def _values(self, values: Any) -> tuple[Choice, ...]:
        if not isinstance(values, list) or len(values) > MAX_CHOICES:
            raise self._no(say("“{property}” must be a list of at most {limit} entries.", property="values", limit=MAX_CHOICES))
        made: dict[str, Choice] = {}
        for entry in values:
            entry = {"value": entry, "label": str(entry)} if isinstance(entry, str) else entry
            if not isinstance(entry, dict) or type(entry.get("value")) not in (str, int, Decimal) or entry["value"] == "":
                raise self._no(say("Every entry of “values” has a “value” and a “label”."))
            if str(entry["value"]) in made:
                raise self._no(say("The answer “{value}” is offered twice.", value=str(entry["value"])[:80]))
            label = self._string(entry, "label") or str(entry["value"])
            made[str(entry["value"])] = Choice(entry["value"], label)
        return tuple(made.values())

    def rows(self, item: Mapping[str, Any], validate: Mapping[str, Any]) -> dict[str, Any]:
        first = self._whole(item, "defaultRepetitions", 50)
        return {
            "initial_rows": 1 if first is None else first, "rows_change": item.get("allowAddRemove", True) is not False,
            "min_length": self._length(validate, "minLength"), "max_length": self._length(validate, "maxLength"),
        }

    def expressions(self, item: Mapping[str, Any], validate: Mapping[str, Any]) -> dict[str, Any]:
        return {"formula": self._formula(item.get("expression"), "expression")}

    def prose(self, item: Mapping[str, Any], validate: Mapping[str, Any]) -> dict[str, Any]:
        return {"text": self._template(item, "text")}

    def files(self, item: Mapping[str, Any], validate: Mapping[str, Any]) -> dict[str, Any]:
        return {"multiple": self._flag(item, "multiple") is True, "accept": self._string(item, "accept")}

    def _default(self, item: Mapping[str, Any], *types: type) -> Any:
        value = item.get("defaultValue")
        if value is None or value == "":
            return None
        if isinstance(value, str) and value.startswith("="):
            return self._formula(value, "defaultValue")
        if type(value) not in types:
            raise self._no(say("The “defaultValue” has the wrong type."))
        return value

    # --- refusals ---------------------------------------------------------------------------------------------------
    def _named(self, item: Any) -> str:
        if not isinstance(item, dict):
            return ""
        names = (item.get(word) for word in ("key", "path", "id", "label"))
        return next((name[:80] for name in names if isinstance(name, str) and name), "")

    def _no(self, sentence: Sentence, line: int | None = None) -> ModelRefused:
        where: dict[str, Any] = {"file": self.file}
        if line is None and self.field:
            found = self.text.find(json.dumps(self.field, ensure_ascii=False))
            line = self.text.count("\n", 0, found) + 1 if found >= 0 else None
        if line is not None:
            where["line"] = line
        if self.field:
            where["element"] = self.field
            sentence = say("Field “{field}”: {sentence}", field=self.field, sentence=sentence)
        return ModelRefused(sentence, where=where)


def _nothing(reader: _Reader, item: Mapping[str, Any], validate: Mapping[str, Any]) -> dict[str, Any]:
    return {}


_SPECIAL: Mapping[Kind, Callable[[_Reader, Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]] = {
    Kind.TEXT: _Reader.prose, Kind.TEXTFIELD: _Reader.texts, Kind.TEXTAREA: _Reader.texts, Kind.NUMBER: _Reader.numbers,
    Kind.CHECKBOX: _Reader.checkboxes, Kind.DATETIME: _Reader.moments, Kind.ROWS: _Reader.rows,
    Kind.EXPRESSION: _Reader.expressions, Kind.FILES: _Reader.files, **dict.fromkeys(CHOICES, _Reader.choices),
}  # fmt: skip
