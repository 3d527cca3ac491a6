"""The environment of a job: what its process adds, what hooks change, what they may not."""

import os

import pytest

from bkagent.config.launching import self_command
from tests.job.conftest import JobSandbox


def test_hooks_change_variables_for_what_comes_after_them(sandbox: JobSandbox) -> None:
    sandbox.hook("environment", "export TO_CHANGE=old TO_DROP=gone")
    sandbox.hook("pre-command", "export TO_CHANGE='new value' ADDED=1", "unset TO_DROP FROM_JOB")
    command = 'echo "[$TO_CHANGE] [${TO_DROP-unset}] [$ADDED] [${FROM_JOB-unset}]"'
    ended = sandbox.run(command, {"FROM_JOB": "the server's"})
    assert ended.has("[new value] [unset] [1] [unset]")
    comments = [line for line in ended.lines if line.startswith("# ")]
    assert comments[:2] == ["# TO_CHANGE added", "# TO_DROP added"]
    assert comments[-4:] == ["# ADDED added", "# FROM_JOB removed", "# TO_CHANGE changed", "# TO_DROP removed"]


def test_variables_that_steer_checkout_and_artifacts_are_shown_with_their_values(sandbox: JobSandbox) -> None:
    sandbox.hook("environment", "export BUILDKITE_GIT_CLEAN_FLAGS=-fdq BUILDKITE_GIT_CLONE_FLAGS='-v --no-tags'")
    ended = sandbox.run("true", {"BUILDKITE_GIT_CLEAN_FLAGS": "-ffxdq"})
    assert ended.has('# BUILDKITE_GIT_CLEAN_FLAGS was "-ffxdq" and is now "-fdq"')
    assert ended.has('# BUILDKITE_GIT_CLONE_FLAGS is now "-v --no-tags"')


def test_protected_variables_stay(sandbox: JobSandbox) -> None:
    sandbox.hook("pre-command", "export BUILDKITE_SHELL=mine BUILDKITE_AGENT_PID=1 MINE=2")
    ended = sandbox.run('echo "$BUILDKITE_SHELL $MINE"')
    assert ended.has(
        "# Changes to some env vars were blocked; the affected vars are: [BUILDKITE_AGENT_PID BUILDKITE_SHELL]"
    )
    assert ended.has("/bin/sh -e -c 2")


def test_a_strict_checkout_is_the_agents_business_alone(sandbox: JobSandbox) -> None:
    sandbox.hook("pre-command", "export BUILDKITE_GIT_CLEAN_FLAGS=-f BUILDKITE_CHECKOUT_OVERRIDE_MODE=none")
    ended = sandbox.run("true", {"BUILDKITE_CHECKOUT_OVERRIDE_MODE": "strict"})
    assert any("blocked" in line and "BUILDKITE_GIT_CLEAN_FLAGS" in line for line in ended.lines)


def test_the_working_directory_of_a_hook_stays(sandbox: JobSandbox) -> None:
    (sandbox.checkout / "sub").mkdir()
    sandbox.hook("pre-command", "cd sub")
    sandbox.hook("post-command", "pwd")
    ended = sandbox.run("pwd")
    assert ended.lines.count(f"{sandbox.checkout}/sub") == 2
    assert ended.has(f"$ cd {sandbox.checkout}/sub")


def test_what_a_job_sees_of_itself(sandbox: JobSandbox) -> None:
    ended = sandbox.run('echo "$GIT_TERMINAL_PROMPT $PWD"; test -S "$BUILDKITE_AGENT_JOB_API_SOCKET" && echo socket')
    assert ended.has(f"0 {sandbox.checkout}")
    assert ended.has("socket")
    assert not any(name.endswith(".sock") for _, _, names in os.walk(sandbox.root / "s") for name in names)


def test_the_checkout_folder_is_named_after_agent_organization_and_pipeline(sandbox: JobSandbox) -> None:
    del sandbox.env["BUILDKITE_BUILD_CHECKOUT_PATH"]
    ended = sandbox.run("pwd")
    assert ended.has(f"{sandbox.builds}/an-agent-1/acme/widgets")


def test_a_relative_checkout_folder_is_relative_to_where_the_job_starts(sandbox: JobSandbox) -> None:
    sandbox.hook("environment", "cd /")
    ended = sandbox.run("pwd", {"BUILDKITE_BUILD_CHECKOUT_PATH": "../elsewhere"})
    assert ended.has(f"{sandbox.root}/elsewhere")


def test_without_a_build_path_the_job_cannot_be_set_up(sandbox: JobSandbox) -> None:
    del sandbox.env["BUILDKITE_BUILD_CHECKOUT_PATH"]
    ended = sandbox.run("true", {"BUILDKITE_BUILD_PATH": ""})
    assert ended.status == -1
    assert any("must set either a BUILDKITE_BUILD_PATH or" in line for line in ended.lines)


