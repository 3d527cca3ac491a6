"""Commands in containers by variables of the job.

Scripts stand for `docker` and `docker-compose` and write down how they were called: no container can be had everywhere.
"""

import os

import pytest

from tests.job.conftest import MOSTLY_WARM, JobSandbox

STARTS = MOSTLY_WARM
PROGRAM = """#!/bin/sh
echo "${0##*/} $*" >>"$SEEN"
case " $* " in *" $FAILS "*) exit 7 ;; esac
"""


@pytest.fixture(autouse=True)
def programs(sandbox: JobSandbox) -> None:
    """Put both programs on the job's PATH."""
    folder = sandbox.root / "programs"
    folder.mkdir()
    for name in ("docker", "docker-compose"):
        (folder / name).write_text(PROGRAM, encoding="ascii")
        (folder / name).chmod(0o755)
    sandbox.env["PATH"] = f"{folder}{os.pathsep}{sandbox.env['PATH']}"
    sandbox.env["FAILS"] = "none"


def test_docker_builds_runs_and_removes_a_container(sandbox: JobSandbox) -> None:
    ended = sandbox.run("make test", {"BUILDKITE_DOCKER": ""})
    assert ended.status == 0
    assert sandbox.seen() == [
        "docker build -f Dockerfile -t buildkite_job-1_image .",
        "docker run --name buildkite_job-1_container buildkite_job-1_image make test",
        "docker rm -f -v buildkite_job-1_container",
    ]
    for line in (
        "~~~ :docker: Building Docker image buildkite_job-1_image",
        "~~~ :docker: Running command (in Docker container)",
        "~~~ Cleaning up Docker containers",
    ):
        assert ended.has(line)
    assert any("BUILDKITE_DOCKER is set, which is deprecated" in line for line in ended.lines)


def test_docker_takes_another_file_and_its_hooks_see_the_names(sandbox: JobSandbox) -> None:
    sandbox.hook("post-command", 'echo "$DOCKER_CONTAINER $DOCKER_IMAGE" >>"$SEEN"')
    sandbox.run("true", {"BUILDKITE_DOCKER": "yes", "BUILDKITE_DOCKER_FILE": "Other"})
    assert sandbox.seen()[0] == "docker build -f Other -t buildkite_job-1_image ."
    assert "buildkite_job-1_container buildkite_job-1_image" in sandbox.seen()


@pytest.mark.parametrize("words, said", [("build", 7), ("run", 7), ("rm", 7)])
def test_a_step_that_fails_decides(sandbox: JobSandbox, words: str, said: int) -> None:
    ended = sandbox.run("true", {"BUILDKITE_DOCKER": "yes", "FAILS": words})
    assert ended.status == said
    assert sandbox.seen()[-1].startswith("docker rm")


def test_compose_with_files_and_everything_that_may_be_said(sandbox: JobSandbox) -> None:
    sandbox.run("make", {"BUILDKITE_DOCKER_COMPOSE_CONTAINER": "app"})
    assert sandbox.seen() == [
        "docker-compose -f docker-compose.yml -p buildkitejob1 build --pull app",
        "docker-compose -f docker-compose.yml -p buildkitejob1 run app make",
        "docker-compose -f docker-compose.yml -p buildkitejob1 kill",
        "docker-compose -f docker-compose.yml -p buildkitejob1 rm --force --all -v",
        "docker-compose -f docker-compose.yml -p buildkitejob1 down",
    ]


def test_compose_with_several_files_builds_all_and_leaves_volumes(sandbox: JobSandbox) -> None:
    sandbox.run(
        "make",
        {
            "BUILDKITE_DOCKER_COMPOSE_CONTAINER": "app", "BUILDKITE_DOCKER_COMPOSE_FILE": "a.yml:b.yml c.yml",
            "BUILDKITE_DOCKER_COMPOSE_BUILD_ALL": "on", "BUILDKITE_DOCKER_COMPOSE_LEAVE_VOLUMES": "1",
            "FAILS": "kill",
        },
    )  # fmt: skip
    told = [line.replace("docker-compose -f a.yml -f b.yml -f c.yml -p buildkitejob1 ", "") for line in sandbox.seen()]
    assert told == ["build --pull", "run app make", "kill", "rm --force --all", "down"]


@pytest.mark.parametrize("name", ["COMPOSE_FILE", "COMPOSE_BUILD_ALL", "COMPOSE_LEAVE_VOLUMES", "FILE"])
def test_what_needs_another_variable_runs_nothing(sandbox: JobSandbox, name: str) -> None:
    ended = sandbox.run("echo ran", {f"BUILDKITE_DOCKER_{name}": "true"})
    assert (ended.status, sandbox.seen()) == (1, [])
    assert not ended.has("ran")
    assert any("failed to find any docker env" in line for line in ended.lines)


@pytest.mark.parametrize("name", ["DOCKER_CONTAINER", "COMPOSE_PROJ_NAME"])
def test_what_the_job_has_not_started_is_not_removed(sandbox: JobSandbox, name: str) -> None:
    ended = sandbox.run("", {"BUILDKITE_DOCKER": "yes", name: "database"})
    assert (ended.status, sandbox.seen()) == (1, [])
