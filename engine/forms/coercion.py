"""One answer: from what a browser posts, or a scenario gives, to a value of FEEL; and whether it keeps its limits."""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, DecimalException
from typing import Any

from engine import clock, feel
from engine.errors import EngineError, Sentence, say
from engine.feel.numbers import is_number, read_number, tidy
from engine.feel.run import DEFAULT, Ledger, Run, house_clock
from engine.feel.text import read_date, read_date_time, read_time, write

from .components import MAX_TEXTAREA, MAX_TEXTFIELD, Choice, Component, Kind

LONGEST = 200_000
"""Characters beyond which an answer is not even looked at."""
MAX_PAPERS = 50

_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
_TIME = re.compile(r"(\d{1,2})\s*[:时点]\s*(\d{2})\s*分?(?::(\d{2})(?:\.0+)?)?")
_NUMBER = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,12})?", re.ASCII)
_SEPARATED = re.compile(r"[+-]?\d{1,3}(?:[, '_]\d{3,4})+(?:\.\d+)?", re.ASCII)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]{1,63}(?:\.[^@\s.]{1,63}){1,8}")
_PHONE = re.compile(r"\+?[0-9][0-9 -]{3,20}[0-9]", re.ASCII)
_UNSEEN = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u2028\u2029\x85")
"""Marks that turn the direction of writing or break lines unseen: a text with them need not say what it seems to."""

_YES = frozenset(("true", "on", "1"))
_NO = frozenset(("", "false", "off", "0"))


class Wrong(Exception):
    """Inside only: the answer cannot be taken, for this reason."""

    def __init__(self, sentence: Sentence) -> None:
        self.sentence = sentence
        super().__init__(str(sentence))


# --- from a browser -------------------------------------------------------------------------------------------------
def from_typed(component: Component, strings: Sequence[str], choices: Sequence[Choice]) -> Any:
    """-> the value of what was typed, None (or an empty list) where nothing was. Raises Wrong."""
    if not component.many:
        if len(strings) > 1 and component.kind is not Kind.CHECKBOX:
            raise Wrong(say("Only one answer is expected here."))
        strings = strings[-1:]
    if sum(map(len, strings)) > LONGEST:
        raise Wrong(say("This is too long: at most {limit} characters.", limit=_longest(component)))
    read = _TYPED[component.kind]
    if component.many:
        return read(component, [text for text in strings if text], choices)
    text = strings[0] if strings else ""
    return read(component, text, choices)


def _text(component: Component, text: str, choices: Sequence[Choice]) -> str | None:
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = text.rstrip() if component.kind is Kind.TEXTAREA else text.strip()
    lines = "\n\t" if component.kind is Kind.TEXTAREA else "\t"
    for character in text:
        if character in lines:
            continue
        if "\ud800" <= character <= "\udfff" or character in _UNSEEN or unicodedata.category(character) == "Cc":
            raise Wrong(say("There is a character here that cannot be seen or kept (U+{code}). Please type this part again.",
                            code=f"{ord(character):04X}"))
    return text.strip("\n") or None if component.kind is Kind.TEXTAREA else text or None


def _number(component: Component, text: str, choices: Sequence[Choice]) -> Any:
    plain = _half_width(text).replace("−", "-")
    if not plain:
        return None
    if _SEPARATED.fullmatch(plain):
        together = re.sub(r"[, '_]", "", plain)
        raise Wrong(say("Please write the number without separators: {number}", number=together))
    if not _NUMBER.fullmatch(plain):
        example = "120.50" if component.decimals else "120"
        raise Wrong(say("“{text}” is not a number. Please write it in digits, for example {example}.", text=_short(text),
                        example=example))
    return read_number(plain.removeprefix("+"))


def _checkbox(component: Component, text: str, choices: Sequence[Choice]) -> bool:
    if text not in _YES and text not in _NO:
        raise Wrong(say("This can only be ticked or not ticked."))
    return text in _YES


def _moment(component: Component, text: str, choices: Sequence[Choice]) -> Any:
    plain = _half_width(text)
    if not plain:
        return None
    if component.subtype == "time":
        return _time(plain, text)
    if component.subtype == "date":
        return _date(plain, text)
    parts = re.split(r"[T\s]\s*|(?<=日)", plain, maxsplit=1)
    if len(parts) != 2:
        raise Wrong(say("“{text}” is not a day and time. Please write it like 2026-04-20 14:30.", text=_short(text)))
    return _in_zone(feel.DateTime(_date(parts[0], text), _time(parts[1], text)))


