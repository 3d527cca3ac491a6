"""The job process and its spool entry; a script in place of the phases; a job by hand."""

import os
import pathlib
import subprocess
import sys
from typing import Tuple

import pytest

from bkagent.config.launching import self_command
from bkagent.job import launch
from bkagent.spool import directory, layout
from bkagent.spool.manifest import JobManifest
from tests.fakes.conditions import until
from tests.job.conftest import JobSandbox
from tests.system.test_process_group import is_running

JOB = JobManifest("job-1", "http://127.0.0.1:9/v3", "t")


def test_a_result_is_whole_before_the_process_ends(sandbox: JobSandbox) -> None:
    ended = sandbox.run("exit 4")
    assert ended.result is not None
    assert (ended.status, ended.result.signal, ended.result.signal_reason) == (4, "", "")
    assert ended.result.finished_at.endswith("Z")
    assert ended.process.exit_code == 4
    assert ended.stderr == ""


def test_an_entry_runs_once(sandbox: JobSandbox) -> None:
    running = sandbox.start('echo ran >>"$SEEN"')
    running.end()
    again = launch.start(running.entry.folder, sandbox.env, str(sandbox.builds))
    assert again.wait().exit_code == 1
    assert sandbox.seen() == ["ran"]
    with open(os.path.join(running.entry.folder, layout.STDERR), encoding="utf-8") as file:
        assert "has run already" in file.read()


def test_a_process_that_is_not_let_begin_leaves_the_entry_as_it_was(sandbox: JobSandbox) -> None:
    entry = directory.create(str(sandbox.root / "spool"), JOB)
    env = {**sandbox.env, "BUILDKITE_COMMAND": 'echo ran >>"$SEEN"'}
    waiting = launch.prepare(entry.folder, env, str(sandbox.builds), sandbox.warm, ["a secret"])
    waiting.abandon()
    assert not entry.process.started() and not entry.process.alive() and entry.log_size() == 0
    ended = launch.prepare(entry.folder, env, str(sandbox.builds), sandbox.warm, ["a secret"]).begin().wait()
    assert ended.exit_code == 0 and sandbox.seen() == ["ran"]


def test_what_is_prepared_before_a_job_may_begin_shows_nowhere(sandbox: JobSandbox) -> None:
    entry = directory.create(str(sandbox.root / "spool"), JOB)
    before = sorted(os.listdir(entry.folder))
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from bkagent.job.process import JobProcess; "
        "JobProcess(sys.argv[2], os.environ).prepare()"
    )
    words = [sys.executable, "-c", program, self_command.code_root(), entry.folder]
    subprocess.run(words, env={**sandbox.env, "BUILDKITE_COMMAND": "true"}, check=True)
    assert sorted(os.listdir(entry.folder)) == before and entry.log_size() == 0
    assert not entry.process.started() and not (sandbox.root / "s").exists()


def test_a_job_runs_that_could_not_be_prepared_for_want_of_a_thread(sandbox: JobSandbox) -> None:
    entry = directory.create(str(sandbox.root / "spool"), JOB)
    refused = (
        "import threading\n"
        "start = threading.Thread.start\n"
        "def refuse(thread):\n"
        "    threading.Thread.start = start\n"
        "    raise RuntimeError('no further thread')\n"
        "threading.Thread.start = refuse\n"
    )
    assert prepare_and_run(sandbox, entry.folder, refused, "exit 3") == (3, b"")


def test_a_job_says_once_what_it_had_said_when_it_could_not_be_prepared(sandbox: JobSandbox) -> None:
    entry = directory.create(str(sandbox.root / "spool"), JOB)
    fails_once = (
        "from bkagent.job import build_job\n"
        "assemble = build_job.assemble\n"
        "def fail(*given, **named):\n"
        "    build_job.assemble = assemble\n"
        "    given[2].line('said before it failed')\n"
        "    raise OSError('once')\n"
        "build_job.assemble = fail\n"
    )
    assert prepare_and_run(sandbox, entry.folder, fails_once, "echo ran") == (0, b"")
    log = pathlib.Path(entry.folder, layout.LOG).read_bytes()
    assert b"ran" in log and b"said before it failed" not in log


