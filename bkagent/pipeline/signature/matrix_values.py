"""The values of a matrix put into a signed step, as the control plane has put them into the job."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional

from bkagent.pipeline.document.matrix import ANONYMOUS
from bkagent.pipeline.document.model import StepPlugin, TypedStep
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.signature import artifact_paths

_TOKEN = re.compile(r"\{\{\s*matrix(\.[\w.-]+)?\s*\}\}", re.ASCII)


def filled(step: TypedStep, permutation: Mapping[str, str]) -> TypedStep:
    """Return the step with the values of a permutation in all that it tells the agent.

    Raises PipelineError for a permutation that the step's matrix does not have, and for an unknown token.
    """
    if not _has(step.typed.get("matrix"), permutation):
        raise PipelineError("the job's matrix values are not among those of the step")
    typed, rest = dict(step.typed), step.rest
    if permutation:
        typed["command"] = _fill(typed["command"], permutation)
        typed["env"] = {name: _fill(text, permutation) for name, text in typed["env"].items()}
        typed["plugins"] = [
            StepPlugin(_fill(plugin.source, permutation), _fill(plugin.configuration, permutation))
            for plugin in typed["plugins"]
        ]
        typed["secrets"] = _fill(typed.get("secrets"), permutation)
        rest = {**rest, artifact_paths.FIELD: _fill(artifact_paths.attribute(step), permutation)}
    return TypedStep(step.kind, rest, typed)


def _has(matrix: Optional[Dict[str, Any]], permutation: Mapping[str, str]) -> bool:
    """Return whether a permutation is one of the matrix, and not skipped."""
    setup = (matrix or {}).get("setup") or {}
    if set(setup) != set(permutation):
        return False
    known = all(permutation[name] in (items or ()) for name, items in setup.items())
    for adjustment in (matrix or {}).get("adjustments") or ():
        if adjustment and (adjustment.get("with") or {}) == permutation:
            if adjustment.get("skip") not in (None, False):
                return False
            known = True
    return known


def _fill(node: Any, permutation: Mapping[str, str]) -> Any:
    if isinstance(node, str):
        return _TOKEN.sub(lambda token: _value(token, permutation), node)
    if isinstance(node, dict):
        return {_fill(name, permutation): _fill(item, permutation) for name, item in node.items()}
    return [_fill(item, permutation) for item in node] if isinstance(node, list) else node


def _value(token: "re.Match[str]", permutation: Mapping[str, str]) -> str:
    name = token.group(1)[1:] if token.group(1) else ANONYMOUS
    if name not in permutation:
        raise PipelineError(f"unknown matrix token in the step: {token.group()}")
    return permutation[name]
