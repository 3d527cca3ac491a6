"""Keeps the values of secret variables out of the job's log, as variables come and go."""

from __future__ import annotations

from typing import Mapping, Sequence

from bkagent.redaction import variables
from bkagent.redaction.needles import to_bytes
from bkagent.redaction.redactor import Redactor
from bkagent.shell.log_lines import LogLines
from bkagent.wire import go_quoted


class Redactions:
    """The secrets of a job. The set only ever grows: a value stays secret when its variable is gone."""

    def __init__(self, redactor: Redactor, patterns: Sequence[str]) -> None:
        self._redactor = redactor
        self.add = redactor.add
        self._patterns = tuple(patterns)

    def scrubbed(self, text: str) -> str:
        """Return a text that leaves the job by another way than its log, without what must not be seen."""
        return self._redactor.whole(to_bytes(text)).decode("utf-8", "surrogateescape")

    def add_from(self, env: Mapping[str, str], log: LogLines) -> None:
        """Add the values of variables whose names the patterns match; warn of those that are too short for it."""
        secrets = variables.values_of(env, self._patterns)
        for value in secrets.values:
            self.add(value)
        if secrets.bad_patterns:
            patterns = " ".join(map(go_quoted.go_quote, secrets.bad_patterns))
            text = f"Couldn't match environment variable names against redacted-vars: bad patterns: [{patterns}]"
            log.warning(text, id="bad-redacted-vars")
        if secrets.short_names:
            names = ", ".join(sorted(secrets.short_names))
            text = f"Some variables have values below minimum length (6 bytes) and will not be redacted: {names}"
            log.warning(text, id="short-redacted-vars")
