"""Determine the kind of a step: by its `type`, else by the first key that implies one."""

from __future__ import annotations

from typing import Any, Mapping

from bkagent.config.suggest import closest
from bkagent.pipeline import grammar
from bkagent.pipeline.errors import PipelineError

# Agents pass a step of the type `commands` on as they read it.
_TYPES = {**grammar.TYPES, "commands": "command"}


def kind_of(document: Mapping[str, Any], position: str) -> str:
    """Return "command", "wait", "block", "input", "trigger" or "group".

    Raises PipelineError naming the position of a step of unknown kind.
    """
    stated = document.get("type")
    if stated is not None:
        if stated not in _TYPES:
            known = ", ".join(sorted(_TYPES))
            raise PipelineError(f'{position}: unknown step type "{stated}", want one of {known}')
        return _TYPES[stated]
    kind = grammar.kind_by_key(document) or ("command" if "script" in document else "")
    if kind:
        return kind
    known = ", ".join(grammar.TELLING_KEYS)
    has = ", ".join(document) or "nothing"
    problem = f"missing command, or another attribute that tells its type (one of {known})"
    raise PipelineError(f"{position}: {problem}; it has {has}{_suggestion(document)}")


def _suggestion(document: Mapping[str, Any]) -> str:
    """Return a hint for the error if a name resembles one that implies a kind."""
    for name in document:
        near = closest(str(name), list(grammar.TELLING_KEYS))
        if near:
            return f'; did you mean "{near}" by "{name}"?'
    return ""
