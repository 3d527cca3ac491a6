"""Parse a condition into one function of its variables.

ternary     = either [ "?" ternary ":" ternary ]
either      = both { "||" both }
both        = comparison { "&&" comparison }
comparison  = plain { ("==" | "!=" | "=~" | "!~" | "includes") plain }
plain       = "!" plain | "(" ternary ")" | "[" texts "]" | literal | name | name "(" text ")" | expansion
"""

from __future__ import annotations

from typing import Any, Callable, Dict, FrozenSet, List, Mapping, NamedTuple, NoReturn

from bkagent.pipeline.conditional import operators as values
from bkagent.pipeline.conditional.expansion import expansion, quoted
from bkagent.pipeline.conditional.lexer import Word, error_at, split
from bkagent.pipeline.conditional.names import CHOICES, NAMES, STEP_NAMES
from bkagent.pipeline.conditional.regex import ConditionPattern

Answer = Callable[[Mapping[str, Any]], Any]
DEEPEST = 60
_OPERATORS: Dict[str, Callable[[Any, Any, int], bool]] = {
    "==": values.equal,
    "!=": lambda left, right, at: not values.equal(left, right, at),
    "=~": values.matches,
    "!~": lambda left, right, at: not values.matches(left, right, at),
    "includes": values.includes,
}
_CONSTANTS = {"true": True, "false": False, "null": None}


class Known(NamedTuple):
    """Names beyond those of the language, and whether the names of `step` count."""

    extra: FrozenSet[str]
    steps: bool = False

    def has(self, name: str) -> bool:
        """Return whether a condition may use this name."""
        return name in NAMES or (name in self.extra and name != "env") or (self.steps and name in STEP_NAMES)


def parse(text: str, known: Known) -> Answer:
    """Return the function that answers the condition. Raises PipelineError with the column."""
    reading = _ConditionParser(split(text), known)
    answer = reading.ternary()
    if reading.word.kind != "end":
        reading.expected("an operator or the end of the condition")
    return answer


class _ConditionParser:
    def __init__(self, words: List[Word], known: Known) -> None:
        self.words = words
        self.known = known
        self.place = 0
        self.depth = 0

    @property
    def word(self) -> Word:
        return self.words[self.place]

    def expected(self, what: str) -> NoReturn:
        found_text = f'"{self.word.text}"' if self.word.kind != "end" else "the end of the condition"
        error_at(self.word.at, f"expected {what}, found {found_text}")

    def take(self, operator: str) -> bool:
        if self.word.text != operator or self.word.kind not in ("operator", "name"):
            return False
        self.place += 1
        return True

    def need(self, operator: str) -> None:
        if not self.take(operator):
            self.expected(operator)

    def ternary(self) -> Answer:
        self.depth += 1
        if self.depth > DEEPEST:
            error_at(self.word.at, f"the condition is nested more than {DEEPEST} levels deep")
        test, at = self.either(), self.word.at
        if self.take("?"):
            first = self.ternary()
            self.need(":")
            second = self.ternary()
            asked = test
            test = lambda given: (first if values.truth(asked(given), at, "?") else second)(given)  # noqa: E731
        self.depth -= 1
        return test

    def either(self) -> Answer:
        return self._row("||", self.both, any)

    def both(self) -> Answer:
        return self._row("&&", self.comparison, all)

    def _row(self, operator: str, part: Callable[[], Answer], together: Callable[[Any], bool]) -> Answer:
        start = self.word.at
        parts = [(part(), start)]
        while self.take(operator):
            start = self.word.at
            parts.append((part(), start))
        if len(parts) == 1:
            return parts[0][0]
        return lambda given: together(values.truth(operand(given), at, operator) for operand, at in parts)

    def comparison(self) -> Answer:
        start = self.place
        left = self.plain()
        while self.word.text in _OPERATORS and self.word.kind in ("operator", "name"):
            sign = self.word
            self.place += 1
            second = self.place
            right = self.plain()
            _check_choice(self.words[start : second - 1], self.words[second : self.place], sign)
            left = _compared(left, right, sign)
        return left

    def plain(self) -> Answer:
        word = self.word
        if self.take("!"):
            self.depth += 1
            if self.depth > DEEPEST:
                error_at(word.at, f"the condition is nested more than {DEEPEST} levels deep")
            inner = self.plain()
            self.depth -= 1
            return lambda given: not values.truth(inner(given), word.at, "!")
        if self.take("("):
            inner = self.ternary()
            self.need(")")
            return inner
        if self.take("["):
            return self._list()
        if word.kind not in _LITERALS:
            self.expected("a value")
        self.place += 1
        return self._name(word) if word.kind == "name" else _LITERALS[word.kind](word)

    def _list(self) -> Answer:
        items: List[Answer] = []
        while not self.take("]"):
            if self.word.kind != "text":
                self.expected("a string in quotes or ]")
            items.append(quoted(self.word.text, self.word.at))
            self.place += 1
            if not self.take(",") and self.word.text != "]":
                self.expected(", or ]")
        return lambda given: [item(given) for item in items]

    def _name(self, word: Word) -> Answer:
        name = word.text
        if name in _CONSTANTS:
            constant = _CONSTANTS[name]
            return lambda given: constant
        if self.take("("):
            return self._call(word)
        if not self.known.has(name):
            error_at(word.at, f'unknown name "{name}"; names look like build.branch, build.tag or pipeline.slug')
        return lambda given: given.get(name)

    def _call(self, word: Word) -> Answer:
        if word.text not in ("env", "build.env"):
            error_at(word.at, f'unknown function "{word.text}"; the functions are env("NAME") and build.env("NAME")')
        argument = self.plain()
        self.need(")")
        missing = "" if word.text == "env" else None

        def answer(given: Mapping[str, Any]) -> Any:
            variable = argument(given)
            if not isinstance(variable, str):
                error_at(word.at, f"{word.text}() needs the name of a variable, found {values.kind(variable)}")
            return (given.get("env") or {}).get(variable, missing)

        return answer


def _number(word: Word) -> Answer:
    if len(word.text) > 18:
        error_at(word.at, "the number has too many digits")
    number = int(word.text)
    return lambda given: number


def _pattern(word: Word) -> Answer:
    pattern = ConditionPattern(word.text, word.at)
    return lambda given: pattern


_LITERALS: Dict[str, Callable[[Word], Answer]] = {
    "number": _number,
    "pattern": _pattern,
    "text": lambda word: quoted(word.text, word.at),
    "expansion": lambda word: expansion(word.text, word.at),
    "name": lambda word: lambda given: None,
}


def _compared(left: Answer, right: Answer, sign: Word) -> Answer:
    compare = _OPERATORS[sign.text]
    return lambda given: compare(left(given), right(given), sign.at)


def _check_choice(left: List[Word], right: List[Word], sign: Word) -> None:
    """Refuse to compare a name that has a fixed set of values with another text."""
    if sign.text not in ("==", "!=") or len(left) != 1 or len(right) != 1:
        return
    for name, text in ((left[0], right[0]), (right[0], left[0])):
        words = CHOICES.get(name.text) if name.kind == "name" else None
        if words and text.kind == "text" and "$" not in text.text and text.text[1:-1] not in words:
            known = ", ".join(word for word in words if word)
            error_at(text.at, f"{name.text} is never {text.text}; it is one of {known}")
