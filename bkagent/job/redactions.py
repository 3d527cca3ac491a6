"""Keeps the values of secret variables out of the job's log, as variables come and go."""

from __future__ import annotations

from typing import Callable, Mapping, Sequence

from bkagent.redaction import variables
from bkagent.shell.log_lines import LogLines
from bkagent.wire import go_quoted


class Redactions:
    """What must not be seen. Only ever grows: a value stays secret when its variable is gone."""

    def __init__(self, add: Callable[[str], None], patterns: Sequence[str]) -> None:
        self.add = add
        self._patterns = tuple(patterns)

    def add_from(self, env: Mapping[str, str], log: LogLines) -> None:
        """Add the values of variables whose names the patterns match; warn of those that are too short for it."""
        found = variables.values_of(env, self._patterns)
        for value in found.values:
            self.add(value)
        if found.bad_patterns:
            shown = " ".join(map(go_quoted.quoted, found.bad_patterns))
            text = f"Couldn't match environment variable names against redacted-vars: bad patterns: [{shown}]"
            log.warning(text, id="bad-redacted-vars")
        if found.short_names:
            names = ", ".join(sorted(found.short_names))
            text = f"Some variables have values below minimum length (6 bytes) and will not be redacted: {names}"
            log.warning(text, id="short-redacted-vars")
