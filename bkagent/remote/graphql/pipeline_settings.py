"""The steps in a pipeline's settings on the hosted service, read and replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from bkagent.remote.graphql.graphql_client import GraphqlClient

# Names of operations, variables and fields: buildkite/agent internal/bkgql/pipeline.graphql.
_GET = (
    "query GetPipeline($orgPipelineSlug: ID!) "
    "{ pipeline(slug: $orgPipelineSlug) { id repository { url } steps { yaml } } }"
)
_UPDATE = (
    "mutation UpdatePipeline($id: ID!, $yaml: String!) "
    "{ pipelineUpdate(input: {id: $id, steps: {yaml: $yaml}}) { clientMutationId pipeline { steps { yaml } } } }"
)


@dataclass(frozen=True)
class PipelineSettings:
    """What signing needs of a pipeline. `pipeline_id` is that of the GraphQL API; `steps` is YAML."""

    pipeline_id: str
    repository: str
    steps: str


def read_settings(client: GraphqlClient, organization: str, pipeline: str) -> Optional[PipelineSettings]:
    """Return the settings of a pipeline, None where the token sees none of that name. Raises as `GraphqlClient.run`."""
    data = client.run("GetPipeline", _GET, {"orgPipelineSlug": f"{organization}/{pipeline}"})
    settings = data.inner("pipeline")
    if settings is None:
        return None
    repository, steps = settings.inner("repository"), settings.inner("steps")
    return PipelineSettings(
        settings.text("id"), repository.text("url", "") if repository else "", steps.text("yaml", "") if steps else ""
    )


def replace_steps(client: GraphqlClient, pipeline_id: str, steps: str) -> None:
    """Put other steps in a pipeline's settings. Raises as `GraphqlClient.run`."""
    client.run("UpdatePipeline", _UPDATE, {"id": pipeline_id, "yaml": steps})
