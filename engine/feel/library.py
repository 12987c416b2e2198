"""The functions that expressions may call: the built-in ones of the standard, and those which the host adds."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .functions import BUILT_IN
from .names import NameTable
from .run import Run
from .sentences import say, sentence_of
from .text import show
from .values import Function, to_feel, to_python

_BUILT_IN_NAMES = NameTable(BUILT_IN)


class Library:
    """The built-in functions and `functions` of the host, by the names under which expressions call them.

    A host's function is a Python callable. It gets its arguments by position, as Python's values (`to_python`: a date
    is a `datetime.date`), and what it returns is made a value of FEEL (`to_feel`). Its parameters' names, with blanks
    for underscores, are those of a call by name. ValueError, ArithmeticError and LookupError in it make the call null,
    with what the error says as the reason (a `Sentence` as its first argument can be translated); so do TypeError and
    AttributeError, which an argument of a wrong kind brings about. It must be quick and free of effects: an evaluation
    may call it often, and pays one step each time.
    """

    __slots__ = ("functions", "names")

    def __init__(self, functions: Mapping[str, Callable[..., Any]] | None = None) -> None:
        own = {name: HostFunction(name, verb) for name, verb in (functions or {}).items()}
        self.functions: Mapping[str, Function] = {**BUILT_IN, **own}
        self.names = NameTable(own, _BUILT_IN_NAMES) if own else _BUILT_IN_NAMES


class HostFunction(Function):
    """A Python callable as a function of FEEL."""

    __slots__ = ("verb",)

    def __init__(self, name: str, verb: Callable[..., Any]) -> None:
        positional = [each for each in inspect.signature(verb).parameters.values()
                      if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
        super().__init__(name, [each.name.replace("_", " ") for each in positional], self.answer,
                         minimum=sum(each.default is each.empty for each in positional))
        self.verb = verb

    def answer(self, run: Run, arguments: Sequence[Any], at: int | None = None) -> Any:
        run.step()
        if not self.minimum <= len(arguments) <= len(self.names):
            refusal = say("it does not take {count} arguments", count=len(arguments))
            return run.null(say("{name}(): {refusal}", name=self.name, refusal=refusal), at)
        try:
            return to_feel(self.verb(*[to_python(each) for each in arguments]))
        except (ValueError, ArithmeticError, LookupError) as error:
            refusal = sentence_of(error)
        except (TypeError, AttributeError):
            # Python's own words about a value of a wrong kind are of no use to whoever wrote the expression.
            given = ", ".join(str(show(each)) for each in arguments)
            refusal = say("it cannot be computed from ({arguments})", arguments=given)
        return run.null(say("{name}(): {refusal}", name=self.name, refusal=refusal), at)

    def answer_named(self, run: Run, named: Mapping[str, Any], at: int | None = None) -> Any:
        given = [named.get(name) for name in self.names]
        while len(given) > self.minimum and self.names[len(given) - 1] not in named:
            given.pop()
        if not named.keys() <= set(self.names) or any(name not in named for name in self.names[:self.minimum]):
            known, found = f"({', '.join(self.names)})", ", ".join(named)
            return run.null(say("{name}(): expected the arguments {known} but found ({found})", name=self.name,
                                known=known, found=found), at)
        return self.answer(run, given, at)


STANDARD = Library()
