"""`if_changed`: skip steps whose files did not change.

Counts on command, trigger and group steps; the key never leaves this machine with those.
"""

from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence, Tuple

from bkagent.pipeline.document.model import TypedPipeline, TypedStep
from bkagent.pipeline.document.scalars import kind
from bkagent.pipeline.path_pattern import PathPattern
from bkagent.pipeline.path_pattern_parser import BadPathPattern
from bkagent.system.system_kind import ON_WINDOWS

KEY = "if_changed"
SKIP = "if_changed matched no unexcluded changed files in this build"
_KINDS = ("command", "trigger", "group")
Warn = Callable[[str], None]
Changed = Callable[[], Optional[Sequence[str]]]


def apply(pipeline: TypedPipeline, changed: Optional[Changed], warn: Warn) -> bool:
    """Remove `if_changed` from the steps, and skip those whose patterns match no changed file.

    `changed` returns the changed paths, or None if they are unknown; it is called only if a step needs it.
    Without `changed` nothing is skipped. Returns whether any step was touched.
    """
    return _apply(pipeline.steps, changed, warn)


def _apply(steps: List[TypedStep], changed: Optional[Changed], warn: Warn) -> bool:
    touched = False
    for step in steps:
        if step.kind == "group":
            touched |= _apply(step.typed["steps"], changed, warn)
        if step.kind not in _KINDS or step.scalar is not None or KEY not in step.rest:
            continue
        touched = True
        condition = step.rest.pop(KEY)
        if changed is None or condition is None:
            continue
        try:
            include, exclude = _patterns(condition)
        except BadPathPattern as wrong:
            warn(f"if_changed is ignored: {wrong}")
            continue
        paths = changed()
        if paths is not None and not any(_fits(path, include) and not _fits(path, exclude) for path in paths):
            step.rest["skip"] = SKIP
    return touched


def _fits(path: str, patterns: Sequence[PathPattern]) -> bool:
    return any(pattern.matches(path) for pattern in patterns)


def _patterns(node: Any) -> Tuple[List[PathPattern], List[PathPattern]]:
    """Return what to include and to exclude. Raises BadPathPattern with a sentence."""
    if not isinstance(node, dict):
        return _compile(node, KEY), []
    if node.get("include") is None:
        raise BadPathPattern("include is missing; it lists the files to look for")
    unknown = [name for name in node if name not in ("include", "exclude")]
    if unknown:
        raise BadPathPattern(f"{unknown[0]} is unknown; the keys are include and exclude")
    exclude = node.get("exclude")
    return _compile(node["include"], "include"), [] if exclude is None else _compile(exclude, "exclude")


def _compile(node: Any, what: str) -> List[PathPattern]:
    items = node if isinstance(node, list) else [node]
    for pattern in items:
        if not isinstance(pattern, str):
            raise BadPathPattern(f"{what} must be a pattern or a list of patterns, not {kind(pattern)}")
    compiled = []
    for pattern in items:
        try:
            compiled.append(PathPattern(pattern, backslash_separates=ON_WINDOWS))
        except BadPathPattern as wrong:
            raise BadPathPattern(f'invalid pattern "{pattern}": {wrong}') from None
    return compiled
