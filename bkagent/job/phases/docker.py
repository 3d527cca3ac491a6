"""The reference's deprecated Docker integration: variables of the job say that its command runs in a container.

Plugins have replaced it, and each use logs a warning. Source: buildkite/agent, internal/job/docker.go.
"""

from __future__ import annotations

from typing import List, Sequence

from bkagent.config.options import logging
from bkagent.config.variables.protected_variables import DOCKER_COMPOSE_FILE, DOCKER_FILE
from bkagent.errors import JobFailed
from bkagent.job.job import RunningJob

CONTAINER, FILE = "BUILDKITE_DOCKER", DOCKER_FILE
COMPOSE_CONTAINER, COMPOSE_FILE = "BUILDKITE_DOCKER_COMPOSE_CONTAINER", DOCKER_COMPOSE_FILE
COMPOSE_BUILD_ALL = "BUILDKITE_DOCKER_COMPOSE_BUILD_ALL"
COMPOSE_LEAVE_VOLUMES = "BUILDKITE_DOCKER_COMPOSE_LEAVE_VOLUMES"
_VARIABLES = (COMPOSE_CONTAINER, COMPOSE_FILE, CONTAINER, FILE, COMPOSE_BUILD_ALL, COMPOSE_LEAVE_VOLUMES)
_USELESS_ALONE = (COMPOSE_FILE, COMPOSE_BUILD_ALL, COMPOSE_LEAVE_VOLUMES)
# What the job's hooks learn, and what tells at the end that there is something to remove.
_RUNNING, _IMAGE, _PROJECT = "DOCKER_CONTAINER", "DOCKER_IMAGE", "COMPOSE_PROJ_NAME"
_TRUE = frozenset(("on", "1", "enabled", "true"))  # source: buildkite/agent, env/environment.go
_PLUGINS = "https://github.com/buildkite-plugins"


def is_asked_for(job: RunningJob) -> bool:
    """Whether a variable of this kind is set, be it to nothing."""
    return job.settings.compat.has_docker and any(job.get_env(name) is not None for name in _VARIABLES)


def run(job: RunningJob, command: str) -> None:
    """Build what is to be built and run `command`, as one argument, in a container. Raises JobFailed."""
    job.log.debug("Detected deprecated docker environment variables")
    if job.get_env(COMPOSE_CONTAINER) is not None:
        job.log.warning(_deprecation(COMPOSE_CONTAINER, ":docker: docker-compose", "docker-compose"))
        _run_composed(job, command)
    elif job.get_env(CONTAINER) is not None:
        job.log.warning(_deprecation(CONTAINER, "docker", "docker"))
        _run_alone(job, command)
    else:
        for name in (name for name in _USELESS_ALONE if job.get_env(name) is not None):
            job.log.warning(
                f"{name} is set, but without {COMPOSE_CONTAINER}, which it requires. You should be able to safely "
                "remove this from your pipeline."
            )
            break
        raise JobFailed("failed to find any docker env", 1)


def clean_up(job: RunningJob) -> None:
    """Remove what this job has started, and nothing else that its variables may name. Raises JobFailed."""
    container, project = _container(job), _project(job)
    if job.get_env(_RUNNING) == container:
        job.log.header("Cleaning up Docker containers")
        job.session.run(["docker", "rm", "-f", "-v", container])
    elif job.get_env(_PROJECT) == project:
        job.log.header("Cleaning up Docker containers")
        volumes = [] if _is_true(job, COMPOSE_LEAVE_VOLUMES) else ["-v"]
        for words in (["kill"], ["rm", "--force", "--all", *volumes]):
            try:
                _compose(job, project, words)
            except JobFailed:
                pass  # what comes next does it less gently
        _compose(job, project, ["down"])


def _container(job: RunningJob) -> str:
    return f"buildkite_{job.settings.job_id}_container"


def _project(job: RunningJob) -> str:
    # Compose drops dashes from the names of its containers.
    return f"buildkite{job.settings.job_id}".replace("-", "")


def _run_alone(job: RunningJob, command: str) -> None:
    image, container = f"buildkite_{job.settings.job_id}_image", _container(job)
    job.set_env(_RUNNING, container)
    job.set_env(_IMAGE, image)
    job.log.header(f":docker: Building Docker image {image}")
    job.session.run(["docker", "build", "-f", job.get_env(FILE) or "Dockerfile", "-t", image, "."])
    job.log.header(":docker: Running command (in Docker container)")
    job.session.run(["docker", "run", "--name", container, image, command])


def _run_composed(job: RunningJob, command: str) -> None:
    container = job.get_env(COMPOSE_CONTAINER) or ""
    project = _project(job)
    job.set_env(_PROJECT, project)
    job.log.header(":docker: Building Docker images")
    _compose(job, project, ["build", "--pull", *([] if _is_true(job, COMPOSE_BUILD_ALL) else [container])])
    job.log.header(":docker: Running command (in Docker Compose container)")
    _compose(job, project, ["run", container, command])


def _compose(job: RunningJob, project: str, words: Sequence[str]) -> None:
    files: List[str] = []
    for file in (job.get_env(COMPOSE_FILE) or "docker-compose.yml").replace(":", " ").split():
        files += ["-f", file]
    verbose = ["--verbose"] if _is_true(job, logging.DEBUG.env[0]) else []
    job.session.run(["docker-compose", *files, "-p", project, *verbose, *words])


def _is_true(job: RunningJob, name: str) -> bool:
    return (job.get_env(name) or "").lower() in _TRUE


def _deprecation(name: str, plugin: str, repository: str) -> str:
    return (
        f"{name} is set, which is deprecated in Agent v3 and will be removed in v4. Consider using the {plugin} plugin "
        f"instead at {_PLUGINS}/{repository}-buildkite-plugin."
    )
