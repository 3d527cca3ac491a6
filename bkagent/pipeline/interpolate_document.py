"""Put variables into a typed pipeline: into its `env` first, in order, then into every other text."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.interpolation import interpolate
from bkagent.pipeline.typed import Plugin, TypedPipeline, TypedStep

# Secrets are named, not valued, and a signature covers what it covers: neither is touched.
_UNTOUCHED = ("secrets", "signature")


def fill(pipeline: TypedPipeline, environ: Mapping[str, str], *, prefer_environ: bool = False) -> None:
    """Interpolate a pipeline in place.

    Entries of the pipeline's `env` join the variables as they are met, over those of `environ` unless
    `prefer_environ`. Raises PipelineError naming the place.
    """
    variables = dict(environ)
    if pipeline.env is not None:
        filled: Dict[str, str] = {}
        for name, value in pipeline.env.items():
            try:
                new_name, new_value = interpolate(name, variables), interpolate(value, variables)
            except PipelineError as wrong:
                raise PipelineError(f"interpolating env.{name}: {wrong}") from None
            filled[new_name] = new_value
            if not (prefer_environ and new_name in variables):
                variables[new_name] = new_value
        pipeline.env = filled
    for step in pipeline.steps:
        _fill_step(step, variables)
    pipeline.checkout = _value(pipeline.checkout, variables, "checkout")
    pipeline.rest = _fields(pipeline.rest, variables)


def _fill_step(step: TypedStep, variables: Mapping[str, str]) -> None:
    if step.scalar is not None:
        step.scalar = _value(step.scalar, variables, "step")
    for name, value in step.typed.items():
        if name == "steps":
            for inner in value:
                _fill_step(inner, variables)
        elif name == "plugins":
            step.typed[name] = [
                Plugin(_value(plugin.source, variables, name), _value(plugin.configuration, variables, name))
                for plugin in value
            ]
        elif name not in _UNTOUCHED:
            step.typed[name] = _value(value, variables, name)
    step.rest = _fields(step.rest, variables)


def _fields(fields: Dict[str, Any], variables: Mapping[str, str]) -> Dict[str, Any]:
    return {_value(name, variables, name): _value(value, variables, name) for name, value in fields.items()}


def _value(value: Any, variables: Mapping[str, str], what: str) -> Any:
    """Return a value with variables put into every text of it, keys included."""
    if isinstance(value, str):
        if "$" not in value:
            return value
        try:
            return interpolate(value, variables)
        except PipelineError as wrong:
            raise PipelineError(f"interpolating {what}: {wrong}") from None
    if isinstance(value, list):
        return [_value(item, variables, what) for item in value]
    if isinstance(value, dict):
        return {_value(key, variables, what): _value(item, variables, str(key)) for key, item in value.items()}
    return value
