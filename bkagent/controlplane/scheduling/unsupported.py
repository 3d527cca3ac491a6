"""Features of pipelines that this control plane does not support; they are rejected before anything runs."""

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
            for node in level
            if isinstance(node, (Mapping, list))
            for inner in (node.values() if isinstance(node, Mapping) else node)
        ]
        if not level:
            return False
    return True


def refusals(pipeline: Pipeline) -> List[str]:
    """Return a sentence for each thing in a pipeline that is not supported."""
    sentences = []
    secrets = "secrets are not supported by this control plane; provide them in the agent's hooks"
    if pipeline.secrets:
        sentences.append(f"the pipeline: {secrets}")
    for step, _ in pipeline.walk():
        if isinstance(step, TriggerStep):
            sentences.append(f"{step.name}: trigger steps are not supported by this control plane")
        elif isinstance(step, CommandStep) and step.secrets:
            sentences.append(f"{step.name}: {secrets}")
    return sentences
