"""Normalise a document to its wire form.

`read` makes typed steps of a document and `to_wire` a document of those; variables are put in between the
two (`interpolate_document`), since what may be left out, and a plugin's full source, depend on their values.
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from bkagent.pipeline.document import attributes
from bkagent.pipeline.document.model import TypedPipeline
from bkagent.pipeline.document.scalars import kind, text_map
from bkagent.pipeline.document.steps import read_steps
from bkagent.pipeline.document.wire_form import plain, step_to_wire
from bkagent.pipeline.errors import PipelineError


def read(document: Any) -> Tuple[TypedPipeline, List[str]]:
    """Return the typed pipeline of a document (a mapping, or a list of steps) and warnings. Raises PipelineError."""
    warnings: List[str] = []
    pipeline = TypedPipeline()
    if isinstance(document, list):
        pipeline.steps = read_steps(document, warnings)
        return pipeline, warnings
    if not isinstance(document, dict):
        raise PipelineError(f"a pipeline must be a mapping with steps, or a list of steps, not {kind(document)}")
    rest = dict(document)
    missing = "steps" not in rest
    pipeline.steps = read_steps(rest.pop("steps", None), warnings)
    env = rest.pop("env", None)
    pipeline.env = None if env is None else text_map(env, "env")
    if "secrets" in rest:
        pipeline.secrets = attributes.secrets(rest.pop("secrets"))
    checkout = rest.pop("checkout", None)
    pipeline.checkout = None if checkout is None else attributes.checkout(checkout)
    pipeline.rest = rest
    if rest:
        # As with groups (`_group` in `document/steps.py`), the reference forgets what it found odd in steps.
        warnings.clear()
    if missing:
        warnings.append("pipeline contains no steps")
    return pipeline, warnings


def to_wire(pipeline: TypedPipeline) -> Dict[str, Any]:
    """Return the wire form of a typed pipeline. Raises PipelineError for a number that JSON cannot hold."""
    whole: Dict[str, Any] = {name: plain(value, name) for name, value in pipeline.rest.items()}
    whole["steps"] = [step_to_wire(step) for step in pipeline.steps]
    if pipeline.env is not None:
        whole["env"] = dict(pipeline.env)
    if pipeline.secrets:
        whole["secrets"] = [dict(secret) for secret in pipeline.secrets]
    if pipeline.checkout is not None:
        whole["checkout"] = plain(pipeline.checkout, "checkout")
    return dict(sorted(whole.items()))
