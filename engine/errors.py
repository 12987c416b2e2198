"""Every refusal: its code, its status in words, and its sentence (knows no HTTP).

A sentence keeps its template, so that it can be said in another language: English is the msgid.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Sentence:
    """A template in English with `{named}` places, and what goes into them."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return _fill(self.template, {k: str(v) for k, v in self.values.items()})

    def translated(self, gettext: Callable[[str], str]) -> str:
        """The sentence in the language of `gettext`; sentences inside it are translated too."""
        values = {k: v.translated(gettext) if isinstance(v, Sentence) else str(v) for k, v in self.values.items()}
        return _fill(gettext(self.template), values)


def say(template: str, /, **values: Any) -> Sentence:
    """Marks a sentence for translation and fills its places."""
    return Sentence(template, values)


def _fill(template: str, values: Mapping[str, str]) -> str:
    """In one pass: what is filled in comes from people and may hold braces of its own."""
    return re.sub(r"\{(\w+)\}", lambda place: values.get(place[1], place[0]), template)


class EngineError(Exception):
    """A refusal: the caller's fault, nothing has been written. `where` names file, line, BPMN id or field."""

    code: ClassVar[str] = "refused"

    def __init__(self, sentence: Sentence | str, *, where: Mapping[str, Any] | None = None) -> None:
        self.sentence = sentence if isinstance(sentence, Sentence) else Sentence(sentence)
        self.where: dict[str, Any] = dict(where or {})
        super().__init__(str(self.sentence))


class NotFound(EngineError):
    """Expected a thing that exists and that the actor may see, but there is none."""

    code = "not_found"


class Forbidden(EngineError):
    """The actor may see the thing, but not do this with it."""

    code = "forbidden"


class Conflict(EngineError):
    """The thing has changed meanwhile: somebody was faster, or its state no longer allows the verb."""

    code = "conflict"


class Invalid(EngineError):
    """What was sent does not satisfy the form. `problems` has one sentence for each field, in the order of the form."""

    code = "invalid"

    def __init__(self, sentence: Sentence | str, problems: Mapping[str, Sentence], **where: Any) -> None:
        super().__init__(sentence, where=where)
        self.problems = dict(problems)


class ModelRefused(EngineError):
    """A model, pack or archive is refused: `where` has `file`, `line`, `element`. Nothing of it is deployed."""

    code = "model_refused"


class Incident(Exception):
    """The model or the world failed at `element`: recorded by an entry point, resolved by a person.

    `code` is the BPMN error code where there is one. Whoever catches it throws the live instance away; the stored
    state is still the last good one.
    """

    def __init__(self, sentence: Sentence | str, element: str | None = None, code: str | None = None) -> None:
        self.sentence = sentence if isinstance(sentence, Sentence) else Sentence(sentence)
        self.element, self.code = element, code
        super().__init__(f"{element}: {self.sentence}" if element else str(self.sentence))
