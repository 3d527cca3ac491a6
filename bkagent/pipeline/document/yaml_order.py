"""The order of keys in a pipeline that is printed as YAML: what people read first comes first.

The JSON form sorts them. Source: buildkite-agent 3.137, `pipeline upload --dry-run --format yaml`.
"""

from __future__ import annotations

from typing import Any, Dict, Sequence

_PIPELINE = ("steps", "env", "secrets")
_COMMAND = ("key", "label", "command", "plugins", "secrets", "env", "signature", "matrix", "cache", "checkout")
_GROUP = ("key", "group", "steps")
_OF_COMMAND = {"matrix": ("setup", "adjustments"), "cache": ("name", "paths", "size")}


def in_yaml_order(pipeline: Dict[str, Any]) -> Dict[str, Any]:
    """Return a normalised pipeline with its keys, and those of its steps, in the order of the YAML form."""
    fields = _first(pipeline, _PIPELINE)
    for name in ("steps", "secrets"):
        if isinstance(fields.get(name), list):
            fields[name] = [_step(entry) if name == "steps" else _secret(entry) for entry in fields[name]]
    return fields


def _step(step: Any) -> Any:
    if not isinstance(step, dict):
        return step
    if "group" in step:
        group = _first(step, _GROUP)
        if isinstance(group.get("steps"), list):
            group["steps"] = [_step(child) for child in group["steps"]]
        return group
    if "command" not in step:
        return step
    fields = _first(step, _COMMAND)
    for name, names in _OF_COMMAND.items():
        if isinstance(fields.get(name), dict):
            fields[name] = _first(fields[name], names)
    matrix = fields.get("matrix")
    if isinstance(matrix, dict) and isinstance(matrix.get("adjustments"), list):
        matrix["adjustments"] = [_first(child, ("with", "skip")) for child in matrix["adjustments"]]
    if isinstance(fields.get("secrets"), list):
        fields["secrets"] = [_secret(child) for child in fields["secrets"]]
    return fields


def _secret(secret: Any) -> Any:
    return _first(secret, ("key", "environment_variable"))


def _first(value: Any, names: Sequence[str]) -> Any:
    """Return a dictionary that begins with `names`, as far as they are there; anything else as it is."""
    if not isinstance(value, dict):
        return value
    begin = {name: value[name] for name in names if name in value}
    return {**begin, **{name: item for name, item in value.items() if name not in begin}}
