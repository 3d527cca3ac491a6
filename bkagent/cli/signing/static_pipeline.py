"""Sign a pipeline that is kept as it is, such as the steps in a pipeline's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bkagent.cli.pipeline_upload.input import Input, read_named, read_standard_input
from bkagent.errors import AgentError
from bkagent.pipeline.document import normalise, yaml_order
from bkagent.pipeline.document.source import read_pipeline
from bkagent.pipeline.interpolation import expansions
from bkagent.pipeline.signature.sign import add_pipeline_secrets
from bkagent.wire.go_quoted import go_quote
from bkagent.yaml.dump import dumps

if TYPE_CHECKING:
    from bkagent.cli.command import Call
    from bkagent.cli.signing.signer import Signer

_MOST_NAMED = 20
# Columns, as the reference indents here; `pipeline upload --format yaml` takes four.
_INDENTATION = 2


def sign_file(call: Call, signer: Signer, repository: str) -> str:
    """Return the pipeline of the named file, or of standard input, as `sign_source`. Raises AgentError."""
    return sign_source(call, signer, _source(call), repository, adds_secrets=True)


def sign_source(call: Call, signer: Signer, source: Input, repository: str, *, adds_secrets: bool = False) -> str:
    """Return a pipeline with its signatures, as YAML. Raises AgentError.

    With `adds_secrets` the steps get the pipeline's secrets, as in version 3 of the reference those of a file alone do.
    """
    _check_expansions(source)
    pipeline = read_pipeline(source.content, source.name, {}, interpolate=False)
    for warning in pipeline.warnings:
        call.report("warn", warning)
    if adds_secrets:
        add_pipeline_secrets(pipeline.typed, in_groups=False)
    signer.sign(pipeline.typed, repository)
    return dumps(yaml_order.in_yaml_order(normalise.to_wire(pipeline.typed)), _INDENTATION)


def _source(call: Call) -> Input:
    if call.arguments:
        call.report("info", f"Reading pipeline config from {go_quote(call.arguments[0])}")
        return read_named(call.arguments[0])
    source = read_standard_input(call)
    if source is None:
        raise AgentError("a pipeline is needed to sign; name its file, or send it to standard input")
    return source


def _check_expansions(source: Input) -> None:
    """Raise AgentError where a control plane would put something into the text, and so break the signatures."""
    names = list(dict.fromkeys(expansions(source.content.decode("utf-8", "replace"))))
    if names:
        shown = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
        raise AgentError(
            f'pipeline "{source.name}" has expansions, which would change what is signed: {shown}; remove them, or '
            "have `pipeline upload --jwks-file` sign it"
        )
