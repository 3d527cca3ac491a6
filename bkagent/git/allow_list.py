"""Allow-lists of an agent: regular expressions, of which one must match."""

from __future__ import annotations

import functools
from typing import Tuple

from bkagent.git.address_rules import address_in_use, unfit_reason, without_user
from bkagent.regexp.pattern import Pattern
from bkagent.wire.go_quoted import go_quote


class AllowList:
    """Patterns in Go's syntax. Making one raises PatternError."""

    def __init__(self, patterns: Tuple[str, ...], ignores_case: bool = False) -> None:
        self._texts = patterns
        self._patterns = [Pattern(text, ignores_case) for text in patterns]

    def has(self, name: str) -> bool:
        """Return whether a pattern matches a part of the name."""
        return any(pattern.search(name) for pattern in self._patterns)

    def problem_of_name(self, name: str) -> str:
        """Return why a name is refused, "" if it is allowed."""
        return "" if self.has(name) else self._no_match(name)

    def problem_of_address(self, address: str, in_use: str = "") -> str:
        """Return why an address is refused, "" if it is allowed.

        The text as given and the address that git uses must both match; `in_use` is the latter if known. A
        pattern without an `@` speaks of no user, so it must match without one, too: `https://good@evil/` is on `evil`.
        """
        reason = unfit_reason(address) or unfit_reason(in_use)
        if reason:
            return f"{go_quote(address)} {reason}"
        in_use = in_use or address_in_use(address)
        refused = [text for text in (address, in_use) if not self._has_address(text)]
        return self._no_match(refused[0]) if refused else ""

    def problem_of_vendored(self, path: str) -> str:
        """Return why a path such as `./plugins/x` in a job's own repository is refused, "" if it is allowed."""
        reason = unfit_reason(path[2:])
        return f"{go_quote(path)} {reason}" if reason else self.problem_of_name(path)

    def _has_address(self, address: str) -> bool:
        bare = without_user(address)
        return any(
            pattern.search(address) and ("@" in pattern.text or bare == address or pattern.search(bare))
            for pattern in self._patterns
        )

    def _no_match(self, text: str) -> str:
        shown = text if text.isprintable() else go_quote(text)
        return f"{shown} has no match in [{' '.join(self._texts)}]"


@functools.lru_cache(maxsize=16)
def allow_list(patterns: Tuple[str, ...], ignores_case: bool = False) -> AllowList:
    """Return the list of these patterns, made once. Raises PatternError."""
    return AllowList(patterns, ignores_case)
