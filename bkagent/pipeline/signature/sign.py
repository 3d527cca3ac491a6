"""Sign the command steps of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict, Iterator, List

from bkagent.config.compat import Compat
from bkagent.jose import jws
from bkagent.pipeline.document.model import TypedPipeline, TypedStep
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.signature import artifact_paths, payload

if TYPE_CHECKING:
    from bkagent.jose.signing_key import SigningKey

_V3 = Compat("3")
Show = Callable[[str], None]


def sign(pipeline: TypedPipeline, key: SigningKey, repository: str, show: Show, compat: Compat = _V3) -> None:
    """Put a signature into each command step, those of groups included; one that is there is replaced.

    `show` is given each text that is signed, `compat` says which version's fields a signature covers. Raises
    PipelineError for a step of unknown type, which a control plane may understand in another way, and InvalidKey.
    """
    pipeline_env = pipeline.env or {}
    for step in tuple(_command_steps(pipeline.steps)):
        values = payload.step_values(step, repository)
        if compat.signs_artifact_paths and artifact_paths.patterns(step):
            values[artifact_paths.FIELD] = artifact_paths.signed_forms(step)[0]
        own = step.typed["env"]
        values.update((payload.VARIABLE + name, text) for name, text in pipeline_env.items() if name not in own)
        signed = payload.text(key.algorithm, values)
        show(signed.decode("utf-8"))
        value = jws.sign(signed, key)
        step.typed["signature"] = {"algorithm": key.algorithm, "signed_fields": sorted(values), "value": value}


def _command_steps(steps: List[TypedStep]) -> Iterator[TypedStep]:
    for step in steps:
        if step.kind == "unknown":
            raise PipelineError("the pipeline has a step of unknown type, and is not signed")
        if step.kind == "command":
            yield step
        elif step.kind == "group":
            yield from _command_steps(step.typed["steps"])


def add_pipeline_secrets(pipeline: TypedPipeline, *, in_groups: bool) -> None:
    """Add the pipeline's secrets to those of its command steps; the step's own win for a variable.

    The control plane does this when it makes jobs of the steps, which must be the ones that were signed. Version 3
    of the reference leaves out steps in groups, with `in_groups` false.
    """
    if not pipeline.secrets:
        return
    steps = _command_steps(pipeline.steps) if in_groups else (step for step in pipeline.steps if step.kind == "command")
    for step in steps:
        by_variable: Dict[str, Dict[str, str]] = {}
        for secret in [*(step.typed.get("secrets") or ()), *pipeline.secrets]:
            by_variable.setdefault(secret.get("environment_variable", ""), secret)
        by_variable.pop("", None)
        step.typed["secrets"] = list(by_variable.values())
