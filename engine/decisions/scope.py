"""What an expression of a model may see, and the compiling of its texts with the element's place in every complaint."""

from engine import feel
from engine.feel import FeelError
from engine.feel.sentences import Sentence, say, sentence_of


class Problems(list):
    """What is wrong in a model, as sentences that begin with the place."""

    def report(self, where: str, message: str) -> None:
        self.append(say("{0}: {1}", where, message))


class Scope:
    """Names that are known at one place of a model."""

    def __init__(self, names, entries, kinds, problems: Problems):
        self.names = frozenset(names)
        self.entries, self.kinds, self.problems = entries, kinds, problems

    def with_names(self, names) -> "Scope":
        return Scope(self.names | set(names), self.entries, self.kinds, self.problems)

    def expression(self, text: str | None, where: str):
        """(run) -> value. A text that cannot be compiled is reported, and null when it is evaluated."""
        if text is None or not text.strip():
            return nothing("there is no expression", where)
        try:
            compiled = feel.compile(text, self.names, self.entries, self.kinds)
        except FeelError as error:
            self.problems.report(where, sentence_of(error))
            return nothing(sentence_of(error), where)
        code = compiled.code

        def evaluate(run):
            ledger = run.ledger
            outer, ledger.where = ledger.where, where
            value = code(run, None)
            ledger.where = outer
            return value
        return evaluate

    def tests(self, text: str | None, where: str):
        """The unary tests, or None if they cannot be compiled (which is reported)."""
        try:
            return feel.compile_unary(text if text and text.strip() else "-", self.names, self.entries, self.kinds)
        except FeelError as error:
            self.problems.report(where, sentence_of(error))
            return None


def nothing(message: str, where: str):
    """The code of something that is missing or wrong."""
    sentence = say("{0}: {1}", where, message if isinstance(message, Sentence) else say(message))
    return lambda run: run.null(sentence)
