"""The order of hooks and phases, and what a failure in each of them does to the rest and to the exit status."""

import os
from typing import Dict, List, Optional

import pytest

from tests.job.conftest import JobSandbox

_NOTE = 'echo "{name}" >>"$SEEN"'
_NAMES = ("environment", "pre-checkout", "post-checkout", "pre-command", "post-command", "pre-exit")


def _note_everywhere(sandbox: JobSandbox) -> None:
    for name in (*_NAMES, "pre-artifact", "post-artifact"):
        sandbox.hook(name, _NOTE.format(name=f"agent {name}"))
        sandbox.local_hook(name, _NOTE.format(name=f"repository {name}"))


def test_hooks_run_around_the_command_the_agents_before_the_repositorys(sandbox: JobSandbox) -> None:
    _note_everywhere(sandbox)
    ended = sandbox.run(_NOTE.format(name="command"))
    assert sandbox.seen() == [
        "agent environment", "agent pre-checkout", "agent post-checkout", "repository post-checkout",
        "agent pre-command", "repository pre-command", "command", "agent post-command", "repository post-command",
        "agent pre-exit", "repository pre-exit",
    ]  # fmt: skip
    assert ended.status == 0
    assert ended.has("~~~ Running agent environment hook")
    assert ended.has("~~~ Running repository pre-exit hook")
    assert ended.has("~~~ Running commands")


def test_each_of_the_agents_folders_has_its_turn(sandbox: JobSandbox) -> None:
    more = sandbox.root / "more"
    more.mkdir()
    (more / "pre-command").write_text(_NOTE.format(name="more"), encoding="ascii")
    sandbox.hook("pre-command", _NOTE.format(name="first"))
    sandbox.run("true", {"BUILDKITE_ADDITIONAL_HOOKS_PATHS": f"{sandbox.root}/none,{more}"})
    assert sandbox.seen() == ["first", "more"]


@pytest.mark.parametrize(
    ("failing", "status", "expected"),
    [
        ("environment", 41, ["agent pre-exit"]),
        ("pre-checkout", 41, ["agent environment", "agent pre-exit"]),
        ("post-checkout", 41, ["agent environment", "agent pre-checkout", "agent pre-exit"]),
        (
            "pre-command", 41,
            ["agent environment", "agent pre-checkout", "agent post-checkout", "agent pre-artifact", "agent pre-exit"],
        ),
        (
            "post-command", 41,
            [
                "agent environment", "agent pre-checkout", "agent post-checkout", "agent pre-command", "command",
                "agent pre-artifact", "agent pre-exit",
            ],
        ),
    ],
)  # fmt: skip
def test_a_failing_hook_skips_what_depends_on_it(
    sandbox: JobSandbox, failing: str, status: int, expected: List[str]
) -> None:
    for name in (*_NAMES, "pre-artifact"):
        sandbox.hook(name, _NOTE.format(name=f"agent {name}"))
    # Stops before anything is uploaded: nothing listens at the endpoint.
    sandbox.hook("pre-artifact", _NOTE.format(name="agent pre-artifact"), "exit 77")
    sandbox.hook(failing, "export SHOULD_NOT_STICK=1", f"exit {status}")
    artifacts = {"BUILDKITE_ARTIFACT_PATHS": "x"} if failing in ("pre-command", "post-command") else {}
    ended = sandbox.run(_NOTE.format(name="command"), artifacts)
    assert sandbox.seen() == expected
    assert ended.status == (77 if artifacts else status)
    assert artifacts or any(f"the agent {failing} hook exited with status {status}" in line for line in ended.lines)


@pytest.mark.parametrize(
    ("command", "hooks", "status"),
    [
        ("exit 3", {}, 3),
        ("exit 255", {}, 255),
        ("kill -KILL $$", {}, 255),
        ("exit 3", {"post-command": "exit 5"}, 5),
        ("exit 3", {"post-command": "exit 5", "pre-exit": "exit 6"}, 6),
        ("true", {"pre-exit": "exit 6"}, 6),
        ("exit 9", {"post-command": "export BUILDKITE_COMMAND_EXIT_STATUS=0"}, 0),
        ("true", {"post-command": "export BUILDKITE_COMMAND_EXIT_STATUS=8"}, 8),
        ("exit 9", {"post-command": "export BUILDKITE_COMMAND_EXIT_STATUS=rubbish"}, 0),
        ("exit 3", {"command": "exit 4"}, 4),
        ("exit 3", {"pre-command": "kill -KILL $$"}, 255),
    ],
)
def test_the_exit_status_of_a_job(sandbox: JobSandbox, command: str, hooks: Dict[str, str], status: int) -> None:
    for name, line in hooks.items():
        sandbox.hook(name, line)
    assert sandbox.run(command).status == status


def test_a_failed_upload_counts_where_the_command_did_not_fail(sandbox: JobSandbox) -> None:
    sandbox.hook("pre-artifact", "exit 7")
    assert sandbox.run("true", {"BUILDKITE_ARTIFACT_PATHS": "x"}).status == 7
    sandbox.hook("post-command", "exit 5")
    ended = sandbox.run("true", {"BUILDKITE_ARTIFACT_PATHS": "x", "BUILDKITE_JOB_ID": "job-2"}, job_id="job-2")
    assert ended.status == 7
    assert sandbox.run("exit 3", {"BUILDKITE_ARTIFACT_PATHS": "x"}, job_id="job-3").status == 5


