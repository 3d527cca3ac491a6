"""Check that agents can decode the command steps of a pipeline: the reference accepts no job with another step."""

from __future__ import annotations

from typing import Any, Mapping

from bkagent.pipeline.document.scalars import WrongType
from bkagent.pipeline.document.steps import read_command
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.model.steps import CommandStep, Pipeline

_HIGHEST = (1 << 63) - 1
# What the reference reads into structures of its own, as paths below the step.
_STRUCTURES = ((), ("matrix",), ("cache",), ("checkout",))
_STRUCTURES_OF_TEXTS = (("signature",), ("checkout", "flags"), ("checkout", "sparse"))


def check(pipeline: Pipeline) -> None:
    """Check every command step in the form in which agents get it.

    Raises PipelineError naming the step and the attribute. Source: go-pipeline, CommandStep.UnmarshalJSON.
    """
    for step, _ in pipeline.walk():
        if isinstance(step, CommandStep):
            try:
                _check_names(step.document)
                read_command(_decode(step.document))
            except WrongType as unfit:
                raise PipelineError(f"{step.name}: {unfit}") from None


def _decode(node: Any) -> Any:
    """Return a value with its whole numbers as an agent reads them from JSON: signed ones of 64 bits, or floats."""
    if isinstance(node, Mapping):
        return {key: _decode(element) for key, element in node.items()}
    if isinstance(node, list):
        return [_decode(element) for element in node]
    return float(node) if isinstance(node, int) and node > _HIGHEST else node


def _check_names(document: Mapping[str, Any]) -> None:
    """Refuse attributes without a name: the reference takes one for whatever attribute is missing."""
    for path in _STRUCTURES + _STRUCTURES_OF_TEXTS:
        node: Any = document
        for name in path:
            node = node.get(name) if isinstance(node, Mapping) else None
        if not isinstance(node, Mapping) or "" not in node:
            continue
        if path in _STRUCTURES or isinstance(node[""], (Mapping, list)):
            raise WrongType(f"{'.'.join(path) or 'the step'} has an attribute without a name")
