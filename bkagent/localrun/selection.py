"""Select the steps of a pipeline that `local run` runs: all of them, or those that --step names."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from bkagent.errors import UsageError

_KEYS = ("key", "id", "identifier")


def only(document: Mapping[str, Any], key: str) -> Dict[str, Any]:
    """Return the document with only the step of this key (a group with all its steps), without what it waits for.

    Raises UsageError naming the keys that there are.
    """
    known: List[str] = []
    steps = _select(document.get("steps") or [], key, known)
    if not steps:
        if not known:
            raise UsageError(f"--step {key}: no step of this pipeline has a key")
        raise UsageError(f"--step {key}: no step has that key; the keys are: {', '.join(known)}")
    return {**document, "steps": [_free(step) for step in steps]}


def _select(steps: "List[Any]", key: str, known: "List[str]") -> "List[Mapping[str, Any]]":
    selected: "List[Mapping[str, Any]]" = []
    for step in steps:
        if not isinstance(step, Mapping):
            continue
        step_key = next((str(step[name]) for name in _KEYS if step.get(name)), "")
        if step_key:
            known.append(step_key)
        if step_key == key:
            selected.append(step)
        elif "group" in step:
            inner = _select(step.get("steps") or [], key, known)
            selected += [{**step, "steps": inner}] if inner else []
    return selected


def _free(step: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a step that waits for nothing outside itself."""
    return {name: value for name, value in step.items() if name != "depends_on"}