def _date(plain: str, text: str) -> feel.Date:
    found = _DATE.fullmatch(plain)
    if not found:
        raise Wrong(say("“{text}” is not a day. Please write it like 2026-04-20.", text=_short(text)))
    try:
        return feel.Date(*map(int, found.groups()))
    except ValueError:
        raise Wrong(say("There is no such day as “{text}” in the calendar.", text=_short(text))) from None


def _time(plain: str, text: str) -> feel.Time:
    found = _TIME.fullmatch(plain)
    try:
        if found:
            return feel.Time(int(found[1]), int(found[2]), int(found[3] or 0))
    except ValueError:
        pass
    raise Wrong(say("“{text}” is not a time. Please write it like 14:30.", text=_short(text)))


def _choice(component: Component, text: str, choices: Sequence[Choice]) -> Any:
    if not text:
        return None
    return _chosen(text, choices)


def _chosen(text: str, choices: Sequence[Choice]) -> Any:
    for choice in choices:
        if written(choice.value) == text:
            return choice.value
    raise Wrong(say("“{text}” is not among the answers offered.", text=_short(text)))


def _several(component: Component, texts: Sequence[str], choices: Sequence[Choice]) -> list[Any]:
    """In the order in which the answers are offered, each once."""
    wanted = set(texts)
    known = {written(choice.value) for choice in choices}
    for text in texts:
        if text not in known:
            raise Wrong(say("“{text}” is not among the answers offered.", text=_short(text)))
    return [choice.value for choice in choices if written(choice.value) in wanted]


def _papers(component: Component, texts: str | Sequence[str], choices: Sequence[Choice]) -> Any:
    """The numbers of papers; whether they are this task's papers, engine.papers knows."""
    numbers = []
    for text in [texts] if isinstance(texts, str) else texts:
        if not text:
            continue
        if not (text.isascii() and text.isdigit() and len(text) < 18):
            raise Wrong(say("This is not one of the papers attached here."))
        numbers.append(int(text))
    if len(numbers) > MAX_PAPERS:
        raise Wrong(say("At most {limit} papers can be attached here.", limit=MAX_PAPERS))
    numbers = list(dict.fromkeys(numbers))
    if component.multiple:
        return numbers
    return numbers[0] if numbers else None


_TYPED: Mapping[Kind, Callable[[Component, Any, Sequence[Choice]], Any]] = {
    Kind.TEXTFIELD: _text, Kind.TEXTAREA: _text, Kind.NUMBER: _number, Kind.CHECKBOX: _checkbox, Kind.DATETIME: _moment,
    Kind.RADIO: _choice, Kind.SELECT: _choice, Kind.CHECKLIST: _several, Kind.TAGLIST: _several, Kind.FILES: _papers,
}  # fmt: skip


# --- from a scenario or the API -------------------------------------------------------------------------------------
def from_given(component: Component, value: Any, choices: Sequence[Choice]) -> Any:
    """-> the value of FEEL for one that is typed already; texts are read as a person would have typed them, where the
    kind has no other form (dates). Raises Wrong."""
    if component.many:
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise Wrong(say("Expected a list."))
        return from_typed(component, [_scalar(item) for item in value], choices)
    if value is None or value == "":
        return from_typed(component, [], choices)
    return _GIVEN[component.kind](component, value, choices)


def _given_text(component: Component, value: Any, choices: Sequence[Choice]) -> Any:
    if not isinstance(value, str):
        raise Wrong(say("Expected a text."))
    return from_typed(component, [value], choices)


def _given_number(component: Component, value: Any, choices: Sequence[Choice]) -> Any:
    if isinstance(value, float):
        value = Decimal(repr(value))
    if component.as_text and isinstance(value, str):
        return from_typed(component, [value], choices)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Wrong(say("Expected a number."))
    if isinstance(value, Decimal) and not value.is_finite():
        raise Wrong(say("Expected a number."))
    return tidy(value)


def _given_checkbox(component: Component, value: Any, choices: Sequence[Choice]) -> bool:
    if not isinstance(value, bool):
        raise Wrong(say("Expected true or false."))
    return value


def _given_moment(component: Component, value: Any, choices: Sequence[Choice]) -> Any:
    if isinstance(value, str):
        return _moment(component, value, choices) if not _zoned(component, value) else read_date_time(value)
    if isinstance(value, datetime.date | datetime.time):
        value = feel.to_feel(value)
    if not isinstance(value, {"date": feel.Date, "time": feel.Time, "datetime": feel.DateTime}[component.subtype]):
        raise Wrong(say("Expected a {subtype}.", subtype=_SUBTYPES[component.subtype]))
    return _in_zone(value) if isinstance(value, feel.DateTime) else value


