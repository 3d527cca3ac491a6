"""Hold a job against the signature of its step: first the step as it was uploaded, then the job made of it."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence

from bkagent.config.options import bootstrap
from bkagent.jose import canonical, jws, strict_json
from bkagent.jose.errors import InvalidKey, InvalidSignature
from bkagent.jose.jwk import Jwk
from bkagent.pipeline.document.model import TypedStep
from bkagent.pipeline.document.steps import read_command
from bkagent.pipeline.document.wire_form import step_to_wire
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.signature import artifact_paths, matrix_values, payload
from bkagent.system import variable_names

Show = Callable[[str], None]
_NO_PLUGINS = ("", "null", "[]")


def _show_nothing(text: str) -> None:
    pass


def verify_job(
    step: Mapping[str, Any],
    env: Mapping[str, str],
    permutation: Mapping[str, str],
    keys: Sequence[Jwk],
    show: Show = _show_nothing,
) -> None:
    """Raise InvalidSignature unless a job is the one that its step was signed for.

    step         of the job, as the control plane gave it
    env          variables of the job, by the names that its process gets them by
    permutation  its values of the step's matrix
    show         is given each text that is held against the signature
    The text names what differs, and never its value, which may be secret.
    """
    try:
        typed = read_command(dict(step))
        verify_step(typed, env, env.get(bootstrap.REPOSITORY.env[0], ""), keys, show)
        _compare(typed, env, permutation)
    except (PipelineError, InvalidKey) as problem:
        raise InvalidSignature(str(problem)) from None
    except RecursionError:
        raise InvalidSignature("the step is nested too deeply") from None


def verify_step(
    step: TypedStep, env: Mapping[str, str], repository: str, keys: Sequence[Jwk], show: Show = _show_nothing
) -> None:
    """Raise InvalidSignature unless a step has the values that it was signed with. `env` is that of the job."""
    signature = step.typed.get("signature")
    if not signature:
        raise InvalidSignature("the step has no signature")
    fields = signature["signed_fields"] or ()
    if not fields:
        raise InvalidSignature("the signature covers no fields")
    values = payload.step_values(step, repository)
    missing = sorted(set(values).difference(fields))
    if missing:
        raise InvalidSignature(f"the signature does not cover {', '.join(missing)}")
    for field in fields:
        if field in payload.OPTIONAL:
            values.setdefault(field, None)
        elif field == artifact_paths.FIELD:
            continue
        elif field.startswith(payload.VARIABLE):
            values[field] = _variable(field[len(payload.VARIABLE) :], env)
        elif field not in values:
            raise InvalidSignature(f"the signature covers {field[:100]}, which this agent does not know")
    each = [values]
    if artifact_paths.FIELD in fields:
        each = [{**values, artifact_paths.FIELD: form} for form in artifact_paths.signed_forms(step)]
    _verify_any(signature, [payload.text(signature["algorithm"], values) for values in each], keys, show)


def _verify_any(signature: Mapping[str, Any], each: Sequence[bytes], keys: Sequence[Jwk], show: Show) -> None:
    """Raise InvalidSignature unless the signature is that of one of several texts, which mean the same."""
    for at, text in enumerate(each, start=1):
        show(text.decode("utf-8"))
        try:
            jws.verify(signature["value"], text, keys)
            return
        except InvalidSignature:
            if at == len(each):
                raise


def _variable(name: str, env: Mapping[str, str]) -> str:
    kept_name = variable_names.kept(name)
    if kept_name not in env:
        raise InvalidSignature(f"the signature covers the variable {name}, which the job does not have")
    return env[kept_name]


def _compare(step: TypedStep, env: Mapping[str, str], permutation: Mapping[str, str]) -> None:
    """Raise InvalidSignature where what the job runs is not what its step says."""
    filled = matrix_values.filled(step, permutation)
    if filled.typed["command"] != env.get(bootstrap.COMMAND.env[0], ""):
        raise _differs(f"the variable {bootstrap.COMMAND.env[0]} differs from the command of the signed step")
    for name, text in filled.typed["env"].items():
        if env.get(variable_names.kept(name)) != text:
            raise _differs(f"the variable {name} differs from that of the signed step")
    wire: Dict[str, Any] = step_to_wire(filled)
    if not _are_plugins(env.get(bootstrap.PLUGINS.env[0], ""), wire.get("plugins") or []):
        raise _differs(f"the variable {bootstrap.PLUGINS.env[0]} differs from the plugins of the signed step")
    # The job is given the secrets of its step, and must not bring others.
    if (filled.typed.get("secrets") or []) != (step.typed.get("secrets") or []) or env.get(bootstrap.SECRETS.env[0]):
        raise _differs("the secrets of the job differ from those of the signed step")
    if artifact_paths.FIELD in step.typed["signature"]["signed_fields"]:
        variable = bootstrap.ARTIFACT_PATHS.env[0]
        if artifact_paths.split(env.get(variable, "")) != artifact_paths.patterns(filled):
            raise _differs(f"the variable {variable} differs from the artifact paths of the signed step")
    if wire.get("checkout"):
        raise _differs("the step has checkout settings, with which a job cannot be compared")


def _differs(what: str) -> InvalidSignature:
    return InvalidSignature(f"the job does not match the signed step: {what}")


def _are_plugins(text: str, plugins: List[Any]) -> bool:
    """Return whether the text of a job's plugins says the same as those of its step."""
    if text in _NO_PLUGINS:
        return not plugins
    try:
        stated = strict_json.loads(text)
        # The canonical form tells true from 1. It has numbers as doubles, while hooks get each digit of them.
        return bool(stated == plugins) and canonical.dumps(stated) == canonical.dumps(plugins)
    except ValueError:
        raise _differs(f"{bootstrap.PLUGINS.env[0]} is not JSON") from None
