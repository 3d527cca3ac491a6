"""What the signature of a command step covers, as the text that is signed.

The text is the canonical JSON (RFC 8785) of {"alg": ALGORITHM, "values": {FIELD: VALUE}}, with values as they are sent
to the control plane. Source: buildkite/go-pipeline, signature/; buildkite-agent 3.137.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping

from bkagent.jose import canonical
from bkagent.pipeline.document.model import TypedStep
from bkagent.pipeline.document.wire_form import step_to_wire
from bkagent.pipeline.errors import PipelineError

# Before the name of a variable of the pipeline's own `env` that the step does not replace.
VARIABLE = "env::"
# Covered only where a step has them, so that other steps are signed as before these existed.
OPTIONAL = ("secrets", "checkout")


def step_values(step: TypedStep, repository: str) -> Dict[str, Any]:
    """Return what a signature must cover of a step, and the repository's address. What is empty has the value None."""
    wire = step_to_wire(step)
    values = {name: wire.get(name) for name in ("env", "matrix", "plugins")}
    values.update(command=wire["command"], repository_url=repository)
    return {**values, **{name: wire[name] for name in OPTIONAL if wire.get(name)}}


def text(algorithm: str, values: Mapping[str, Any]) -> bytes:
    """Return the text that is signed. Raises PipelineError for values that JSON cannot hold."""
    try:
        return canonical.dumps({"alg": algorithm, "values": dict(values)})
    except ValueError as problem:
        raise PipelineError(f"a step cannot be signed: {problem}") from None
