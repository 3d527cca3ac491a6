"""From the parts of a pattern to the steps of a machine that is in many states at once.

Source: Ken Thompson, "Regular Expression Search Algorithm", 1968; https://swtch.com/~rsc/regexp/regexp1.html.
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Tuple

from bkagent.regexp.classes import CharacterSet
from bkagent.regexp.syntax import Alternation, Assertion, Node, PatternError, Repeat, Sequence

MOST_STEPS = 10_000


class Instruction(NamedTuple):
    """One state: it takes a character, holds at a place, or only leads on. `ends` is that of a match."""

    following: Tuple[int, ...] = ()
    accepts: Optional[CharacterSet] = None
    holds: str = ""
    ends: bool = False


class Program(NamedTuple):
    """The steps, and the number of the first."""

    steps: Tuple[Instruction, ...]
    start: int


def compile_program(node: Node) -> Program:
    """Return the machine of a pattern. Raises PatternError for one that would be too big."""
    builder = _Builder()
    end = builder.add(Instruction(ends=True))
    start = builder.build(node, end)
    return Program(tuple(builder.steps), start)


class _Builder:
    """Steps are made from the end of a pattern to its beginning, so that each knows what follows."""

    def __init__(self) -> None:
        self.steps: List[Instruction] = []

    def add(self, step: Instruction) -> int:
        if len(self.steps) >= MOST_STEPS:
            raise PatternError("expression is too large")
        self.steps.append(step)
        return len(self.steps) - 1

    def build(self, node: Node, following: int) -> int:
        """Return the first step of what matches `node` and then goes on with `following`."""
        if isinstance(node, CharacterSet):
            return self.add(Instruction((following,), accepts=node))
        if isinstance(node, Assertion):
            return self.add(Instruction((following,), holds=node.kind))
        if isinstance(node, Alternation):
            return self.add(Instruction(tuple(self.build(part, following) for part in node.parts)))
        if isinstance(node, Sequence):
            for part in reversed(node.parts):
                following = self.build(part, following)
            return following
        return self._repeat(node, following)

    def _repeat(self, node: Repeat, following: int) -> int:
        first = following
        if node.high is None:
            loop = self.add(Instruction())
            self.steps[loop] = Instruction((self.build(node.part, loop), following))
            first = loop
        else:
            for _ in range(node.high - node.low):
                first = self.add(Instruction((self.build(node.part, first), following)))
        for _ in range(node.low):
            first = self.build(node.part, first)
        return first
