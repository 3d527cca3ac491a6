"""Passwords of repositories that git asks the control plane for."""

import subprocess

import pytest

from tests.job.conftest import MOSTLY_WARM, Place

STARTS = MOSTLY_WARM


def _configured(place: Place, name: str) -> str:
    argv = ["git", "config", "--file", str(place.root / ".gitconfig"), "--get-all", name]
    return subprocess.run(argv, stdout=subprocess.PIPE, check=False).stdout.decode().strip()


@pytest.mark.parametrize("turned_on", ["true", "1"])
def test_s5_11_git_is_told_of_the_helper_before_the_first_hook(place: Place, turned_on: str) -> None:
    place.hook("environment", 'git config --global credential.helper >>"$SEEN" || true')
    place.run("true", {"BUILDKITE_USE_GITHUB_APP_GIT_CREDENTIALS": turned_on})
    program = place.env["BUILDKITE_BIN_PATH"] + "/buildkite-agent"
    assert place.seen() == ([f"!'{program}' git-credentials-helper"] if turned_on == "true" else [])
    assert _configured(place, "credential.useHttpPath") == ("true" if turned_on == "true" else "")
    rewritten = _configured(place, "url.https://github.com/.insteadOf")
    assert rewritten == ("git@github.com:" if turned_on == "true" else "")


@pytest.mark.parametrize("repository", ["git@github.com:acme/widgets.git", "git@example.com:acme/widgets.git"])
def test_s5_11_only_a_repository_of_github_is_reached_by_https_instead(place: Place, repository: str) -> None:
    place.hook("pre-checkout", f"export BUILDKITE_REPO={repository}")
    place.run("true", {"BUILDKITE_USE_REPOSITORY_PROVIDER_GIT_CREDENTIALS": "true"})
    wanted = "git@github.com:" if "github" in repository else ""
    assert _configured(place, "url.https://github.com/.insteadOf") == wanted


def test_s5_11_without_git_the_job_says_so(place: Place) -> None:
    env = {"BUILDKITE_USE_GITHUB_APP_GIT_CREDENTIALS": "true", "PATH": str(place.root)}
    ended = place.run("true", env)
    assert ended.status == 1
    assert any("Error configuring repository credentials: " in line for line in ended.lines)
