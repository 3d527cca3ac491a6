"""A pattern that says whether it matches anywhere in a text.

Each character of the text is looked at once, in all states that the machine may be in; which states follow is
remembered. So no pattern and no text can keep it busy for longer than their lengths allow.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Tuple

from bkagent.regexp import classes
from bkagent.regexp.parser import parse
from bkagent.regexp.program import compile_program

_MOST_REMEMBERED = 20_000
_States = FrozenSet[int]


class Pattern:
    """A regular expression of Go. Making one raises PatternError."""

    def __init__(self, text: str, ignores_case: bool = False) -> None:
        self.text = text
        self._steps, self._start = compile_program(parse(text, ignores_case))
        self._reached: Dict[Tuple[_States, str, str], Tuple[_States, bool]] = {}
        self._moved: Dict[Tuple[_States, str], _States] = {}

    def search(self, text: str) -> bool:
        """Return whether the pattern matches a part of the text."""
        states: _States = frozenset((self._start,))
        before = ""
        for after in (*text, ""):
            states, has_ended = self._reach(states, _kind(before), _kind(after))
            if has_ended:
                return True
            if after:
                states = self._move(states, after)
            before = after
        return False

    def _reach(self, states: _States, before: str, after: str) -> Tuple[_States, bool]:
        """Return the states that wait for a character behind those that need none, and whether one ends the match."""
        key = (states, before, after)
        if key not in self._reached:
            _forget(self._reached)
            self._reached[key] = self._follow(states, before, after)
        return self._reached[key]

    def _follow(self, states: _States, before: str, after: str) -> Tuple[_States, bool]:
        pending, seen, taking = list(states), set(states), set()
        has_ended = False
        while pending:
            number = pending.pop()
            step = self._steps[number]
            has_ended = has_ended or step.ends
            if step.accepts is not None:
                taking.add(number)
                continue
            if step.holds and not _holds(step.holds, before, after):
                continue
            fresh = set(step.following) - seen
            seen |= fresh
            pending += fresh
        return frozenset(taking), has_ended

    def _move(self, states: _States, character: str) -> _States:
        """Return the states behind the character; a match may begin there, too."""
        key = (states, character)
        if key not in self._moved:
            _forget(self._moved)
            steps = [self._steps[number] for number in states]
            accepting = [step for step in steps if step.accepts is not None and step.accepts.accepts(character)]
            self._moved[key] = frozenset([self._start, *(step.following[0] for step in accepting)])
        return self._moved[key]


def _kind(character: str) -> str:
    """Return what an assertion has to know of a character: "" at an end of the text, "\\n", "w" of a word, or "."."""
    if not character or character == "\n":
        return character
    return "w" if classes.is_word(character) else "."


def _holds(assertion: str, before: str, after: str) -> bool:
    if assertion.startswith("text"):
        return not (before if assertion == "text start" else after)
    if assertion.startswith("line"):
        return (before if assertion == "line start" else after) in ("", "\n")
    return ((before == "w") is not (after == "w")) is (assertion == "boundary")


def _forget(remembered: Dict) -> None:  # type: ignore[type-arg]
    if len(remembered) >= _MOST_REMEMBERED:
        remembered.clear()
