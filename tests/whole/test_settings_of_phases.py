"""Every phase reads its settings after the hooks before it, and what a hook unsets is unset: a table of both.

The reference reads again what its configuration takes from the environment (buildkite/agent internal/job/config.go).
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

import pytest

from tests.fakes.control_plane import FakeControlPlane
from tests.whole.hand_run import HandRun
from tests.whole.running import Done, Repository, Start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="hooks of POSIX shells")
PREFIX = "BUILDKITE_"


class Setting(NamedTuple):
    """What a setting of the checkout makes git do, with this value and without one."""

    value: str
    with_it: str
    without: str


CHECKOUT: Dict[str, Setting] = {
    "REPO": Setting("{other}", "git clone -v --no-tags --sparse --filter=blob:none -- {other} .", "none"),
    "REFSPEC": Setting("refs/heads/topic", "origin refs/heads/topic", "none"),
    "GIT_CLONE_FLAGS": Setting("-v --no-tags", "git clone -v --no-tags --sparse", "git clone -v -- "),
    "GIT_CLEAN_FLAGS": Setting("-ffdxq", "git clean -ffdxq", "git clean -ffxdq"),
    "GIT_FETCH_FLAGS": Setting("-v --no-tags", "-v --no-tags -- origin", "git fetch -v --prune -- origin"),
    "GIT_CHECKOUT_FLAGS": Setting("-f -q", "checkout -f -q FETCH_HEAD", "checkout -f FETCH_HEAD"),
    "GIT_SPARSE_CHECKOUT_PATHS": Setting("folder", "sparse-checkout set --no-cone -- folder", "git clone -v -- "),
    "GIT_SPARSE_CHECKOUT_MODE": Setting("no-cone", "sparse-checkout set --no-cone", "git clone -v -- "),
}
# Of the jobs as they were handed out: what hooks say of these, later commands see, and no phase.
KEPT = {"COMMIT": "nowhere", "BRANCH": "nowhere", "TAG": "v1", "PULL_REQUEST": "7", "COMMAND": "echo changed",
        "PLUGINS": '[{"/no/plugin":null}]', "PIPELINE_PROVIDER": "github", "CHECKOUT_ATTEMPTS": "x"}  # fmt: skip
BEFORE_THE_CHECKOUT = ("environment", "pre-checkout")


class Bench:
    """Jobs by hand with hooks of the agent, whose calls of git are written down."""

    def __init__(self, hand: HandRun, folder: Path) -> None:
        self.hand, self.calls = hand, folder / "calls"
        self.upstream, self.other = (
            Repository(folder / name, files={"folder/file": name, ".buildkite/hooks/post-checkout": "echo $REPO_HOOK"})
            for name in ("upstream", "other")
        )
        for repository in (self.upstream, self.other):
            repository.git("branch", "topic")
        self.hooks, programs = folder / "hooks", folder / "programs"
        for made in (self.hooks, programs):
            made.mkdir()
        git = programs / "git"
        git.write_text(f'#!/bin/sh\nprintf "%s\\n" "git $*" >> "{self.calls}"\nexec "{shutil.which("git")}" "$@"\n')
        git.chmod(0o755)
        self.path = f"{programs}{os.pathsep}{os.environ['PATH']}"

    def run(self, hooks: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, **variables: str) -> "Tuple[Done, str]":
        """Run a job; return it and git's calls."""
        for name, line in hooks.items():
            (self.hooks / name).write_text(line + "\n", encoding="utf-8")
        monkeypatch.setenv("PATH", self.path)
        job = {"HOOKS_PATH": str(self.hooks), "COMMIT_RESOLVED": "true", **variables}
        done = self.hand.run(repository=self.upstream.folder, **job)
        return done, self.calls.read_text(encoding="utf-8") if self.calls.exists() else ""

    def filled(self, text: str) -> str:
        return text.format(other=self.other.folder)


@pytest.fixture
def bench(hand: HandRun, tmp_path: Path) -> Bench:
    return Bench(hand, tmp_path)


def exports(variables: Mapping[str, str]) -> str:
    return "\n".join(f"export {PREFIX}{name}='{value}'" for name, value in variables.items())


def unsets(names: "List[str]") -> str:
    return "unset " + " ".join(PREFIX + name for name in names)


