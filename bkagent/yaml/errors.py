"""What is wrong with a YAML text, and where."""

from __future__ import annotations

from bkagent.errors import AgentError


class YamlError(AgentError):
    """A text that is no YAML, or has no plain value.

    line, column   where it is, counted from 1; the column in characters
    expected       what would be legal there, and what was found
    """

    def __init__(self, line: int, column: int, expected: str, source: str = "") -> None:
        super().__init__(f"{source + ', ' if source else ''}line {line}, column {column}: {expected}")
        self.line = line
        self.column = column
        self.expected = expected
        self.source = source
