"""Which rules matched, kept so that a decision can be explained to those whom it concerns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine import feel
from engine.errors import Sentence
from engine.feel.sentences import say


@dataclass(frozen=True, slots=True)
class MatchedRule:
    """A rule that matched: its number in the table, its id and note, and what it asked.

    `asked` has one (label of the input, its value, text of the cell) for each cell that does not take everything.
    """

    number: int
    id: str | None
    note: str
    asked: tuple[tuple[str, Any, str], ...]

    def sentence(self) -> Sentence:
        """“rule 4 matched because 到会人数 is 18 (>= 15)”."""
        if not self.asked:
            return say("rule {number} matched because it takes every case", number=self.number)
        because: Sentence | None = None
        for label, value, cell in self.asked:
            answer = say("{input} is {value} ({cell})", input=label, value=feel.show(value), cell=cell)
            because = answer if because is None else say("{first} and {second}", first=because, second=answer)
        return say("rule {number} matched because {because}", number=self.number, because=because)


@dataclass(frozen=True, slots=True)
class Hit:
    """One evaluation of a table: where it stands, and the rules that matched, in the order of the table."""

    where: Sentence
    matched: tuple[MatchedRule, ...]

    @property
    def rules(self) -> tuple[int, ...]:
        """The numbers of the rules, counted from 1."""
        return tuple(rule.number for rule in self.matched)