def _given_choice(component: Component, value: Any, choices: Sequence[Choice]) -> Any:
    return _chosen(_scalar(value), choices)


def _given_paper(component: Component, value: Any, choices: Sequence[Choice]) -> Any:
    return _papers(component, _scalar(value), choices)


def _scalar(value: Any) -> str:
    if isinstance(value, float):
        value = Decimal(repr(value))
    if not isinstance(value, str | int | Decimal) or (isinstance(value, Decimal) and not value.is_finite()):
        raise Wrong(say("Expected a single answer."))
    return written(value)


def _zoned(component: Component, text: str) -> bool:
    if component.subtype != "datetime":
        return False
    try:
        return read_date_time(text).time.has_zone()
    except ValueError:
        return False


_SUBTYPES = {"date": say("date"), "time": say("time"), "datetime": say("date and time")}
_GIVEN: Mapping[Kind, Callable[[Component, Any, Sequence[Choice]], Any]] = {
    Kind.TEXTFIELD: _given_text, Kind.TEXTAREA: _given_text, Kind.NUMBER: _given_number, Kind.CHECKBOX: _given_checkbox,
    Kind.DATETIME: _given_moment, Kind.RADIO: _given_choice, Kind.SELECT: _given_choice, Kind.FILES: _given_paper,
}  # fmt: skip


# --- limits ---------------------------------------------------------------------------------------------------------
def limits(component: Component, value: Any, bound: Callable[[Any], Any]) -> Sentence | None:
    """-> what is wrong with `value` as an answer to `component`, or None. `bound` gives the value of a limit that is a
    formula."""
    check = _LIMITS.get(component.kind)
    return None if check is None else check(component, value, bound)


def _text_limits(component: Component, value: str, bound: Callable[[Any], Any]) -> Sentence | None:
    least, most = bound(component.min_length), bound(component.max_length)
    most = min(most, LONGEST) if type(most) is int else _longest(component)
    if len(value) > most:
        return say("This has {count} characters; at most {limit} are possible.", count=len(value), limit=most)
    if type(least) is int and len(value) < least:
        return say("Please write at least {limit} characters; there are {count}.", count=len(value), limit=least)
    if component.shape == "email" and not _EMAIL.fullmatch(value):
        return say("“{text}” is not an e-mail address.", text=_short(value))
    if component.shape == "phone" and not _PHONE.fullmatch(_half_width(value)):
        return say("“{text}” is not a telephone number.", text=_short(value))
    return _pattern_limit(component, value)


def _pattern_limit(component: Component, value: str) -> Sentence | None:
    if component.pattern is None:
        return None
    try:
        found = component.pattern.search(Run({}, Ledger(DEFAULT, house_clock)), value, 0)
    except EngineError:  # the pattern needs more steps than are given to it
        return say("Whether this has the expected form cannot be told; please write it shorter.")
    message = component.properties.get("patternMessage")
    if found is None:
        return told(message) if message else say("This does not have the expected form.")
    return None


def _number_limits(component: Component, value: Any, bound: Callable[[Any], Any]) -> Sentence | None:
    if component.decimals is not None and _digits(value) > component.decimals:
        if component.decimals == 0:
            return say("Please write a whole number.")
        return say("At most {count} digits after the point are possible.", count=component.decimals)
    if component.step is not None and Decimal(value) % component.step != 0:
        return say("Only multiples of {step} are possible.", step=component.step)
    return _range_limit(value, bound(component.minimum), bound(component.maximum))


def _range_limit(value: Any, least: Any, most: Any) -> Sentence | None:
    if is_number(least) and value < least:
        return say("This must be at least {limit}.", limit=written(least))
    if is_number(most) and value > most:
        return say("This must be at most {limit}.", limit=written(most))
    return None


def _moment_limits(component: Component, value: Any, bound: Callable[[Any], Any]) -> Sentence | None:
    if not isinstance(value, feel.Time):
        year = (value.date if isinstance(value, feel.DateTime) else value).year
        if not 1900 <= year <= 2199:
            return say("The year {year} cannot be meant.", year=year)
    least, most = (_as_moment(component, bound(limit)) for limit in (component.minimum, component.maximum))
    if least is not None and value.key() < least.key():
        return say("This must not be before {limit}.", limit=moment_text(least))
    if most is not None and value.key() > most.key():
        return say("This must not be after {limit}.", limit=moment_text(most))
    if component.not_past and _is_past(value):
        return say("This must not lie in the past.")
    return None


