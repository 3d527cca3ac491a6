"""What the command of a job is, and what the log says about it."""

import os

import pytest

from tests.job.conftest import MOSTLY_WARM, JobSandbox

STARTS = MOSTLY_WARM


def test_lines_run_in_one_shell_that_stops_at_the_first_failure(sandbox: JobSandbox) -> None:
    ended = sandbox.run("X=1\necho $X\nfalse\necho never")
    assert ended.status == 1
    at = ended.lines.index("~~~ Running commands")
    assert ended.lines[at + 1 : at + 7] == ["$ X=1", "echo $X", "false", "echo never", "1", "^^^ +++"]
    assert ended.has("🚨 Error: The command exited with status 1")
    assert ended.has("user command error: exit status 1")


def test_a_command_that_is_a_file_runs_as_a_script_and_is_made_executable(sandbox: JobSandbox) -> None:
    (sandbox.checkout / "scripts").mkdir()
    script = sandbox.checkout / "scripts" / "test.sh"
    script.write_text("#!/bin/sh\necho script ran\n", encoding="ascii")
    ended = sandbox.run("scripts/test.sh")
    assert ended.status == 0
    assert ended.has("~~~ Running script")
    assert ended.has("$ ./scripts/test.sh")
    assert ended.has("script ran")
    assert script.stat().st_mode & 0o777 == 0o744


@pytest.mark.parametrize("command", ["", " \n "])
def test_a_job_without_a_command_fails_and_still_cleans_up(sandbox: JobSandbox, command: str) -> None:
    sandbox.hook("post-command", 'echo "status $BUILDKITE_COMMAND_EXIT_STATUS"')
    ended = sandbox.run(command)
    assert ended.status == 1
    assert any("has no `command` to execute" in line for line in ended.lines)
    assert ended.has("status 1")
    assert not any(line.startswith("user command error") for line in ended.lines)


def test_without_command_evaluation_only_scripts_of_the_repository_run(sandbox: JobSandbox) -> None:
    off = {"BUILDKITE_COMMAND_EVAL": "false"}
    ended = sandbox.run("echo hello", off, job_id="line")
    assert ended.status == 1
    assert ended.has('# No such file: "echo hello"')
    assert any("not allowed to evaluate console commands" in line for line in ended.lines)
    (sandbox.root / "outside.sh").write_text("echo outside\n", encoding="ascii")
    ended = sandbox.run("../outside.sh", off, job_id="outside")
    assert ended.status == 1
    assert any("only allowed to run scripts within your repository" in line for line in ended.lines)
    inside = sandbox.checkout / "inside.sh"
    inside.write_text("#!/bin/sh\necho inside\n", encoding="ascii")
    inside.chmod(0o755)
    ended = sandbox.run("inside.sh", off, job_id="inside")
    assert ended.status == 0
    assert ended.has("inside")


@pytest.mark.skipif(os.sep == "\\", reason="a stand-in for cmd.exe that is a shell script")
@pytest.mark.parametrize(
    "command", ["scripts/t.bat", "whoami & rem /../scripts/t.bat", "whoami\n/../scripts/t.bat", "x/../scripts/t.bat"]
)
def test_without_command_evaluation_a_batch_file_calls_the_script_alone(sandbox: JobSandbox, command: str) -> None:
    (sandbox.checkout / "scripts").mkdir()
    (sandbox.checkout / "scripts" / "t.bat").write_text("echo ran\n", encoding="ascii")
    shell = sandbox.root / "cmd.exe"
    shell.write_text('#!/bin/sh\necho begin; cat "$1"; echo; echo end\n', encoding="ascii")
    shell.chmod(0o755)
    ended = sandbox.run(command, {"BUILDKITE_COMMAND_EVAL": "false", "BUILDKITE_SHELL": str(shell)})
    assert ended.status == 0
    at = ended.lines.index("begin")
    lines = ["@echo off", 'call "./scripts/t.bat"', "if %errorlevel% neq 0 exit /b %errorlevel%", "end"]
    assert ended.lines[at + 1 : at + 5] == lines


def test_a_shell_that_is_not_there_is_named(sandbox: JobSandbox) -> None:
    ended = sandbox.run("true", {"BUILDKITE_SHELL": "/none -c"})
    assert ended.status == 1
    assert any("/none: no such file or directory" in line for line in ended.lines)


def test_lines_of_a_terminal_end_in_crlf_and_others_do_not(sandbox: JobSandbox) -> None:
    ended = sandbox.run("printf 'one\\ntwo\\n'", job_id="with")
    assert b"\r\none\r\ntwo\r\n" in ended.unstamped
    assert ended.unstamped.count(b"\n") == ended.unstamped.count(b"\r\n")
    ended = sandbox.run("printf 'one\\ntwo\\n'; test -t 1 || echo none", job_id="without", pty=False)
    assert b"\none\ntwo\nnone\n" in ended.unstamped
    assert b"\r" not in ended.raw


def test_every_line_is_stamped(sandbox: JobSandbox) -> None:
    ended = sandbox.run("printf 'one\\ntwo\\n'")
    assert all(line.startswith(b"\x1b_bk;t=") for line in ended.raw.splitlines())


def test_a_daemon_that_keeps_the_terminal_does_not_keep_the_job(sandbox: JobSandbox) -> None:
    # In its own session before the command's ends: the end of a terminal's session ends what is still in it.
    daemon = '(setsid sh -c \'echo $$ >>"$SEEN"; exec sleep 300\' &); while [ ! -s "$SEEN" ]; do :; done'
    ended = sandbox.run(f"{daemon}; echo done")
    os.kill(int(sandbox.seen()[0]), 9)
    assert ended.status == 0
    assert ended.has("done")


def test_a_megabyte_without_a_line_end_is_in_the_log(sandbox: JobSandbox) -> None:
    ended = sandbox.run("head -c 1048576 /dev/zero | tr '\\0' x")
    assert b"x" * 1048576 in ended.unstamped.replace(b"\r", b"")


def test_bytes_that_are_no_text_arrive_as_they_are(sandbox: JobSandbox) -> None:
    assert b"\xff\xfe\x80\r\n" in sandbox.run("printf '\\377\\376\\200\\n'").unstamped