@pytest.mark.parametrize(("line", "executable"), [("#!/usr/bin/env python3\nraise SystemExit(9)", True)])
def test_a_setup_that_fails_by_anything_but_a_shell_hook_says_process_run_error(
    sandbox: JobSandbox, line: str, executable: bool
) -> None:
    sandbox.hook("environment", line, executable=executable)
    ended = sandbox.run("true")
    assert ended.result is not None
    assert (ended.status, ended.result.signal_reason) == (-1, "process_run_error")
    assert any("Error setting up job executor: " in line for line in ended.lines)


def test_a_command_that_exits_125_cannot_be_told_from_that(sandbox: JobSandbox) -> None:
    ended = sandbox.run("exit 125")
    assert ended.result is not None
    assert (ended.status, ended.result.signal_reason) == (-1, "process_run_error")


def test_phases_can_be_chosen(sandbox: JobSandbox) -> None:
    _note_everywhere(sandbox)
    sandbox.run(_NOTE.format(name="command"), {"BUILDKITE_BOOTSTRAP_PHASES": "command"})
    assert sandbox.seen() == [
        "agent environment", "agent pre-command", "repository pre-command", "command", "agent post-command",
        "repository post-command", "agent pre-exit", "repository pre-exit",
    ]  # fmt: skip


def test_hooks_of_the_repository_can_be_refused(sandbox: JobSandbox) -> None:
    sandbox.local_hook("pre-command", _NOTE.format(name="never"))
    path = sandbox.checkout / ".buildkite" / "hooks" / "pre-command"
    for number, env in enumerate(({"BUILDKITE_LOCAL_HOOKS_ENABLED": "false"}, {"BUILDKITE_NO_LOCAL_HOOKS": "1"})):
        ended = sandbox.run("true", env, job_id=f"job-{number}")
        assert ended.status == 1
        assert ended.has(f"🚨 Error: refusing to run {path}, local hooks are disabled")
    assert sandbox.seen() == []


@pytest.mark.parametrize(("plugins", "status"), [("[]", 0), ("", 0), ('["docker#v1"]', 1), ("{broken", 1)])
def test_a_step_with_plugins_fails_before_its_command(sandbox: JobSandbox, plugins: str, status: int) -> None:
    ended = sandbox.run(_NOTE.format(name="command"), {"BUILDKITE_PLUGINS": plugins})
    assert ended.status == status
    assert sandbox.seen() == ([] if status else ["command"])


def test_a_bad_setting_is_named_and_ends_the_job(sandbox: JobSandbox) -> None:
    ended = sandbox.run("true", {"BUILDKITE_BOOTSTRAP_PHASES": "dance"})
    assert ended.status == 1
    (line,) = ended.lines
    assert "phases" in line
    assert "BUILDKITE_BOOTSTRAP_PHASES" in line
    assert "dance" in line


def test_a_command_without_a_checkout_runs_where_the_job_starts(sandbox: JobSandbox) -> None:
    """Something else checks out, or nothing does: hooks of a repository are looked for where the job is."""
    missing = str(sandbox.root / "missing")
    hooks = sandbox.builds / ".buildkite" / "hooks"
    hooks.mkdir(parents=True)
    (hooks / "pre-command").write_text("echo found here\n", encoding="ascii")
    ended = sandbox.run("pwd", {"BUILDKITE_BOOTSTRAP_PHASES": "command", "BUILDKITE_BUILD_CHECKOUT_PATH": missing})
    assert ended.status == 0, ended.lines
    assert ended.has(str(sandbox.builds))
    assert ended.has("found here")
    assert ended.has(f"$ cd {missing}")


def _write_hooks(sandbox: JobSandbox, *folders: str) -> None:
    for folder in folders:
        path = sandbox.checkout / folder / ".buildkite" / "hooks" / "pre-command"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"echo 'hook of <{folder}>'\n", encoding="ascii")


@pytest.mark.parametrize("compat", ["3", "4"])
@pytest.mark.parametrize(
    "folders, goes_to, with_3, with_4",
    [
        (["", "sub"], ".", "", ""),  # at the root nothing is new
        (["", "sub"], "sub", "sub", "sub"),
        (["", "a/b"], "a/b", "a/b", "a/b"),
        (["", "..x"], "..x", "..x", "..x"),
        ([""], "empty", "", None),
        (["", "../outside"], "../outside", "", None),
        (["", "../outside"], "link", "", None),
    ],
)
def test_hooks_of_the_repository_are_those_of_the_working_folder(
    sandbox: JobSandbox, folders: List[str], goes_to: str, with_3: str, with_4: Optional[str], compat: str
) -> None:
    (sandbox.checkout / "empty").mkdir()
    _write_hooks(sandbox, *folders)
    os.symlink("../outside", sandbox.checkout / "link")
    sandbox.hook("pre-checkout", f'cd "$BUILDKITE_BUILD_CHECKOUT_PATH/{goes_to}"')
    sandbox.hook("post-checkout", f'cd "$BUILDKITE_BUILD_CHECKOUT_PATH/{goes_to}"')
    ended = sandbox.run("true", {"BKAGENT_COMPAT": compat})
    wanted = with_3 if compat == "3" else with_4
    assert ended.status == 0, ended.lines
    assert [line for line in ended.lines if line.startswith("hook of ")] == (
        [] if wanted is None else [f"hook of <{wanted}>"]
    )
