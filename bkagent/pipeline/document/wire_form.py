"""Write typed steps as the plain values that go over the wire."""

from __future__ import annotations

from typing import Any, Dict, List

from bkagent.pipeline.document import matrix
from bkagent.pipeline.document.model import StepPlugin, TypedStep
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.plugin_source import full_source
from bkagent.yaml.timestamp import Timestamp


def step_to_wire(step: TypedStep) -> Any:
    """Return a step's wire form. Keys are sorted, except in a step that was not understood."""
    if step.scalar is not None:
        return step.scalar
    whole: Dict[str, Any] = {name: plain(attribute, name) for name, attribute in step.rest.items()}
    if step.kind == "unknown":
        return whole
    if step.kind == "group":
        whole.update(_group(step.typed))
    elif step.kind == "command":
        whole.update(_command(step.typed))
    return dict(sorted(whole.items()))


def _group(typed: Dict[str, Any]) -> Dict[str, Any]:
    whole = {"group": typed["group"], "steps": [step_to_wire(inner) for inner in typed["steps"]]}
    return dict(whole, key=typed["key"]) if typed["key"] else whole


def _command(typed: Dict[str, Any]) -> Dict[str, Any]:
    whole: Dict[str, Any] = {"command": typed["command"]}
    for name in ("key", "label", "secrets"):
        if typed.get(name):
            whole[name] = typed[name]
    if typed["env"]:
        whole["env"] = dict(sorted(typed["env"].items()))
    if typed["plugins"]:
        whole["plugins"] = _plugins(typed["plugins"])
    if typed.get("matrix") is not None:
        whole["matrix"] = plain(matrix.to_wire(typed["matrix"]), "matrix")
    for name in ("cache", "checkout", "signature"):
        if typed.get(name) is not None:
            whole[name] = plain(typed[name], name)
    return whole


def _plugins(plugins: List[StepPlugin]) -> List[Dict[str, Any]]:
    written = []
    for plugin in plugins:
        configuration = _sorted(plain(plugin.configuration, plugin.source))
        empty = isinstance(configuration, (dict, list)) and not configuration
        written.append({full_source(plugin.source): None if empty else configuration})
    return written


def _sorted(node: Any) -> Any:
    """Return a value with the keys of its mappings in order, as a plugin's configuration is passed on."""
    if isinstance(node, dict):
        return {key: _sorted(node[key]) for key in sorted(node)}
    return [_sorted(element) for element in node] if isinstance(node, list) else node


def plain(node: Any, what: str) -> Any:
    """Return a copy of a value with dates as texts. Raises PipelineError for .inf and .nan."""
    if isinstance(node, dict):
        return {key: plain(element, key) for key, element in node.items()}
    if isinstance(node, list):
        return [plain(element, what) for element in node]
    if isinstance(node, Timestamp):
        return node.rfc3339
    if isinstance(node, float) and (node != node or node in (float("inf"), float("-inf"))):
        raise PipelineError(f"{what}: {node} is a number that JSON cannot hold; put it in quotes")
    return node
