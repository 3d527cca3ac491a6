"""The steps of a pipeline in the form that the API had before configurations were YAML.

Clients still read it, and some create pipelines by it.
"""

from __future__ import annotations

import json
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


def configuration_of(steps: List[Any]) -> str:
    """Return the configuration (JSON, which is YAML) of steps in this form.

    Raises ValueError with a sentence for what is no such step.
    """
    return json.dumps({"steps": [_document(number, step) for number, step in enumerate(steps, 1)]}, indent=2)


def _document(number: int, step: Any) -> Any:
    kind = step.get("type") if isinstance(step, dict) else None
    label = step.get("name") or step.get("label") if isinstance(step, dict) else None
    if kind == "waiter":
        return "wait"
    if kind == "manual":
        return {"block": label or ""}
    if kind != "script":
        raise ValueError(f"step {number} must be an object whose `type` is script, waiter or manual")
    fields = {
        "label": label, "command": step.get("command") or "", "artifact_paths": _split(step, "artifact_paths", ";"),
        "branches": step.get("branch_configuration"), "env": step.get("env"), "agents": step.get("agent_query_rules"),
        "timeout_in_minutes": step.get("timeout_in_minutes"), "concurrency": step.get("concurrency"),
        "parallelism": step.get("parallelism"), "plugins": step.get("plugins"),
    }  # fmt: skip
    return {name: attribute for name, attribute in fields.items() if attribute or name == "command"}


def _split(step: Mapping[str, Any], name: str, separator: str) -> Any:
    text = step.get(name)
    return text.split(separator) if isinstance(text, str) else text
