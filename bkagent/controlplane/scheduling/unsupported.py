"""What a pipeline may ask for that this control plane cannot do: said before anything of it runs."""

from __future__ import annotations

from typing import Any, List, Mapping

from bkagent.pipeline.model.steps import CommandStep, Pipeline, TriggerStep

# How deep a document may nest; what reads it later does so by recursion.
DEEPEST = 100


def too_deep(document: Any) -> bool:
    """Say whether a document nests deeper than any pipeline needs to."""
    level = [document]
    for _ in range(DEEPEST):
        level = [
            inner
            for value in level
            if isinstance(value, (Mapping, list))
            for inner in (value.values() if isinstance(value, Mapping) else value)
        ]
        if not level:
            return False
    return True


def unsupported(pipeline: Pipeline) -> List[str]:
    """Return one sentence for each thing that would not be done as written; none is left out silently."""
    found = []
    secrets = "secrets are not kept by this control plane; give them to the agent's hooks instead"
    if pipeline.secrets:
        found.append(f"the pipeline: {secrets}")
    for step, _ in pipeline.walk():
        if isinstance(step, TriggerStep):
            found.append(f"{step.name}: trigger steps are not supported by this control plane")
        elif isinstance(step, CommandStep) and step.secrets:
            found.append(f"{step.name}: {secrets}")
    return found
