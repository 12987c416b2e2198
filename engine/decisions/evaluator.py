"""What processes and forms ask: expressions, conditions, scripts and decisions, each within a budget."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any

from engine import feel
from engine.errors import Incident, ModelRefused, NotFound, Sentence
from engine.feel.run import DEFAULT, Budget, Clock, house_clock
from engine.feel.sentences import say

from .model import Model, Outcome
from .script import Assignment, read_script

# How many names are remembered as not mattering, in all and for one text: names may come from data.
MAX_REMEMBERED = 10_000


class EvaluationFailed(Incident):
    """Expected a value which the process can use but there is none: the sentence says why. The model is at fault."""


class ConditionFailed(EvaluationFailed):
    """Expected true or false but the condition gives something else, or needs what is not there."""


class Evaluator:
    """Expressions, conditions, scripts and decisions for models.

    **Texts** are FEEL, bare or after `=`. **Names** are the variables which a text may read: any mapping, also a
    `ChainMap` with the nearest scope first. They may hold Python's `str`, `bool`, `int`, `float`, `Decimal`, `None`,
    lists and tuples, mappings, `date`, `datetime`, `time`, `timedelta`, and FEEL's own values; only those that the text
    reads are looked at. Names with blanks, signs or Chinese are known as such: `到会人数 > 15`, `net-price * 2`.

    **What comes out** is a value of FEEL, freshly made, that can be stored: `int`, `Decimal` (34 digits), `str`,
    `bool`, `None`, `list`, `dict` with `str` keys, `Date`, `Time`, `DateTime`, `DaysTime`, `YearsMonths`, `Range`
    (all in `engine.feel`; `feel.to_python` makes `datetime` types of them). A function does not come out.

    `decisions` are loaded DMN models by file name (see `load_all`); `functions` are the host's own functions by the
    names under which expressions call them, e.g. `{"business days after": fn}` (see `feel.Library` for what they get
    and may do; give them to `load_all` too); `clock` is asked by `now()` and `today()`, in whose zone the day is
    counted; `budget` bounds every single evaluation; `cache` is how many compiled texts are kept. One evaluator serves
    any number of threads.

    Raises `feel.FeelError` where a text cannot be read (`ParseError` with its place; `BudgetError` where reading it
    would take out of all proportion), `EvaluationFailed` (an `Incident`) where it can but there is no usable value: it
    takes too many steps or grows too large, a variable holds what FEEL has no kind for.
    """

    def __init__(self, decisions: Mapping[str, Model] | None = None, *,
                 functions: Mapping[str, Callable[..., Any]] | None = None, clock: Clock = house_clock,
                 budget: Budget = DEFAULT, cache: int = 4096) -> None:
        self.decisions = dict(decisions or {})
        self.library = feel.Library(functions)
        self.clock, self.budget = clock, budget
        self._expression = lru_cache(cache)(self._compile)
        self._script = lru_cache(cache)(self._read_script)
        # Names that cannot change how any text is read; and for each text the special ones that may stand in it or not.
        self._plain: set[str] = set()
        self._seen = lru_cache(cache)(_nothing_seen)

    # --- when a model is compiled -----------------------------------------------------------------------------------

    def check(self, text: str, names: Iterable[str] = ()) -> frozenset[str]:
        """Refuses a text that cannot be read: raises `feel.ParseError` with line, column and what was expected.

        -> the names that it may read (inside of a filter they may be entries of the items instead).
        """
        return self._expression(text, self._special(text, names)).free

    def check_script(self, script: str, names: Iterable[str] = ()) -> frozenset[str]:
        """As `check`, for a script -> the names that it writes, as far as its text tells."""
        known = [*names]
        written = []
        for assignment in self._script(script):
            self.check(assignment.text, known)
            if assignment.name is not None:
                known.append(assignment.name)
                written.append(assignment.name)
        return frozenset(written)

    def check_decision(self, reference: str) -> frozenset[str]:
        """Refuses a reference to no decision: raises `NotFound` or, where several files have it, `ModelRefused`.

        -> the names of what the decision needs.
        """
        return frozenset(self._model(reference)[0].required_inputs(reference.rpartition("#")[2]))

    # --- when an instance runs --------------------------------------------------------------------------------------

    def evaluate(self, text: str, names: Mapping[str, Any]) -> Any:
        """-> the value of the text. As the standard has it, null where it cannot be computed; `outcome` says why."""
        return self.outcome(text, names).value

    def outcome(self, text: str, names: Mapping[str, Any]) -> Outcome:
        """-> the value of the text, with `reasons`: why values on the way to it became null (`missing` names a
        variable that is not there)."""
        expression = self._expression(text, self._special(text, names))
        try:
            result = expression.evaluate(_scope(expression.free, names), self.budget, self.clock)
        except feel.BudgetError as error:
            raise EvaluationFailed(_could_not(text, error.sentence)) from None
        self._refuse_what_cannot_be_stored(text, result.value)
        return Outcome(result.value, result.reasons)

    def condition(self, text: str, names: Mapping[str, Any]) -> bool:
        """-> whether the condition holds.

        Raises `ConditionFailed` where it is neither true nor false, and says what it needs and does not have: a gateway
        must not take a wrong way because a name was mistyped.
        """
        expression = self._expression(text, self._special(text, names))
        scope = _scope(expression.free, names)
        try:
            answer = expression(scope, self.budget, self.clock)
            if answer is True or answer is False:
                return answer
            reasons = expression.evaluate(scope, self.budget, self.clock).reasons
        except feel.BudgetError as error:
            raise ConditionFailed(_could_not(text, error.sentence)) from None
        if answer is not None:
            why = say("expected true or false but found a {kind}", kind=feel.kind_of(answer))
        else:
            why = _why_null(reasons, [name for name in sorted(expression.free) if scope.get(name, 0) is None])
        raise ConditionFailed(_could_not(text, why))

    def execute(self, script: str, names: Mapping[str, Any]) -> dict[str, Any]:
        """-> what a script task writes: variables by name, in the order of the script.

        A script is one expression whose value is a context, whose entries are the variables (`{a: 1, b: a + 1}`); or
        assignments `name = expression`, one a line or separated by `;`, each seeing those before it. A line that does
        not begin an assignment goes on with the one above. Raises `EvaluationFailed` where the value is no context,
        and where a variable would be null because it needs a name that is not there.
        """
        written: dict[str, Any] = {}
        inner: ChainMap[str, Any] = ChainMap(written, *_maps(names))
        for assignment in self._script(script):
            outcome = self.outcome(assignment.text, inner)
            _refuse_missing(assignment.text, outcome)
            if assignment.name is not None:
                written[assignment.name] = outcome.value
            elif type(outcome.value) is dict:
                written |= outcome.value
            else:
                kind = feel.kind_of(outcome.value)
                why = say("expected a context whose entries are the variables to write, but found a {kind}", kind=kind)
                raise EvaluationFailed(_could_not(script, why))
        return written

    def decide(self, reference: str, names: Mapping[str, Any]) -> Any:
        """-> the value of a decision: its id or name, or `file#decision` (the file with or without `.dmn`).

        Raises `EvaluationFailed` where there is no such decision, and where it is null because it needs a name that is
        not there. No rule that matches is null, as the standard has it; `decision` says so.
        """
        outcome = self.decision(reference, names)
        _refuse_missing(reference, outcome)
        return outcome.value

    def decision(self, reference: str, names: Mapping[str, Any]) -> Outcome:
        """-> the value of a decision with `reasons` and `hits`: which rules of which tables matched, and why."""
        try:
            model, name = self._model(reference)
        except (NotFound, ModelRefused) as error:
            raise EvaluationFailed(error.sentence) from None
        needed = frozenset(model.required_inputs(name))
        try:
            outcome = model.ask(name, _scope(needed, names), self.budget, self.clock)
        except feel.BudgetError as error:
            raise EvaluationFailed(_could_not(reference, error.sentence)) from None
        self._refuse_what_cannot_be_stored(reference, outcome.value)
        return outcome

    # --- inside -----------------------------------------------------------------------------------------------------

    def _compile(self, text: str, special: frozenset[str]) -> feel.Expression:
        return feel.compile(bare(text), special, library=self.library)

    def _read_script(self, script: str) -> tuple[Assignment, ...]:
        return read_script(bare(script))

    def _special(self, text: str, names: Iterable[str]) -> frozenset[str]:
        """Those of the names that decide how the text is read: with blanks or signs, or hiding a function.

        Most scopes have none, and all other names read alike whether they are known or not; so that compiled texts are
        shared by all instances, whatever variables these have.
        """
        special: set[str] = set()
        for each in _maps(names):
            keys = each.keys() if isinstance(each, Mapping) else set(each)
            if not keys <= self._plain:
                special |= self._mentioned(text, keys - self._plain)
        return frozenset(special) if special else _NONE

    def _mentioned(self, text: str, names: AbstractSet[str]) -> set[str]:
        """Those of the names that are special and may stand in the text. What is learnt of a name is kept."""
        mentioned, unmentioned = self._seen(text)
        found = set(names & mentioned)
        for name in names - mentioned - unmentioned:
            if feel.is_plain_name(name) and name not in self.library.functions:
                _keep(self._plain, name)
            elif feel.mentions(text, name):
                _keep(mentioned, name)
                found.add(name)
            else:
                _keep(unmentioned, name)
        return found

    def _model(self, reference: str) -> tuple[Model, str]:
        """The model and the name in it."""
        file, _, name = reference.rpartition("#")
        if file:
            model = self.decisions.get(file) or self.decisions.get(f"{file}.dmn")
            found = [model] if model is not None and model.knows(name) else []
        else:
            found = [model for model in self.decisions.values() if model.knows(name)]
        if not found:
            raise NotFound(say("there is no decision “{name}”", name=reference))
        if len(found) > 1:
            files = ", ".join(file for file, model in self.decisions.items() if model in found)
            raise ModelRefused(say("several files have a decision “{name}”: {files}; write file#{name}", name=name,
                                   files=files), where={"element": name})
        return found[0], name

    def _refuse_what_cannot_be_stored(self, text: str, value: Any) -> None:
        """A value that shares parts can be far larger when written out than in memory; functions are code."""
        if type(value) not in _NESTED:
            if isinstance(value, feel.Function):
                raise EvaluationFailed(_could_not(text, say("a function cannot be kept as a value")))
            return
        left, characters, waiting = self.budget.items, self.budget.characters, [(value, 0)]
        while waiting:
            each, depth = waiting.pop()
            left -= 1
            if type(each) is str:
                characters -= len(each)
            if left < 0 or characters < 0 or depth > self.budget.depth:
                raise EvaluationFailed(_could_not(text, say("the value is too large to be kept")))
            if type(each) is list:
                waiting += [(item, depth + 1) for item in each[:left + 1]]
            elif type(each) is dict:
                waiting += [(item, depth + 1) for item in each.values()]
            elif type(each) is feel.Range:
                waiting += [(each.start, depth + 1), (each.end, depth + 1)]
            elif isinstance(each, feel.Function):
                raise EvaluationFailed(_could_not(text, say("a function cannot be kept as a value")))


_NONE: frozenset[str] = frozenset()
_NESTED = frozenset((list, dict, feel.Range))


def _nothing_seen(text: str) -> tuple[set[str], set[str]]:
    return set(), set()


def _keep(names: set[str], name: str) -> None:
    if len(names) >= MAX_REMEMBERED:
        names.clear()
    names.add(name)


def bare(text: str) -> str:
    """The text without the `=` that marks an expression, places kept, so that errors name the right column."""
    inner = text.lstrip()
    if inner.startswith("=") and not inner.startswith("=="):
        return " " * (len(text) - len(inner) + 1) + inner[1:]
    return text


def _maps(names: Any) -> Any:
    """The mappings of a chain, nearest first."""
    return names.maps if isinstance(names, ChainMap) else (names,)


def _scope(free: frozenset[str], names: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the names that are read, as values of FEEL."""
    scope = {}
    for name in free:
        try:
            value = names[name]
        except KeyError:
            continue
        kind = type(value)
        if kind is str or kind is bool or value is None:
            scope[name] = value
            continue
        try:
            scope[name] = feel.to_feel(value)
        except TypeError:
            raise EvaluationFailed(say("the variable “{name}” holds a {kind}, which expressions cannot read", name=name,
                                       kind=kind.__name__)) from None
        except RecursionError:
            raise EvaluationFailed(say("the variable “{name}” is nested too deeply", name=name)) from None
    return scope


def _refuse_missing(text: str, outcome: Outcome) -> None:
    if outcome.value is None and any(reason.missing for reason in outcome.reasons):
        raise EvaluationFailed(_could_not(text, _why_null(outcome.reasons, [])))


def _why_null(reasons: list[feel.Reason], empty: list[str]) -> Sentence:
    """The reason that helps most: names that are not there, else variables without value, else what went wrong."""
    missing = dict.fromkeys(reason.missing for reason in reasons if reason.missing)
    if missing:
        return say("it needs {names}, which this matter does not have", names=_quoted(missing))
    if empty:
        return say("{names} has no value", names=_quoted(empty))
    return reasons[0].sentence if reasons else say("its value is null")


def _quoted(names: Iterable[str]) -> str:
    return "、".join(f"“{name}”" for name in names)


def _could_not(text: str, why: Sentence) -> Sentence:
    return say("“{text}” could not be computed: {why}", text=text.strip(), why=why)