def prepare_and_run(sandbox: JobSandbox, folder: str, before: str, command: str) -> "Tuple[int, bytes]":
    """Run a job in a process that prepares it first, after some code; return its status and what it printed."""
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from bkagent.job.process import JobProcess\n"
        f"{before}"
        "process = JobProcess(sys.argv[2], os.environ)\n"
        "process.prepare()\n"
        "os._exit(process.run().exit_status)"
    )
    words = [sys.executable, "-c", program, self_command.code_root(), folder]
    env = {**sandbox.env, "BUILDKITE_COMMAND": command}
    ended = subprocess.run(words, cwd=str(sandbox.builds), env=env, stderr=subprocess.PIPE, check=False)
    return ended.returncode, ended.stderr


def test_what_was_said_before_a_job_began_comes_first_and_once(sandbox: JobSandbox) -> None:
    ended = sandbox.start("exit 3", {"BUILDKITE_AGENT_DEBUG": "true"}, ["redaction for values"]).end()
    assert ended.status == 3
    assert ended.lines[0].startswith("# Enabling output [REDACTED] of variables matching")
    assert sum("Enabling output" in line for line in ended.lines) == 1


def test_a_process_whose_agent_ends_does_not_begin(sandbox: JobSandbox) -> None:
    entry = directory.create(str(sandbox.root / "spool"), JOB)
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from bkagent.job import launch; "
        "waiting = launch.prepare(sys.argv[2], {'BUILDKITE_COMMAND': 'true'}, sys.argv[3]); "
        "print(waiting.pid, flush=True); input(); os._exit(0)"
    )
    words = [sys.executable, "-c", program, self_command.code_root(), entry.folder, str(sandbox.builds)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout is not None
        pid = int(agent.stdout.readline())
        agent.kill()
    until(lambda: not is_running(pid))
    assert not entry.process.started() and entry.result() is None


def test_a_job_process_that_was_killed_leaves_no_result(sandbox: JobSandbox) -> None:
    running = sandbox.start('printf "RE%s\\n" ADY; sleep 1000')
    running.await_text(b"READY")
    os.kill(running.child.pid, 9)
    ended = running.end()
    assert ended.result is None
    assert ended.process.signal == "SIGKILL"


def test_a_script_runs_in_place_of_the_phases(sandbox: JobSandbox) -> None:
    script = sandbox.root / "boot strap.sh"
    script.write_text('#!/bin/sh\ntest -t 1 && echo "boot $1 $BUILDKITE_COMMAND"\npwd\nexit 6\n', encoding="ascii")
    script.chmod(0o755)
    ended = sandbox.run("the command", bootstrap_script=f"'{script}' word")
    assert ended.status == 6
    assert ended.lines == ["boot word the command", str(sandbox.builds)]


def test_a_script_that_is_not_there_or_dies_is_told_as_such(sandbox: JobSandbox) -> None:
    ended = sandbox.run(bootstrap_script="/none", job_id="none")
    assert ended.result is not None
    assert (ended.status, ended.result.signal_reason) == (-1, "process_run_error")
    assert any("/none: no such file or directory" in line for line in ended.lines)
    ended = sandbox.run(bootstrap_script="/bin/sh -c 'kill -USR1 $$'", job_id="dies")
    assert ended.result is not None
    assert (ended.status, ended.result.signal) == (-1, "SIGUSR1")


def _by_hand(sandbox: JobSandbox, *words: str, **env: str) -> "subprocess.CompletedProcess[bytes]":
    argv = self_command.command(["bootstrap", *words])
    whole = {**sandbox.env, **env}
    folder = str(sandbox.builds)
    return subprocess.run(argv, env=whole, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def test_a_job_by_hand_prints_redacted_and_unstamped_text(sandbox: JobSandbox) -> None:
    sandbox.hook("pre-exit", "echo bye")
    done = _by_hand(sandbox, BUILDKITE_COMMAND="echo $MY_SECRET; exit 3", MY_SECRET="open sesame")
    assert done.returncode == 3
    assert b"[REDACTED]" in done.stdout
    assert b"open sesame" not in done.stdout
    assert b"\x1b_bk;t=" not in done.stdout
    assert b"bye" in done.stdout
    assert done.stderr == b""


def test_flags_of_a_job_by_hand_are_variables_of_the_job(sandbox: JobSandbox) -> None:
    done = _by_hand(sandbox, "--command", "echo on $BUILDKITE_BRANCH", "--branch=topic", "--no-job-api")
    assert done.returncode == 0
    assert b"on topic" in done.stdout


def test_a_job_by_hand_needs_to_know_what_it_is(sandbox: JobSandbox) -> None:
    done = _by_hand(sandbox, BUILDKITE_COMMIT="")
    assert done.returncode == 1
    assert b"Missing commit" in done.stderr


def test_a_repository_is_checked_out(sandbox: JobSandbox, tmp_path: pathlib.Path) -> None:
    repository = tmp_path / "repository"
    hooks = repository / ".buildkite" / "hooks"
    hooks.mkdir(parents=True)
    (hooks / "pre-command").write_text("export FROM_REPOSITORY=yes\n", encoding="ascii")
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run(["git", *words], cwd=repository, check=True)
    env = {"BUILDKITE_REPO": str(repository), "BUILDKITE_COMMIT_RESOLVED": "true"}
    del sandbox.env["BUILDKITE_SKIP_CHECKOUT"], sandbox.env["BUILDKITE_BUILD_CHECKOUT_PATH"]
    ended = sandbox.run("git --no-pager log -1 --format=%s; echo $FROM_REPOSITORY", env)
    assert ended.status == 0, ended.lines
    assert ended.has("one")
    assert ended.has("yes"), ended.lines
    assert ended.has(f"$ cd {sandbox.builds}/an-agent-1/acme/widgets")


def test_a_job_by_hand_has_our_commands_on_its_path_only_where_it_is_told_a_folder(sandbox: JobSandbox) -> None:
    path = sandbox.env["PATH"]
    without = _by_hand(sandbox, BUILDKITE_COMMAND='echo "PATH is $PATH"', BUILDKITE_BIN_PATH="")
    assert f"PATH is {path}\r\n".encode() in without.stdout
    told = _by_hand(sandbox, BUILDKITE_COMMAND='echo "PATH is $PATH"', BUILDKITE_BIN_PATH="/somewhere")
    assert f"PATH is {path}:/somewhere\r\n".encode() in told.stdout


def test_a_job_without_a_token_waits_for_no_answer(sandbox: JobSandbox, tmp_path: pathlib.Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    for words in (["init", "-q", "-b", "main"], ["commit", "-q", "--allow-empty", "-m", "one"]):
        subprocess.run(["git", *words], cwd=repository, check=True)
    del sandbox.env["BUILDKITE_SKIP_CHECKOUT"], sandbox.env["BUILDKITE_BUILD_CHECKOUT_PATH"]
    sandbox.env.pop("BUILDKITE_AGENT_ACCESS_TOKEN", None)
    done = _by_hand(sandbox, BUILDKITE_REPO=str(repository), BUILDKITE_COMMAND="true", BUILDKITE_COMMIT="HEAD")
    assert done.returncode == 0
    assert b"the job has no BUILDKITE_AGENT_ACCESS_TOKEN" in done.stdout


@pytest.mark.parametrize("count", [1, 200])  # less than a pipe takes at once, and more
def test_what_only_the_agent_knows_is_in_no_log_and_behind_no_descriptor(sandbox: JobSandbox, count: int) -> None:
    secrets = [f"secret-{number}-" + "x" * 64 for number in range(count)]
    (sandbox.root / "secrets").write_text("\n".join(secrets) + "\n")
    running = sandbox.start(f'cat "{sandbox.root}/secrets"; readlink /proc/$PPID/fd/0', secrets=[*secrets, "short", ""])
    ended = running.end()
    assert ended.lines.count("[REDACTED]") == count and "secret-" not in ended.raw.decode()
    assert not os.path.isdir("/proc/self/fd") or ended.has("/dev/null"), ended.lines[-4:]
