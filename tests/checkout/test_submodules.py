"""Submodules: checked out, reset, cleaned, or left alone."""

import os

import pytest

from bkagent.errors import JobFailed
from bkagent.git.location import resolve_relative


@pytest.fixture
def library(make_repository):
    made = make_repository("lib")
    made.first = made.commit("Lib", **{"lib.txt": "lib"})
    return made


@pytest.fixture
def with_library(job, upstream, library, env):
    upstream.git("submodule", "--quiet", "add", library.path, "lib")
    env["BUILDKITE_COMMIT"] = upstream.commit("Add lib")
    return job


def test_submodules_are_checked_out_and_cleaned(with_library, log):
    with_library.check_out()
    assert with_library.read("lib/lib.txt") == "lib"
    steps = log.own[log.own.index("# Git submodules detected") :]
    assert steps[:-1] == [
        "# Git submodules detected",
        "$ git submodule sync --recursive",
        "$ git submodule update --init --recursive --force",
        '$ git submodule foreach --recursive "git reset --hard"',
        "# Cleaning again to catch any post-checkout changes",
        "$ git clean -ffxdq",
        '$ git submodule foreach --recursive "git clean -ffxdq"',
    ]


def test_a_second_job_cleans_inside_submodules(with_library, log):
    with_library.check_out()
    with_library.write("lib/junk", "x")
    with_library.write("lib/lib.txt", "changed")
    log.bytes = b""
    with_library.check_out()
    assert with_library.read("lib/lib.txt") == "lib"
    assert not with_library.has("lib", "junk")
    assert log.own[1:3] == ['$ git submodule foreach --recursive "git clean -ffxdq"', "$ git clean -ffxdq"]


def test_submodules_can_be_turned_off(with_library, log):
    with_library.check_out(GIT_SUBMODULES="false")
    assert not with_library.has("lib", "lib.txt")
    assert any(
        "This repository has submodules, but submodules are disabled. You can disable this warning" in line
        for line in log.own
    )


def test_a_missing_submodule_fails_with_gits_status(with_library, library, log):
    os.rename(library.path, library.path + "-away")
    with pytest.raises(JobFailed, match="^updating submodules: exit status 1$"):
        with_library.check_out(CHECKOUT_ATTEMPTS="1")
    assert f"# Removing {with_library.folder}" in log.own


def test_settings_of_submodule_clones_are_passed_on(with_library, log):
    with_library.check_out(GIT_SUBMODULE_CLONE_CONFIG="core.longpaths=true, ,a.b=c")
    assert "$ git -c core.longpaths=true -c a.b=c submodule update --init --recursive --force" in log.own


def test_submodules_borrow_from_mirrors(with_library, library, tmp_path, log):
    mirrors = str(tmp_path / "mirrors")
    with_library.check_out(GIT_MIRRORS_PATH=mirrors)
    mirror = os.path.join(mirrors, library.path.replace("/", "-").replace("_", "-"))
    assert os.path.isdir(mirror)
    assert f"$ git submodule update --init --recursive --force --reference {mirror}" in log.own
    with_library.check_out(GIT_MIRRORS_PATH=mirrors)
    assert f"$ git --git-dir {mirror} fetch origin" in log.own


@pytest.mark.parametrize(
    "url, wanted",
    [
        ("https://h/x.git", "https://h/x.git"),
        ("../lib.git", "https://host/acme/lib.git"),
        ("../../other/lib.git", "https://host/other/lib.git"),
        ("./sub", "https://host/acme/main.git/sub"),
    ],
)
def test_a_relative_url_counts_from_the_repositorys(url, wanted):
    assert resolve_relative(url, "https://host/acme/main.git") == wanted


def test_a_relative_url_of_the_short_ssh_form():
    assert resolve_relative("../lib.git", "git@host:main.git") == "git@host:lib.git"
