"""What a job or a plugin is pinned to is what runs, whatever branch, tag or file bears the same name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.whole.hand_run import HandRun
from tests.whole.running import Repository

SHOW = "git log -1 --format=at-%s"
SHA256 = "5" * 64


def disguise(repository: Repository, good: str) -> None:
    """Add an evil commit whose branch, the default one, is named like the good commit."""
    repository.git("commit", "-q", "--allow-empty", "-m", "evil")
    repository.git("branch", "-m", "main", good)
    repository.git("branch", "main", good)


def plugin_of(folder: Path) -> Repository:
    return Repository(folder / "greet-buildkite-plugin", files={"hooks/pre-command": "echo good\n"})


def test_a_plugin_pinned_to_an_id_is_that_commit_though_a_branch_has_its_name(
    hand: HandRun, upstream: Repository, tmp_path: Path
) -> None:
    plugin = plugin_of(tmp_path)
    good = plugin.git("rev-parse", "HEAD")
    plugin.git("tag", "-a", "-m", "signed", "v1")
    plugin.write("hooks/pre-command", "echo evil\n")
    plugin.git("commit", "-q", "-am", "evil")
    plugin.git("branch", "-m", "main", good)
    for version in (good, good.upper(), plugin.git("rev-parse", "v1")):
        pinned = f'["file://{plugin.folder}#{version}"]'
        done = hand.run(repository=upstream.folder, SKIP_CHECKOUT="true", PLUGINS=pinned)
        assert done.status == 0 and "good" in done.out.split(), done.text
        assert f"checkout -f {version}\n" in done.out  # shown as the reference has it
    # Another job has moved what an earlier one cloned.
    (clone,) = hand.plugins.glob(f"agent/*{good}")
    plugin.git("--git-dir", str(clone / ".git"), "--work-tree", str(clone), "checkout", "-qf", "origin/HEAD")
    for warns in (True, False):
        done = hand.run(repository=upstream.folder, SKIP_CHECKOUT="true", PLUGINS=f'["file://{plugin.folder}#{good}"]')
        assert done.status == 0 and "good" in done.out.split(), done.text
        assert ("is at another commit: cloning it again" in done.out) is warns


@pytest.mark.parametrize("kind", ["branch", "tag"])
def test_a_name_of_the_length_of_an_id_is_none(hand: HandRun, upstream: Repository, tmp_path: Path, kind: str) -> None:
    plugin = plugin_of(tmp_path)
    for repository in (plugin, upstream):
        repository.git(*(["branch", "-m", "main", SHA256] if kind == "branch" else ["tag", SHA256]))
    pinned = f'["file://{plugin.folder}#{SHA256}"]'
    done = hand.run(repository=upstream.folder, SKIP_CHECKOUT="true", PLUGINS=pinned)
    assert done.status == 128 and f'"{SHA256}" is a branch or a tag' in done.out, done.text
    done = hand.run(repository=upstream.folder, COMMIT=SHA256)
    assert done.status == 128 and f'"{SHA256}" is a branch or a tag' in done.out, done.text


@pytest.mark.parametrize("version", ["v2", "*"])
def test_a_file_of_a_plugin_is_no_version_of_it(
    hand: HandRun, upstream: Repository, tmp_path: Path, version: str
) -> None:
    plugin = plugin_of(tmp_path)
    plugin.write("v2", "a file")
    plugin.git("add", "-A")
    plugin.git("commit", "-q", "-m", "with a file that is named like a version")
    done = hand.run(repository=upstream.folder, SKIP_CHECKOUT="true", PLUGINS=f'["file://{plugin.folder}#{version}"]')
    assert done.status == 128 and "good" not in done.out.split(), done.text


def test_a_plugins_submodules_are_those_of_its_version(hand: HandRun, upstream: Repository, tmp_path: Path) -> None:
    inner = Repository(tmp_path / "inner", files={"says": "old"})
    plugin = Repository(tmp_path / "greet-buildkite-plugin", files={"hooks/pre-command": "cat ${0%/*}/x || true\n"})
    plugin.write("hooks/pre-command", 'cat "$BUILDKITE_PLUGINS_PATH"/agent/*/inner/says\n')
    plugin.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.folder), "inner")
    plugin.git("commit", "-q", "-am", "with a submodule")
    plugin.git("tag", "v1")
    inner.write("says", "new")
    inner.git("commit", "-q", "-am", "new")
    plugin.git("-c", "protocol.file.allow=always", "submodule", "update", "-q", "--remote")
    plugin.git("commit", "-q", "-am", "later")
    done = hand.run(repository=upstream.folder, SKIP_CHECKOUT="true", PLUGINS=f'["file://{plugin.folder}#v1"]')
    assert done.status == 0 and "old" in done.out, done.text


def test_a_submodule_at_a_branch_named_like_its_commit_fails_job_and_plugin(
    hand: HandRun, upstream: Repository, tmp_path: Path
) -> None:
    inner = Repository(tmp_path / "inner")
    plugin = plugin_of(tmp_path)
    for repository in (upstream, plugin):
        repository.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.folder), "inner")
        repository.git("commit", "-q", "-m", "with a submodule")
    disguise(inner, inner.git("rev-parse", "HEAD"))
    done = hand.run(repository=upstream.folder)
    assert done.status == 1 and 'the submodule "inner" is not at its commit' in done.out, done.text
    done = hand.run(repository=upstream.folder, SKIP_CHECKOUT="true", PLUGINS=f'["file://{plugin.folder}"]')
    assert done.status == 1 and 'the submodule "inner" is not at its commit' in done.out, done.text
    assert "good" not in done.out.split()


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_job_pinned_to_an_id_is_that_commit_though_a_branch_has_its_name(
    hand: HandRun, tmp_path: Path, object_format: str
) -> None:
    folder = tmp_path / object_format
    folder.mkdir()
    upstream = Repository(tmp_path / "other")
    upstream.git("init", "-q", "-b", "main", f"--object-format={object_format}", str(folder))
    upstream.folder = folder
    upstream.git("commit", "-q", "--allow-empty", "-m", "good")
    good = upstream.git("rev-parse", "HEAD")
    disguise(upstream, good)
    for mirrors in ("", str(hand.mirrors)):
        done = hand.run(repository=folder, command=SHOW, COMMIT=good, GIT_MIRRORS_PATH=mirrors, CLEAN_CHECKOUT="true")
        assert done.status == 0 and "at-good" in done.out, done.text
        assert f"checkout -f {good}\n" in done.out
    missing = good[::-1]
    upstream.git("branch", missing, "HEAD")
    refspec = f"refs/heads/{missing}:refs/heads/{missing}"
    done = hand.run(repository=folder, COMMIT=missing, REFSPEC=refspec, CLEAN_CHECKOUT="true")
    assert done.status == 128 and f'the repository has no commit "{missing}"' in done.out, done.text


def test_head_is_the_tip_of_the_branch_whatever_characters_and_tags_have_its_name(
    hand: HandRun, upstream: Repository
) -> None:
    names = ("topic", "it's", 'say"so', "--upload-pack=x", "+plus", "$(id)", "a;b&c|d", "é#")
    first = upstream.git("rev-parse", "HEAD")
    for name in names:
        tree = upstream.git("rev-parse", "HEAD^{tree}")
        tip = upstream.git("commit-tree", "-p", first, "-m", f"tip of {name}", tree)
        upstream.git("update-ref", f"refs/heads/{name}", tip)
        upstream.git("update-ref", f"refs/tags/{name}", first)
    upstream.git("update-ref", "refs/heads/plus", first)
    upstream.git("branch", "-m", "main", "FETCH_HEAD")  # the default branch, so that clones have it
    for name in names:
        done = hand.run(repository=upstream.folder, command=SHOW, BRANCH=name, GIT_MIRRORS_PATH=str(hand.mirrors))
        assert done.status == 0 and f"at-tip of {name}" in done.out, done.text


def test_what_can_be_no_branch_is_said_to_be_none(hand: HandRun, upstream: Repository) -> None:
    for name, mirrors in (("ma*", ""), ("main:refs/heads/x", str(hand.mirrors)), ("main other", str(hand.mirrors))):
        done = hand.run(repository=upstream.folder, BRANCH=name, GIT_MIRRORS_PATH=mirrors)
        assert done.status == 1 and f'"{name}" is not a valid name of a branch' in done.out, done.text


def test_tags_and_whole_names_that_a_job_has_as_its_branch_are_built(hand: HandRun, upstream: Repository) -> None:
    upstream.git("tag", "v1")
    upstream.git("tag", "-a", "-m", "x", "v2")
    upstream.git("update-ref", "refs/pull/12/head", "HEAD")
    upstream.git("commit", "-q", "--allow-empty", "-m", "later")
    upstream.git("branch", "v2")
    for job in ({"BRANCH": "v1"}, {"BRANCH": "v2", "TAG": "v2"}, {"BRANCH": "refs/pull/12/head"}):
        done = hand.run(repository=upstream.folder, command=SHOW, GIT_MIRRORS_PATH=str(hand.mirrors), **job)
        assert done.status == 0 and "at-first" in done.out, done.text


def test_a_pull_requests_merge_must_merge_its_commit(hand: HandRun, upstream: Repository) -> None:
    tree = upstream.git("rev-parse", "HEAD^{tree}")
    base = upstream.git("rev-parse", "HEAD")
    pull = upstream.git("commit-tree", "-p", base, "-m", "pull", tree)
    newer = upstream.git("commit-tree", "-p", pull, "-m", "newer", tree)
    merge = upstream.git("commit-tree", "-p", base, "-p", pull, "-m", "m", tree)
    upstream.git("update-ref", "refs/pull/12/merge", merge)
    job = {
        "PULL_REQUEST": "12", "PIPELINE_PROVIDER": "github", "PULL_REQUEST_USING_MERGE_REFSPEC": "true",
        "BRANCH": "pull",
    }  # fmt: skip
    done = hand.run(repository=upstream.folder, command=SHOW, PULL_REQUEST_HEAD_COMMIT=pull, **job)
    assert done.status == 0 and "at-m" in done.out, done.text
    done = hand.run(repository=upstream.folder, command=SHOW, PULL_REQUEST_HEAD_COMMIT=newer, **job)
    assert done.status == 1 and f'merges {pull}, not "{newer}"' in done.out and "at-m" not in done.out, done.text
    done = hand.run(repository=upstream.folder, **{**job, "PULL_REQUEST": "12:refs/heads/x"})
    assert done.status == 1 and "which is not the number of a pull request" in done.out, done.text


def test_a_pull_request_whose_ref_is_gone_is_built_as_long_as_its_commit_can_be_had(
    hand: HandRun, upstream: Repository
) -> None:
    tree = upstream.git("rev-parse", "HEAD^{tree}")
    pull = upstream.git("commit-tree", "-p", "HEAD", "-m", "pull", tree)
    job = {"PULL_REQUEST": "12", "PIPELINE_PROVIDER": "github", "BRANCH": "pull", "COMMIT": pull}
    done = hand.run(repository=f"file://{upstream.folder}", command=SHOW, **job)
    assert done.status == 0 and "at-pull" in done.out, done.text


def test_a_plugin_is_of_the_repository_that_is_asked_for_though_another_ones_folder_has_the_same_name(
    hand: HandRun, upstream: Repository, tmp_path: Path
) -> None:
    good = Repository(tmp_path / "acme" / "x-y", files={"hooks/pre-command": "echo good\n"})
    evil = Repository(tmp_path / "acme-x" / "y", files={"hooks/pre-command": "echo evil\n"})
    for repository, says in ((evil, "evil"), (good, "good"), (good, "good")):
        repository.git("tag", "-f", "v1")
        plugins = f'["file://{repository.folder}#v1"]'
        done = hand.run(repository=upstream.folder, SKIP_CHECKOUT="true", PLUGINS=plugins)
        assert done.status == 0 and says in done.out.split() and ("evil" in done.out.split()) is (says == "evil")
    assert "is of another repository: cloning it again" not in done.out and "already checked out" in done.out
