"""Passwords of repositories that git asks the control plane for."""

import subprocess

import pytest

from tests.job.conftest import MOSTLY_WARM, JobSandbox

STARTS = MOSTLY_WARM


def _configured(sandbox: JobSandbox, name: str) -> str:
    argv = ["git", "config", "--file", str(sandbox.root / ".gitconfig"), "--get-all", name]
    return subprocess.run(argv, stdout=subprocess.PIPE, check=False).stdout.decode().strip()


@pytest.mark.parametrize("turned_on", ["true", "1"])
def test_git_is_told_of_the_helper_before_the_first_hook(sandbox: JobSandbox, turned_on: str) -> None:
    sandbox.hook("environment", 'git config --global credential.helper >>"$SEEN" || true')
    sandbox.run("true", {"BUILDKITE_USE_GITHUB_APP_GIT_CREDENTIALS": turned_on})
    program = sandbox.env["BUILDKITE_BIN_PATH"] + "/buildkite-agent"
    assert sandbox.seen() == ([f"!'{program}' git-credentials-helper"] if turned_on == "true" else [])
    assert _configured(sandbox, "credential.useHttpPath") == ("true" if turned_on == "true" else "")
    rewritten = _configured(sandbox, "url.https://github.com/.insteadOf")
    assert rewritten == ("git@github.com:" if turned_on == "true" else "")


@pytest.mark.parametrize("repository", ["git@github.com:acme/widgets.git", "git@example.com:acme/widgets.git"])
def test_only_a_repository_of_github_is_reached_by_https_instead(sandbox: JobSandbox, repository: str) -> None:
    sandbox.hook("pre-checkout", f"export BUILDKITE_REPO={repository}")
    sandbox.run("true", {"BUILDKITE_USE_REPOSITORY_PROVIDER_GIT_CREDENTIALS": "true"})
    wanted = "git@github.com:" if "github" in repository else ""
    assert _configured(sandbox, "url.https://github.com/.insteadOf") == wanted


def test_without_git_the_job_says_so(sandbox: JobSandbox) -> None:
    env = {"BUILDKITE_USE_GITHUB_APP_GIT_CREDENTIALS": "true", "PATH": str(sandbox.root)}
    ended = sandbox.run("true", env)
    assert ended.status == 1
    assert any("Error configuring repository credentials: " in line for line in ended.lines)