def _as_moment(component: Component, limit: Any) -> Any:
    """A limit in the kind of the component: of a date and time its date counts, and the other way round its midnight."""
    if isinstance(limit, str):
        readers = {"date": read_date, "time": read_time, "datetime": read_date_time}
        try:
            limit = readers[component.subtype](limit if component.subtype != "time" or limit.count(":") == 2 else limit + ":00")
        except ValueError:
            return None
    if component.subtype == "date" and isinstance(limit, feel.DateTime):
        return limit.date
    if component.subtype == "datetime" and isinstance(limit, feel.Date):
        limit = feel.DateTime(limit, feel.Time(0, 0, 0))
    if isinstance(limit, feel.DateTime):
        return _in_zone(limit) if component.subtype == "datetime" else None
    kinds = {"date": feel.Date, "time": feel.Time}
    return limit if isinstance(limit, kinds.get(component.subtype, ())) else None


def _is_past(value: Any) -> bool:
    now = clock.now().astimezone(clock.ZONE)
    if isinstance(value, feel.Date):
        return bool(value.key() < feel.to_feel(now.date()).key())
    return isinstance(value, feel.DateTime) and bool(value.key() < feel.to_feel(now).key())


_LIMITS: Mapping[Kind, Callable[[Component, Any, Callable[[Any], Any]], Sentence | None]] = {
    Kind.TEXTFIELD: _text_limits, Kind.TEXTAREA: _text_limits, Kind.NUMBER: _number_limits, Kind.DATETIME: _moment_limits,
}  # fmt: skip


# --- words ----------------------------------------------------------------------------------------------------------
def stored(component: Component, value: Any) -> Any:
    """-> the value as the variable keeps it: a number that the file wants as text becomes one."""
    return written(value) if component.as_text and is_number(value) else value


def written(value: Any) -> str:
    """-> the value as a browser's control holds it: ISO days and times, plain digits, true and false."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.date | datetime.time):
        value = feel.to_feel(value)
    if isinstance(value, feel.Time | feel.DateTime):
        return moment_text(value)
    return str(write(value))


def moment_text(value: Any) -> str:
    """-> a day, a time to the minute, or both with a `T` between, on the clock of the house's zone."""
    if isinstance(value, feel.DateTime):
        local = feel.to_python(_in_zone(value))
        if isinstance(local, datetime.datetime):
            return local.astimezone(clock.ZONE).strftime("%Y-%m-%dT%H:%M")
        return str(write(value))
    if isinstance(value, feel.Time):
        return f"{value.hour:02}:{value.minute:02}"
    return str(write(value))


def kind_word(value: Any) -> str:
    """-> how a computed value is shown: number, checkbox (yes or no), date, time, datetime, else text."""
    kinds = {bool: "checkbox", int: "number", Decimal: "number", feel.Date: "date", feel.Time: "time", feel.DateTime: "datetime"}
    return kinds.get(type(value), "textfield")


def comparable(value: Any) -> Any:
    """-> a form of the value in which equal answers are equal, whether they are typed in YAML or values of FEEL."""
    if isinstance(value, list | tuple):
        return [comparable(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): comparable(item) for key, item in value.items()}
    return written(feel.to_feel(value) if isinstance(value, float) else value)


def told(text: str) -> Sentence:
    """-> a sentence that stands in the form file, in the language of the file: no message of ours."""
    return Sentence("{text}", {"text": text})


def _in_zone(value: feel.DateTime) -> feel.DateTime:
    if value.time.has_zone():
        return value
    time = value.time
    return feel.DateTime(value.date, feel.Time(time.hour, time.minute, time.second, time.nano, zone=clock.ZONE.key))


def _digits(value: Any) -> int:
    try:
        exponent = Decimal(value).normalize().as_tuple().exponent
    except DecimalException:
        return 0
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _longest(component: Component) -> int:
    if type(component.max_length) is int:
        return component.max_length
    return MAX_TEXTAREA if component.kind is Kind.TEXTAREA else MAX_TEXTFIELD


def _half_width(text: str) -> str:
    """Full-width digits and signs, which Chinese input methods make, as the ASCII ones."""
    return unicodedata.normalize("NFKC", text[:200]).strip()


def _short(text: str) -> str:
    """What is quoted back to the person: cut, and without what cannot be shown."""
    seen = "".join(c if c.isprintable() and c not in _UNSEEN else "·" for c in text[:41])
    return seen[:40] + "…" if len(text) > 40 else seen