@pytest.mark.parametrize("hook", BEFORE_THE_CHECKOUT)
def test_the_checkout_does_what_hooks_before_it_have_set(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    values = {name: bench.filled(setting.value) for name, setting in CHECKOUT.items()}
    done, calls = bench.run({hook: exports(values)}, monkeypatch)
    assert done.status == 0, done.text
    assert {name: bench.filled(row.with_it) in calls for name, row in CHECKOUT.items()} == dict.fromkeys(CHECKOUT, True)


@pytest.mark.parametrize("hook", BEFORE_THE_CHECKOUT)
def test_the_checkout_forgets_what_hooks_before_it_have_unset(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    values = {name: row.value for name, row in CHECKOUT.items() if name != "REPO"}
    done, calls = bench.run({hook: unsets(list(values))}, monkeypatch, **values)
    assert done.status == 0, done.text
    for name in values:
        assert CHECKOUT[name].with_it not in calls, calls
        assert CHECKOUT[name].without in calls or CHECKOUT[name].without == "none", calls
    assert "origin refs/heads/main" in calls


@pytest.mark.parametrize(
    ("at_start", "line", "clones"),
    [
        ({}, exports({"SKIP_CHECKOUT": "true"}), False),
        ({"SKIP_CHECKOUT": "true"}, unsets(["SKIP_CHECKOUT"]), True),
        ({}, unsets(["REPO"]), False),
        ({}, exports({"REPO": ""}), False),
    ],
)
def test_a_hook_says_whether_there_is_a_checkout(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, at_start: Dict[str, str], line: str, clones: bool
) -> None:
    done, calls = bench.run({"pre-checkout": line}, monkeypatch, **at_start)
    assert done.status == 0 and ("git clone" in calls) is clones, done.text


def test_a_checkout_hook_says_that_it_has_checked_out_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = {"checkout": exports({"SKIP_CHECKOUT": "true"})}
    done, calls = bench.run(hooks, monkeypatch, COMMIT_RESOLVED="")
    assert done.status == 0 and calls == "" and "Checking to see if git commit" not in done.text, done.text


def test_what_a_job_was_handed_out_with_is_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = {"environment": exports(KEPT)}
    done, calls = bench.run(hooks, monkeypatch, command='echo "sees $BUILDKITE_COMMIT $BUILDKITE_TAG"')
    assert done.status == 0 and "sees nowhere v1" in done.out.splitlines(), done.text
    assert "origin refs/heads/main" in calls and "nowhere" not in calls


PLUGINS = {
    # A plugin that is there already, another one that is cloned with its submodules or without.
    "sets": (exports({"GIT_SUBMODULES": "false", "PLUGINS_ALWAYS_CLONE_FRESH": "true"}), {}, " clone -v -- ", 2),
    "unsets": (unsets(["GIT_SUBMODULES", "PLUGINS_ALWAYS_CLONE_FRESH"]),
               {"GIT_SUBMODULES": "false", "PLUGINS_ALWAYS_CLONE_FRESH": "true"}, " clone -v --recursive -- ", 1),
}  # fmt: skip


@pytest.mark.parametrize("row", PLUGINS)
def test_plugins_are_got_as_the_agents_environment_hook_says(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str
) -> None:
    line, at_start, call, clones = PLUGINS[row]
    plugin = Repository(tmp_path / "plugin.git", files={"hooks/pre-command": ":"})
    job = {"PLUGINS": f'[{{"file://{plugin.folder}":null}}]', "SKIP_CHECKOUT": "true", "SSH_KEYSCAN": "false"}
    hooks = {"environment": line}
    for _ in range(2):
        done, calls = bench.run(hooks, monkeypatch, **job, **at_start)
        assert done.status == 0, done.text
    assert (calls.count(call), calls.count(" clone ")) == (clones, clones), calls


def test_hooks_of_repositories_are_off_from_where_a_hook_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    done, _ = bench.run({"post-checkout": exports({"NO_LOCAL_HOOKS": "true"})}, monkeypatch, REPO_HOOK="ran")
    assert done.status == 1 and "local hooks are disabled" in done.text, done.text
    done, _ = bench.run({"post-checkout": unsets(["NO_LOCAL_HOOKS"])}, monkeypatch, NO_LOCAL_HOOKS="true")
    assert done.status == 0 and "local hooks are disabled" not in done.text, done.text


class Upload(NamedTuple):
    """What a `pre-artifact` hook says, what the job was handed out with, and what is told of each artifact then.

    None stands for no upload at all; `status` is that of the job, `says` a line of its log.
    """

    line: str
    artifacts: Optional[List[Dict[str, Any]]] = None
    at_start: Mapping[str, str] = {"ARTIFACT_PATHS": "a.txt"}
    status: str = "0"
    says: str = "after"


UPLOADS: Dict[str, Upload] = {
    "paths": Upload(exports({"ARTIFACT_PATHS": "b.*"}), [{"path": "b.txt"}]),
    "paths, gone": Upload(unsets(["ARTIFACT_PATHS"])),
    "paths, emptied": Upload(exports({"ARTIFACT_PATHS": ""})),
    "destination": Upload(
        exports({"ARTIFACT_UPLOAD_DESTINATION": "s3://bucket"}), status="1", says="artifact upload a.txt s3://bucket"
    ),
    "destination, another": Upload(
        exports({"ARTIFACT_UPLOAD_DESTINATION": "gs://mine"}), status="1", says="artifact upload a.txt gs://mine",
        at_start={"ARTIFACT_PATHS": "a.txt", "ARTIFACT_UPLOAD_DESTINATION": "s3://bucket"},
    ),
    "destination, gone": Upload(
        unsets(["ARTIFACT_UPLOAD_DESTINATION"]), [{"path": "a.txt"}],
        {"ARTIFACT_PATHS": "a.txt", "ARTIFACT_UPLOAD_DESTINATION": "s3://bucket"},
    ),
    "content type": Upload(exports({"ARTIFACT_CONTENT_TYPE": "a/b"}), [{"path": "a.txt", "content_type": "a/b"}]),
    "content type, gone": Upload(
        unsets(["ARTIFACT_CONTENT_TYPE"]), [{"path": "a.txt", "content_type": "text/plain"}],
        {"ARTIFACT_PATHS": "a.txt", "ARTIFACT_CONTENT_TYPE": "a/b"},
    ),
    "delimiter": Upload(
        exports({"AGENT_ARTIFACT_DELIMITER": ","}), [{"path": "a.txt"}, {"path": "b.txt"}],
        {"ARTIFACT_PATHS": "a.txt,b.txt"},
    ),
    "literal": Upload(
        exports({"AGENT_ARTIFACT_LITERAL": "true"}), [{"path": "[x].txt"}], {"ARTIFACT_PATHS": "[x].txt"}
    ),
    "literal, gone": Upload(
        unsets(["AGENT_ARTIFACT_LITERAL"]), [{"path": "a.txt"}],
        {"ARTIFACT_PATHS": "[a].txt", "AGENT_ARTIFACT_LITERAL": "true"},
    ),
    "links": Upload(exports({"ARTIFACT_UPLOAD_SKIP_SYMLINKS": "true"}), [], {"ARTIFACT_PATHS": "link*"}),
    "links, followed": Upload(
        exports({"AGENT_ARTIFACT_GLOB_RESOLVE_FOLLOW_SYMLINKS": "true"}), [{"path": "linked/c.txt"}],
        {"ARTIFACT_PATHS": "**/c.txt"},
    ),
    "multipart": Upload(exports({"NO_MULTIPART_ARTIFACT_UPLOAD": "true"}), [{"path": "a.txt"}]),
    "job": Upload("export BUILDKITE_JOB_ID=$OTHER_JOB", status="1", says="artifact upload a.txt"),
}  # fmt: skip
FILES = (
    "mkdir -p ../far; echo c > ../far/c.txt; ln -sfn ../far linked; "
    "for name in a b '[x]'; do echo x > $name.txt; done; ln -sf a.txt link.txt"
)


def test_artifacts_go_where_the_hooks_before_the_upload_say(
    plane: FakeControlPlane, start: Start, tmp_path: Path
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "pre-artifact").write_text('eval "$LINE"\n', encoding="utf-8")
    (hooks / "post-artifact").write_text("echo after\n", encoding="utf-8")
    start("--hooks-path", str(hooks))
    for name, row in UPLOADS.items():
        known = len(plane.requests)
        env = {PREFIX + variable: value for variable, value in row.at_start.items()}
        job = plane.add_job(FILES, {**env, "LINE": row.line, "OTHER_JOB": "elsewhere"})
        assert job.wait_finished(), name
        posts = [
            request for request in plane.requests[known:] if request.method == "POST" and "/artifacts" in request.path
        ]
        assert job.finish["exit_status"] == row.status and row.says in job.text, f"{name}: {job.text}"
        if name == "job":
            assert posts[0].path == "jobs/elsewhere/artifacts"
            continue
        told = [artifact for post in posts for artifact in post.document["artifacts"]]
        told.sort(key=lambda artifact: str(artifact["path"]))
        wanted = row.artifacts or []
        assert len(told) == len(wanted), f"{name}: {told} {job.text}"
        assert [{**had, **row_of} for had, row_of in zip(told, wanted)] == told, name
        if name == "multipart":
            assert not posts[0].document.get("multipart_supported")


def test_by_hand_too(hand: HandRun, tmp_path: Path) -> None:
    hooks, checkout = tmp_path / "hooks", tmp_path / "checkout"
    for folder in (hooks, checkout):
        folder.mkdir()
    (hooks / "pre-artifact").write_text(
        exports({"ARTIFACT_UPLOAD_DESTINATION": "s3://x", "ARTIFACT_PATHS": "b"}) + "\n"
    )
    words = ("--artifact-upload-paths", "a", "--artifact-upload-destination", "gs://y")
    job = {"HOOKS_PATH": str(hooks), "SKIP_CHECKOUT": "true", "BUILD_CHECKOUT_PATH": str(checkout)}
    done = hand.run(*words, repository="none", command="touch a b", **job)
    assert done.status == 1 and "buildkite-agent artifact upload b s3://x" in done.out, done.text
    (hooks / "pre-artifact").write_text(unsets(["ARTIFACT_PATHS"]) + "\n")
    done = hand.run(*words, repository="none", command="touch a b", **job)
    assert done.status == 0 and "artifact upload" not in done.out, done.text
