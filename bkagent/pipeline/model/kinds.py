"""Tell what kind a step is: by its `type`, else by the first telling key it has."""

from __future__ import annotations

from typing import Any, Mapping

from bkagent.config.suggest import nearest
from bkagent.pipeline.errors import PipelineError

# Order matters: the first of these keys that a step has decides.
KEYS = (
    ("command", ("command", "commands", "plugins")),
    ("wait", ("wait", "waiter")),
    ("block", ("block",)),
    ("input", ("input", "manual")),
    ("trigger", ("trigger",)),
    ("group", ("group",)),
)
TYPES = {
    "command": "command", "script": "command", "commands": "command",
    "wait": "wait", "waiter": "wait",
    "block": "block", "input": "input", "manual": "input",
    "trigger": "trigger", "group": "group",
}  # fmt: skip


def kind_of(document: Mapping[str, Any], place: str) -> str:
    """Return "command", "wait", "block", "input", "trigger" or "group".

    Raises PipelineError naming the place for a step of which nobody knows what to do with it.
    """
    stated = document.get("type")
    if stated is not None:
        if stated not in TYPES:
            known = ", ".join(sorted(TYPES))
            raise PipelineError(f'{place}: there is no step type "{stated}"; it must be one of {known}')
        return TYPES[stated]
    for kind, keys in KEYS:
        if any(key in document for key in keys):
            return kind
    if "script" in document:
        return "command"
    known = ", ".join(key for _, keys in KEYS for key in keys)
    has = ", ".join(document) or "nothing"
    wanted = f"there is no command, and nothing else that tells what it is (one of {known})"
    raise PipelineError(f"{place}: {wanted}; it has {has}{_meant(document)}")


def _meant(document: Mapping[str, Any]) -> str:
    """Return the end of the sentence, where a name is close to one that would tell."""
    telling = [key for _, keys in KEYS for key in keys]
    for name in document:
        near = nearest(str(name), telling)
        if near:
            return f'; did you mean "{near}" by "{name}"?'
    return ""
