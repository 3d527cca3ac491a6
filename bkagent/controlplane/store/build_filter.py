"""Which builds a list is of, as a condition of SQL."""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple

from bkagent.controlplane.records import BuildFilter
from bkagent.controlplane.store.record_table import column_value

_MOST_WORDS = 50  # of one kind; SQLite's oldest limit on the values of a statement is 999
_META_DATA = "EXISTS (SELECT 1 FROM meta_data WHERE build_id = builds.id AND key = ? AND value = ?)"
Condition = Tuple[str, List[Any]]


def condition(wanted: BuildFilter) -> Condition:
    """Return the condition on the table `builds`, and its values."""
    parts: List[Condition] = [("1", [])]
    parts += _patterns("branch", wanted.branches) + _patterns('"commit"', wanted.commits) + _states(wanted.states)
    for comparison, bound in (
        ("pipeline_slug = ?", wanted.pipeline_slug or None), ("created_at >= ?", wanted.created_from),
        ("created_at < ?", wanted.created_to), ("finished_at >= ?", wanted.finished_from),
        ("creator = ?", None if wanted.creator is None else column_value(wanted.creator)),
    ):  # fmt: skip
        if bound is not None:
            parts.append((comparison, [bound]))
    parts += [(_META_DATA, [key, text]) for key, text in list(wanted.meta_data.items())[:_MOST_WORDS]]
    return " AND ".join(part for part, _ in parts), [value for _, values in parts for value in values]


def _states(states: Sequence[str]) -> List[Condition]:
    if not states:
        return []
    unblocked = [state for state in states if state != "blocked"][:_MOST_WORDS]
    alternatives = [f"(blocked = 0 AND state IN ({', '.join('?' * len(unblocked))}))"] if unblocked else []
    alternatives += ["blocked = 1"] if "blocked" in states else []
    return [(f"({' OR '.join(alternatives)})", list(unblocked))]


def _patterns(column: str, patterns: Sequence[str]) -> List[Condition]:
    if not patterns:
        return []
    alternatives, values = [], []
    for pattern in patterns[:_MOST_WORDS]:
        alternatives.append(f"{column} GLOB ?" if "*" in pattern else f"{column} = ?")
        values.append(_glob(pattern) if "*" in pattern else pattern)
    return [(f"({' OR '.join(alternatives)})", values)]


def _glob(pattern: str) -> str:
    """Return a pattern in which only `*` means something as one of SQLite's GLOB."""
    return "".join(f"[{letter}]" if letter in "?[" else letter for letter in pattern)
