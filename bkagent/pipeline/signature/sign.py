"""Sign the command steps of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict, Iterator, List

from bkagent.jose import jws
from bkagent.pipeline.document.model import TypedPipeline, TypedStep
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.signature import payload

if TYPE_CHECKING:
    from bkagent.jose.signing_key import SigningKey

Show = Callable[[str], None]


def sign(pipeline: TypedPipeline, key: SigningKey, repository: str, show: Show) -> None:
    """Put a signature into each command step, those of groups included; one that is there is replaced.

    `show` is given each text that is signed. Raises PipelineError for a step of unknown type, which a control plane may
    understand in another way, and InvalidKey.
    """
    pipeline_env = pipeline.env or {}
    for step in tuple(_command_steps(pipeline.steps)):
        values = payload.step_values(step, repository)
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


def add_pipeline_secrets(pipeline: TypedPipeline) -> None:
    """Add the pipeline's secrets to those of its command steps outside groups; the step's own win for a variable.

    The control plane does this when it makes jobs of the steps, which must be the ones that were signed.
    """
    for step in pipeline.steps:
        if step.kind == "command" and pipeline.secrets:
            by_variable: Dict[str, Dict[str, str]] = {}
            for secret in [*(step.typed.get("secrets") or ()), *pipeline.secrets]:
                by_variable.setdefault(secret.get("environment_variable", ""), secret)
            by_variable.pop("", None)
            step.typed["secrets"] = list(by_variable.values())
