"""The environment variables that a job gets from the control plane: small mappings, merged in one order.

Lowest first: the documents' env, the build's env, the step's env, and what this control plane adds.
Source: https://buildkite.com/docs/pipelines/configure/environment-variables
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Mapping, Optional, Sequence

from bkagent.config.options import bootstrap, steps
from bkagent.config.options.job import BUILD_ID, JOB
from bkagent.config.variables import build_variables
from bkagent.config.variables.job_variables import FIELDS
from bkagent.controlplane.api_tokens import Person
from bkagent.controlplane.records import Agent, Build, Job, PipelineEntry
from bkagent.controlplane.scheduling.branches import is_full_commit
from bkagent.pipeline import go_json
from bkagent.pipeline.model.steps import CommandStep, Pipeline


@dataclass(frozen=True)
class JobFacts:
    """Everything that the variables of a job are made of.

    document   what the step came with; `unblocker` is the block job that let the job go, or None
    """

    job: Job
    step: CommandStep
    document: Pipeline
    build: Build
    pipeline: PipelineEntry
    agent: Agent
    organization: str
    web_url: str
    unblocker: Optional[Job] = None


def job_env(facts: JobFacts) -> Dict[str, str]:
    """Return the job's variables."""
    env: Dict[str, str] = {}
    for part in (
        facts.build.pipeline_env,
        facts.build.env,
        facts.job.env,
        _checkout(facts),
        _build(facts),
        _people(facts.build),
        _pull_request(facts.build),
        _pipeline(facts),
        _work(facts.job),
        _identity(facts),
        _agent(facts.agent),
    ):
        env.update(part)
    return env


def build_url(facts: JobFacts) -> str:
    """Return the page of the job's build."""
    return f"{facts.web_url}/{facts.organization}/{facts.build.pipeline_slug}/builds/{facts.build.number}"


def _build(facts: JobFacts) -> Mapping[str, str]:
    build = facts.build
    env = {
        "CI": "true", "BUILDKITE": "true",
        bootstrap.BRANCH.env[0]: build.branch, build_variables.COMMIT: build.commit, bootstrap.TAG.env[0]: build.tag,
        build_variables.MESSAGE: build.message, bootstrap.REPOSITORY.env[0]: build.repository,
        BUILD_ID: build.id, build_variables.NUMBER: str(build.number),
        build_variables.URL: build_url(facts), build_variables.SOURCE: build.source,
        "BUILDKITE_REBUILT_FROM_BUILD_ID": build.rebuilt_from,
    }  # fmt: skip
    if is_full_commit(build.commit):
        env[build_variables.COMMIT_RESOLVED] = "true"
    if build.clean_checkout:
        env[bootstrap.CLEAN_CHECKOUT.env[0]] = "true"
    return env


def _people(build: Build) -> Mapping[str, str]:
    return {
        build_variables.AUTHOR: build.author.get("name", ""),
        build_variables.AUTHOR_EMAIL: build.author.get("email", ""),
        "BUILDKITE_BUILD_CREATOR": build.creator.get("name", ""),
        "BUILDKITE_BUILD_CREATOR_EMAIL": build.creator.get("email", ""),
        "BUILDKITE_BUILD_CREATOR_TEAMS": "",
    }


def _pull_request(build: Build) -> Mapping[str, str]:
    if not build.pull_request.get("id"):
        return {
            bootstrap.PULL_REQUEST.env[0]: "false",
            build_variables.PULL_REQUEST_BASE_BRANCH: "",
            "BUILDKITE_PULL_REQUEST_REPO": "",
        }
    return {
        bootstrap.PULL_REQUEST.env[0]: str(build.pull_request["id"]),
        build_variables.PULL_REQUEST_BASE_BRANCH: str(build.pull_request.get("base") or ""),
        "BUILDKITE_PULL_REQUEST_REPO": str(build.pull_request.get("repository") or ""),
        "BUILDKITE_PULL_REQUEST_LABELS": ",".join(str(label) for label in build.pull_request.get("labels") or ()),
    }


