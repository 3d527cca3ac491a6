"""The steps of a pipeline in the form that the API had before configurations were YAML; clients still read it."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from bkagent.pipeline.model import steps_reader
from bkagent.pipeline.model.steps import CommandStep, ManualStep, Step, WaitStep


def describe(document: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """Return the steps of a document that this server can run, those of groups among them."""
    forms = [_form(step) for step, _ in steps_reader.read(document).walk()]
    return [form for form in forms if form]


def _form(step: Step) -> Dict[str, Any]:
    """Return a step; {} for a group, which has no form of its own."""
    if isinstance(step, CommandStep):
        return {
            "type": "script", "name": step.label or None, "command": step.command,
            "artifact_paths": ";".join(step.artifact_paths) or None,
            "branch_configuration": " ".join(step.branches) or None,
            "env": dict(step.env), "timeout_in_minutes": step.timeout_minutes,
            "agent_query_rules": list(step.agents or ()), "concurrency": step.concurrency,
            "parallelism": step.parallelism,
        }  # fmt: skip
    if isinstance(step, WaitStep):
        return {"type": "waiter"}
    if isinstance(step, ManualStep):
        return {"type": "manual", "label": step.label or None}
    return {}
