"""What an expression of a model may see, and the compiling of its texts with the element's place in every complaint."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from engine import feel
from engine.errors import ModelRefused, Sentence
from engine.feel.sentences import say

from .xml import Node, place, text

# A compiled part of a model: takes the run, gives the value.
Code = Callable[[feel.Run], Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a model that cannot be used: the sentence, and where it is (`file`, `line`, `element`)."""

    sentence: Sentence
    where: dict[str, Any]

    def __str__(self) -> str:
        return str(self.sentence)

    def refusal(self) -> ModelRefused:
        return ModelRefused(self.sentence, where=self.where)


class Problems(list[Problem]):
    """What is wrong in a model."""

    def report(self, where: Sentence, message: Sentence, element: Node) -> None:
        self.append(Problem(say("{where}: {message}", where=where, message=message), place(element)))


class Scope:
    """Names that are known at one place of a model."""

    def __init__(self, names: Iterable[str], entries: Collection[str], kinds: dict[str, feel.Type], problems: Problems,
                 library: feel.Library, free: set[str] | None = None) -> None:
        self.names = frozenset(names)
        self.entries, self.kinds, self.problems, self.library = entries, kinds, problems, library
        # Names that expressions of this element read and that nothing in the model declares.
        self.free: set[str] = set() if free is None else free

    def with_names(self, names: Iterable[str]) -> Scope:
        """The scope of an inner place, which knows these names too."""
        return Scope(self.names | set(names), self.entries, self.kinds, self.problems, self.library, self.free)

    def expression(self, element: Node | None, where: Sentence) -> Code:
        """(run) -> value of the element's text. One that cannot be compiled is reported, and null when evaluated."""
        written = text(element)
        if element is None or written is None or not written.strip():
            return nothing(say("there is no expression"), where)
        try:
            compiled = feel.compile(written, self.names, self.entries, self.kinds, self.library)
        except feel.FeelError as error:
            self.problems.report(where, error.sentence, element)
            return nothing(error.sentence, where)
        self.free |= compiled.free - self.names
        code = compiled.code

        def evaluate(run: feel.Run) -> Any:
            ledger = run.ledger
            outer, ledger.where = ledger.where, where
            value = code(run, None)
            ledger.where = outer
            return value
        return evaluate

    def tests(self, written: str | None, where: Sentence, element: Node) -> feel.UnaryTests | None:
        """The unary tests, or None if they cannot be compiled (which is reported)."""
        try:
            written = written if written and written.strip() else "-"
            compiled = feel.compile_unary(written, self.names, self.entries, self.kinds, self.library)
        except feel.FeelError as error:
            self.problems.report(where, error.sentence, element)
            return None
        self.free |= compiled.free - self.names
        return compiled


def nothing(message: Sentence, where: Sentence) -> Code:
    """The code of something that is missing or wrong."""
    sentence = say("{where}: {message}", where=where, message=message)
    return lambda run: run.null(sentence)
