"""Sign the steps in the settings of a pipeline of the hosted service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bkagent.cli.in_job import client as in_job_client
from bkagent.cli.in_job import job_text
from bkagent.cli.pipeline_upload.input import Input
from bkagent.cli.signing import static_pipeline
from bkagent.config.options import signing as options
from bkagent.errors import AgentError, ConfigError
from bkagent.remote.graphql import pipeline_settings
from bkagent.remote.graphql.graphql_client import GraphqlClient
from bkagent.remote.graphql.pipeline_settings import PipelineSettings
from bkagent.system import host

if TYPE_CHECKING:
    from bkagent.cli.command import Call
    from bkagent.cli.signing.signer import Signer

_QUESTION = (
    "Replace the steps of {name} by the signed ones? Agents that cannot verify them will refuse its jobs. [y/N]: "
)


def run(call: Call, signer: Signer) -> None:
    """Fetch the steps, sign them, and print them or put them in the place of the others. Raises AgentError."""
    settings = call.settings
    for option in (options.ORGANIZATION, options.PIPELINE):
        if not settings[option]:
            raise AgentError(f"with --graphql-token, --{option.name} names which pipeline to sign; set it")
    service = _client(call)
    try:
        _sign(call, signer, service)
    finally:
        service.close()


def _client(call: Call) -> GraphqlClient:
    settings = call.settings
    endpoint = settings[options.GRAPHQL_ENDPOINT]
    try:
        return GraphqlClient(
            endpoint, settings[options.GRAPHQL_TOKEN], call.environ, host.user_agent(),
            in_job_client.request_log(call),
        )  # fmt: skip
    except ConfigError:
        legal = "an http:// or https:// URL"
        raise ConfigError(settings.invalid_value(options.GRAPHQL_ENDPOINT, legal, endpoint)) from None


def _sign(call: Call, signer: Signer, service: GraphqlClient) -> None:
    name = f"{call.settings[options.ORGANIZATION]}/{call.settings[options.PIPELINE]}"
    call.report("info", f"Retrieving the pipeline {name} by the GraphQL API")
    pipeline = _fetch(call, service, name)
    source = Input(name, pipeline.steps.encode("utf-8", "replace"))
    text = static_pipeline.sign_source(call, signer, source, pipeline.repository)
    if not call.settings[options.UPDATE]:
        job_text.write(call, text)
        return
    text = text.strip()
    call.report("info", f"Replacing the steps of {name} by signed ones:\n{text}")
    if not call.settings[options.NO_CONFIRM] and not _confirm(call, name):
        call.report("info", "The pipeline was not changed")
        return
    try:
        pipeline_settings.replace_steps(service, pipeline.pipeline_id, text)
    except AgentError as problem:
        raise AgentError(f"cannot update the pipeline {name}: {problem}") from None
    call.report("info", "Pipeline updated successfully")


def _fetch(call: Call, service: GraphqlClient, name: str) -> PipelineSettings:
    organization, pipeline = call.settings[options.ORGANIZATION], call.settings[options.PIPELINE]
    try:
        settings = pipeline_settings.read_settings(service, organization, pipeline)
    except AgentError as problem:
        raise AgentError(f"cannot retrieve the pipeline {name}: {problem}") from None
    if settings is None:
        raise AgentError(
            f"pipeline not found: {name}; check --{options.ORGANIZATION.name}, --{options.PIPELINE.name} and what the "
            "token may see"
        )
    return settings


def _confirm(call: Call, name: str) -> bool:
    """Return whether the user wants the update. Raises AgentError where there is no answer of one word."""
    job_text.write(call, "\n" + _QUESTION.format(name=name))
    words = call.stdin.readline().split()
    if len(words) != 1:
        raise AgentError("there was no answer, and the pipeline was not changed; answer y or n, or use --no-confirm")
    return words[0].lower() in ("y", "yes")