def test_the_commands_of_jobs_come_last_on_the_path(sandbox: JobSandbox) -> None:
    ended = sandbox.run("echo $PATH; buildkite-agent --version; bkagent env get BUILDKITE_JOB_ID")
    assert ended.has(sandbox.env["PATH"] + os.pathsep + sandbox.env["BUILDKITE_BIN_PATH"])
    assert any(line.startswith("buildkite-agent version 3.138.3+bkagent-") for line in ended.lines)
    assert ended.has("job-1")


def test_the_commands_of_jobs_come_first_where_another_agent_would_be_found(sandbox: JobSandbox) -> None:
    other = sandbox.root / "other"
    other.mkdir()
    (other / "buildkite-agent").write_text("#!/bin/sh\necho another\n", encoding="ascii")
    (other / "buildkite-agent").chmod(0o755)
    ended = sandbox.run("buildkite-agent --version", {"PATH": f"{other}:{sandbox.env['PATH']}"})
    assert not ended.has("another")
    assert any("bkagent-" in line for line in ended.lines)


def test_no_variable_of_a_job_steers_the_python_that_runs_it(sandbox: JobSandbox) -> None:
    evil = sandbox.root / "evil"
    evil.mkdir()
    for name in ("sitecustomize", "usercustomize", "json", "threading"):
        (evil / f"{name}.py").write_text("raise SystemExit('taken over')\n", encoding="ascii")
    hostile = {"PYTHONPATH": str(evil), "PYTHONHOME": str(evil), "PYTHONSTARTUP": str(evil / "json.py")}
    ended = sandbox.run("buildkite-agent --version; echo ran", hostile)
    assert ended.status == 0
    assert ended.has("ran")
    assert ended.stderr == ""


def test_in_job_commands_change_the_live_environment(sandbox: JobSandbox) -> None:
    sandbox.hook("post-command", 'echo "later $FROM_COMMAND"')
    ended = sandbox.run("buildkite-agent env set FROM_COMMAND=yes BUILDKITE_REFSPEC=x")
    assert ended.has("later yes")
    assert ended.has('# BUILDKITE_REFSPEC is now "x"')


def test_the_launchers_are_what_the_environment_names(sandbox: JobSandbox) -> None:
    assert sorted(os.listdir(sandbox.env["BUILDKITE_BIN_PATH"])) == sorted(self_command.NAMES)


@pytest.mark.parametrize("variable", ["BUILDKITE_ORGANIZATION_SLUG", "BUILDKITE_PIPELINE_SLUG"])
@pytest.mark.parametrize("slug", ["..", ".", "../..", "a/../../..", "/etc", "a/b", "..\\..", "c:"])
def test_a_slug_that_leads_out_of_the_build_path_is_refused(sandbox: JobSandbox, variable: str, slug: str) -> None:
    del sandbox.env["BUILDKITE_BUILD_CHECKOUT_PATH"]
    ended = sandbox.run(
        "true", {variable: slug, "BUILDKITE_CLEAN_CHECKOUT": "true", "BUILDKITE_SKIP_CHECKOUT": "false"}
    )
    assert ended.result.exit_status != "0"
    assert any(variable in line and "cannot be the name of a folder" in line for line in ended.lines), ended.lines
    assert sandbox.builds.exists() and sandbox.hooks.exists()


def test_a_debug_log_shows_the_variables_without_what_is_secret(sandbox: JobSandbox) -> None:
    url = "https://user:hidden@mirror.test/x"
    env = {"BUILDKITE_AGENT_DEBUG": "true", "BUILDKITE_GIT_REMOTE_MIRROR_URL": url, "BUILDKITE_MESSAGE": "one\ntwo"}
    ended = sandbox.run("true", env)
    at = ended.lines.index("~~~ Buildkite environment variables")
    shown = ended.lines[at : ended.lines.index("~~~ Running commands")]
    assert "BUILDKITE_AGENT_ACCESS_TOKEN=" + "*" * 18 in shown
    assert "BUILDKITE_GIT_REMOTE_MIRROR_URL=https://user:xxxxx@mirror.test/x" in shown
    assert r"BUILDKITE_MESSAGE=one\ntwo" in shown


def test_a_value_that_changes_no_setting_is_told_by_name_alone(sandbox: JobSandbox) -> None:
    """Other words for the same, a default that is said, and nonsense, which is ignored and told so."""
    sandbox.hook(
        "environment",
        "export BUILDKITE_GIT_LFS_ENABLED=false BUILDKITE_GIT_SUBMODULES=1 BUILDKITE_CLEAN_CHECKOUT=perhaps",
        "export BUILDKITE_GIT_CHECKOUT_TIMEOUT=20",
    )
    ended = sandbox.run("true", {"BUILDKITE_GIT_SUBMODULES": "true"})
    comments = [line for line in ended.lines if line.startswith("# BUILDKITE_")]
    assert comments == [
        "# BUILDKITE_CLEAN_CHECKOUT is 'perhaps', which is not true or false: ignored",
        "# BUILDKITE_CLEAN_CHECKOUT added",
        '# BUILDKITE_GIT_CHECKOUT_TIMEOUT is now "20"',
        "# BUILDKITE_GIT_LFS_ENABLED added",
        "# BUILDKITE_GIT_SUBMODULES changed",
    ]
