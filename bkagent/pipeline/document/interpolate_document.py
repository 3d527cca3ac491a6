"""Interpolate variables into a typed pipeline: first its `env`, in order, then every other text."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Set

from bkagent.pipeline.document import attributes
from bkagent.pipeline.document.model import StepPlugin, TypedPipeline, TypedStep
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.interpolation import interpolate

# Secrets are named, not valued, and a signature covers what it covers: neither is touched.
_UNTOUCHED = ("secrets", "signature")
_NOT_OF_CHECKOUT = ("sparse", "ssh_secret", "commit_verification")
# What the cache knows; other fields of it stay as they are.
_CACHE = ("paths", "name", "size")


def fill(pipeline: TypedPipeline, environ: Mapping[str, str], *, prefer_environ: bool = False) -> None:
    """Interpolate a pipeline in place.

    Entries of the pipeline's `env` join the variables as they are met, over those of `environ` unless
    `prefer_environ`. Raises PipelineError naming the place.
    """
    variables = dict(environ)
    if pipeline.env is not None:
        pipeline.env = _env(pipeline.env, variables, prefer_environ)
    for step in pipeline.steps:
        _fill_step(step, variables)
    if pipeline.checkout is not None:
        pipeline.checkout = _checkout(pipeline.checkout, variables)
    pipeline.rest = _fields(pipeline.rest, variables)


def _env(env: Mapping[str, str], variables: Dict[str, str], prefer_environ: bool) -> Dict[str, str]:
    filled = _KeyRenames()
    for name, text in env.items():
        if filled.has_lost(name):
            continue
        try:
            new_name, new_value = interpolate(name, variables), interpolate(text, variables)
        except PipelineError as wrong:
            raise PipelineError(f"interpolating env.{name}: {wrong}") from None
        filled.put(name, new_name, new_value)
        if not (prefer_environ and new_name in variables):
            variables[new_name] = new_value
    return filled.fields


def _fill_step(step: TypedStep, variables: Mapping[str, str]) -> None:
    if step.scalar is not None:
        step.scalar = _value(step.scalar, variables, "step")
    for name, attribute in step.typed.items():
        if name == "steps":
            for inner in attribute:
                _fill_step(inner, variables)
        elif name == "plugins":
            step.typed[name] = [
                StepPlugin(_value(plugin.source, variables, name), _value(plugin.configuration, variables, name))
                for plugin in attribute
            ]
        elif name == "cache" and isinstance(attribute, dict):
            step.typed[name] = {
                **attribute,
                **_fields({key: attribute[key] for key in _CACHE if key in attribute}, variables),
            }
        elif name == "checkout" and attribute is not None:
            step.typed[name] = _checkout(attribute, variables)
        elif name == "matrix" and attribute is not None:
            step.typed[name] = _matrix(attribute, variables)
        elif name not in _UNTOUCHED:
            step.typed[name] = _value(attribute, variables, name)
    step.rest = _fields(step.rest, variables)


def _checkout(fields: Dict[str, Any], variables: Mapping[str, str]) -> Dict[str, Any]:
    filled = _fields({name: field for name, field in fields.items() if name not in _NOT_OF_CHECKOUT}, variables)
    filled.update((name, fields[name]) for name in _NOT_OF_CHECKOUT if name in fields)
    return attributes.sorted_checkout(filled)


def _matrix(matrix: Dict[str, Any], variables: Mapping[str, str]) -> Dict[str, Any]:
    filled = {name: _value(field, variables, name) for name, field in matrix.items() if name != "adjustments"}
    return dict(filled, adjustments=[given and _adjustment(given, variables) for given in matrix["adjustments"]])


def _adjustment(given: Dict[str, Any], variables: Mapping[str, str]) -> Dict[str, Any]:
    filled = _fields({name: field for name, field in given.items() if name != "skip"}, variables)
    return dict(filled, skip=given["skip"]) if "skip" in given else filled


def _fields(fields: Mapping[str, Any], variables: Mapping[str, str]) -> Dict[str, Any]:
    filled = _KeyRenames()
    for name, field in fields.items():
        if not filled.has_lost(name):
            filled.put(name, _value(name, variables, name), _value(field, variables, str(name)))
    return filled.fields


class _KeyRenames:
    """A mapping whose names change: one that becomes the name of another entry takes that entry's place away."""

    def __init__(self) -> None:
        self.fields: Dict[str, Any] = {}
        self._lost: Set[str] = set()

    def has_lost(self, name: str) -> bool:
        return name in self._lost

    def put(self, former_name: str, name: str, field: Any) -> None:
        if name != former_name:
            self.fields.pop(name, None)
            self._lost.add(name)
        self.fields[name] = field


def _value(node: Any, variables: Mapping[str, str], what: str) -> Any:
    """Return a value with variables interpolated into all of its texts, keys included."""
    if isinstance(node, str):
        if "$" not in node:
            return node
        try:
            return interpolate(node, variables)
        except PipelineError as wrong:
            raise PipelineError(f"interpolating {what}: {wrong}") from None
    if isinstance(node, list):
        return [_value(element, variables, what) for element in node]
    return _fields(node, variables) if isinstance(node, dict) else node
