"""The values of a build that conditions of steps can use."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from bkagent.config.options import bootstrap
from bkagent.config.variables import build_variables
from bkagent.controlplane.records import Build, PipelineEntry


def values(build: Build, pipeline: PipelineEntry, organization: str) -> Dict[str, Any]:
    """Return the values by dotted name, and under "env" the variables that `build.env()` answers from."""
    pull_request = build.pull_request
    by_name: Dict[str, Any] = {
        "build.id": build.id, "build.number": build.number, "build.state": build.state, "build.source": build.source,
        "build.branch": build.branch, "build.tag": build.tag or None, "build.message": build.message or None,
        "build.commit": build.commit, "build.pull_request.id": pull_request.get("id"),
        "build.pull_request.base_branch": pull_request.get("base"),
        "build.pull_request.repository": pull_request.get("repository"),
        "build.pull_request.labels": list(pull_request.get("labels", ())),
        "pipeline.id": pipeline.id, "pipeline.slug": pipeline.slug,
        "pipeline.default_branch": pipeline.default_branch or None, "pipeline.repository": build.repository or None,
        "organization.id": organization, "organization.slug": organization,
        "env": variables(build, organization),
    }  # fmt: skip
    for name, person in (("author", build.author), ("creator", build.creator)):
        for key in ("id", "name", "email"):
            by_name[f"build.{name}.{key}"] = person.get(key) or None
    return by_name


def variables(build: Build, organization: str) -> Mapping[str, str]:
    """Return what `env()` sees: the build's variables, and the fixed BUILDKITE_ ones."""
    return {
        **build.pipeline_env,
        **build.env,
        bootstrap.BRANCH.env[0]: build.branch,
        bootstrap.TAG.env[0]: build.tag,
        build_variables.MESSAGE: build.message,
        build_variables.COMMIT: build.commit,
        bootstrap.PIPELINE.env[0]: build.pipeline_slug,
        bootstrap.ORGANIZATION.env[0]: organization,
        bootstrap.REPOSITORY.env[0]: build.repository,
        bootstrap.PULL_REQUEST.env[0]: str(build.pull_request.get("id") or "false"),
        build_variables.PULL_REQUEST_BASE_BRANCH: str(build.pull_request.get("base") or ""),
    }
