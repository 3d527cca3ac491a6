"""Working trees that hold only some folders."""

import os

import pytest

from bkagent.checkout.sparse import SparseCheckout


@pytest.fixture
def folders(job, upstream, env):
    for name in ("dir", "other"):
        os.mkdir(os.path.join(upstream.path, name))
    env["BUILDKITE_COMMIT"] = upstream.commit("Folders", **{"dir/a": "a", "other/b": "b"})
    env["BUILDKITE_REPO"] = "file://" + upstream.path
    return job


def test_only_the_wanted_folders_are_there(folders, env, log):
    folders.check_out(GIT_SPARSE_CHECKOUT_PATHS=" dir , ")
    assert folders.has("dir", "a") and folders.has("README.md") and not folders.has("other")
    assert f"$ git clone -v --sparse --filter=blob:none -- {env['BUILDKITE_REPO']} ." in log.own
    assert f"$ git fetch --filter=blob:none -v --prune -- origin {env['BUILDKITE_COMMIT']}" in log.own
    at = log.own.index("# Setting up sparse checkout (cone mode) for paths: dir")
    assert log.own[at + 1] == "$ git sparse-checkout set --cone -- dir"


def test_no_cone_takes_patterns(folders, log):
    folders.check_out(GIT_SPARSE_CHECKOUT_PATHS="/other/*", GIT_SPARSE_CHECKOUT_MODE="no-cone")
    assert folders.has("other", "b") and not folders.has("README.md")
    assert "$ git sparse-checkout set --no-cone -- /other/*" in log.own or any("--no-cone" in line for line in log.own)


def test_a_full_checkout_follows_a_sparse_one(folders, log):
    folders.check_out(GIT_SPARSE_CHECKOUT_PATHS="dir")
    log.bytes = b""
    folders.check_out()
    assert folders.has("other", "b")
    assert "# Disabling sparse checkout from previous build" in log.own
    log.bytes = b""
    folders.check_out()
    assert not any("sparse" in line for line in log.own)


def test_what_the_user_gave_is_not_added_twice(folders, log):
    folders.check_out(GIT_SPARSE_CHECKOUT_PATHS="dir", GIT_CLONE_FLAGS="-v --sparse --filter=tree:0")
    clones = [line for line in log.own if line.startswith("$ git clone")]
    assert clones[0].count("--sparse") == 1 and clones[0].count("--filter") == 1
    assert not any("fetch --filter" in line for line in log.own)


def test_submodules_are_left_alone(folders, upstream, log):
    upstream.git("submodule", "--quiet", "add", upstream.path, "self")
    folders.check_out(COMMIT=upstream.commit("Self"), GIT_SPARSE_CHECKOUT_PATHS="dir")
    assert any("Submodule initialization skipped during sparse checkout" in line for line in log.own)


@pytest.mark.parametrize(
    "version, mode, warning",
    [
        ("2.26.1", "cone", "Sparse checkout requires git >= 2.27, got 2.26; falling back to full checkout"),
        ("2.34.0", "no-cone", "Sparse checkout in no-cone mode requires git >= 2.35, got 2.34; falling back"),
    ],
)
def test_an_old_git_checks_everything_out(folders, tmp_path, env, log, version, mode, warning):
    script = tmp_path / "bin" / "git"
    script.parent.mkdir()
    real = next(folder for folder in env["PATH"].split(os.pathsep) if os.path.exists(os.path.join(folder, "git")))
    script.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo git version {version}; else exec {real}/git "$@"; fi\n'
    )
    script.chmod(0o755)
    env["PATH"] = f"{script.parent}{os.pathsep}{env['PATH']}"
    folders.check_out(GIT_SPARSE_CHECKOUT_PATHS="dir", GIT_SPARSE_CHECKOUT_MODE=mode)
    assert any(warning in line for line in log.own)
    assert folders.has("other", "b")


def test_a_git_before_235_is_given_the_mode_first(folders, tmp_path, env, log):
    script = tmp_path / "bin" / "git"
    script.parent.mkdir()
    real = next(folder for folder in env["PATH"].split(os.pathsep) if os.path.exists(os.path.join(folder, "git")))
    script.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo git version 2.30.0; else exec {real}/git "$@"; fi\n'
    )
    script.chmod(0o755)
    env["PATH"] = f"{script.parent}{os.pathsep}{env['PATH']}"
    folders.check_out(GIT_SPARSE_CHECKOUT_PATHS="dir")
    at = log.own.index("$ git sparse-checkout init --cone")
    assert log.own[at + 1] == "$ git sparse-checkout set -- dir"
    assert not folders.has("other")


def test_a_selection_is_a_plain_value():
    assert SparseCheckout(("a",), True, True) == (("a",), True, True)