def _pipeline(facts: JobFacts) -> Mapping[str, str]:
    pipeline = facts.pipeline
    return {
        bootstrap.ORGANIZATION.env[0]: facts.organization,
        "BUILDKITE_PIPELINE_ID": pipeline.id,
        build_variables.PIPELINE_NAME: pipeline.name,
        bootstrap.PIPELINE.env[0]: pipeline.slug,
        build_variables.DEFAULT_BRANCH: pipeline.default_branch,
        # Not "github": the pull request refs of that provider are nothing that any other git server has.
        bootstrap.PROVIDER.env[0]: "git",
        "BUILDKITE_PROJECT_SLUG": f"{facts.organization}/{pipeline.slug}",
        "BUILDKITE_PROJECT_PROVIDER": "git",
        build_variables.COMPUTE_TYPE: "self-hosted",
    }


def _work(job: Job) -> Mapping[str, str]:
    env = {
        bootstrap.COMMAND.env[0]: job.command,
        "BUILDKITE_SCRIPT_PATH": job.command,
        "BUILDKITE_LABEL": job.label,
        "BUILDKITE_TIMEOUT": "false" if job.timeout_minutes is None else str(job.timeout_minutes),
        bootstrap.ARTIFACT_PATHS.env[0]: ";".join(job.artifact_paths),
    }
    if job.plugins:
        env[bootstrap.PLUGINS.env[0]] = go_json.dumps(list(job.plugins), escape_markup=False)
    if job.parallel_index is not None:
        env["BUILDKITE_PARALLEL_JOB"] = str(job.parallel_index)
        env["BUILDKITE_PARALLEL_JOB_COUNT"] = str(job.parallel_total)
    return env


def _identity(facts: JobFacts) -> Mapping[str, str]:
    job = facts.job
    env = {
        JOB.env[0]: job.id,
        steps.STEP.env[0]: job.step_id,
        build_variables.STEP_KEY: job.step_key,
        "BUILDKITE_RETRY_COUNT": str(job.retries_count),
    }
    if job.group_id:
        env["BUILDKITE_GROUP_ID"] = job.group_id
        env["BUILDKITE_GROUP_KEY"] = job.group_key
        env["BUILDKITE_GROUP_LABEL"] = job.group_label
    if job.retry_type:
        env["BUILDKITE_RETRY_TYPE"] = job.retry_type
    image = facts.step.image or facts.document.image
    if image:
        env["BUILDKITE_IMAGE"] = image
    if facts.unblocker is not None:
        person = Person.from_text(facts.unblocker.unblocked_by) or Person("")
        env["BUILDKITE_UNBLOCKER"] = person.name
        if person.email:
            env["BUILDKITE_UNBLOCKER_EMAIL"] = person.email
    return env


def _agent(agent: Agent) -> Mapping[str, str]:
    env = {"BUILDKITE_AGENT_ID": agent.id, bootstrap.AGENT.env[0]: agent.name}
    for tag in agent.meta_data:
        key, _, value = tag.partition("=")
        # Other characters could not stand in the name of a variable.
        name = "BUILDKITE_AGENT_META_DATA_" + re.sub(r"[^A-Z0-9_]", "_", key.upper())
        env.setdefault(name, value)
    env.setdefault(bootstrap.QUEUE.env[0], "default")
    return env


def _checkout(facts: JobFacts) -> Mapping[str, str]:
    """Return the variables of `checkout`: the document's settings are for steps without their own."""
    settings = {**facts.document.checkout, **facts.step.checkout}
    env: Dict[str, str] = {}
    for key in ("skip", "submodules", "lfs"):
        if settings.get(key) is not None:
            env[FIELDS[key].name] = "true" if settings[key] in (True, "true") else "false"
    flags = settings.get("flags")
    for key, value in flags.items() if isinstance(flags, Mapping) else ():
        if key in ("clone", "fetch", "checkout", "clean"):
            env[FIELDS[f"{key}_flags"].name] = str(value)
    depth = settings.get("depth")
    if depth is not None:
        for field in ("clone_flags", "fetch_flags"):
            name = FIELDS[field].name
            env[name] = f"{env[name]} --depth={depth}" if name in env else f"--depth={depth}"
    sparse = settings.get("sparse")
    paths = sparse.get("paths") if isinstance(sparse, Mapping) else None
    if isinstance(paths, Sequence):
        env[FIELDS["sparse_paths"].name] = paths if isinstance(paths, str) else ",".join(map(str, paths))
    if settings.get("commit_verification") is not None:
        env[FIELDS["commit_verification"].name] = str(settings["commit_verification"])
    return env
