"""What `bootstrap` by hand tells its caller by its exit status, or by the signal that ends it."""

import os
import pathlib
import signal
import subprocess
import time
from typing import Dict, List

import pytest

from bkagent.config.launching import self_command
from bkagent.git.location import mirror_folder
from bkagent.system import file_lock
from tests.job.conftest import OWN, JobSandbox

STARTS = OWN
LIMIT_S = 60.0
PATIENT = 'trap "echo asked; exit 1" TERM INT QUIT HUP; echo ready >>"$SEEN"; while :; do sleep 0.05; done'


def _begin(sandbox: JobSandbox, **env: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        self_command.command(["bootstrap"]), env={**sandbox.env, **env}, cwd=str(sandbox.builds),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def _status(sandbox: JobSandbox, **env: str) -> int:
    process = _begin(sandbox, **env)
    process.communicate(timeout=LIMIT_S)
    return process.returncode


@pytest.mark.parametrize(
    ("command", "hooks", "status"),
    [
        ("true", {}, 0),
        ("exit 3", {}, 3),
        ("exit 3", {"post-command": "exit 5"}, 5),
        ("true", {"pre-exit": "exit 6"}, 6),
    ],
)
def test_a_job_ends_with_its_own_status(sandbox: JobSandbox, command: str, hooks: Dict[str, str], status: int) -> None:
    for name, line in hooks.items():
        sandbox.hook(name, line)
    assert _status(sandbox, BUILDKITE_COMMAND=command) == status


def test_a_setup_that_fails_is_125(sandbox: JobSandbox) -> None:
    sandbox.hook("environment", "#!/usr/bin/env python3", "raise SystemExit(9)", executable=True)
    assert _status(sandbox, BUILDKITE_COMMAND="true") == 125


def test_a_mirror_that_is_locked_too_long_is_94(sandbox: JobSandbox, tmp_path: pathlib.Path) -> None:
    repository, mirrors = tmp_path / "repository", tmp_path / "mirrors"
    for words in (["init", "-q", str(repository)], ["-C", str(repository), "commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", *words], check=True)
    mirror = mirrors / mirror_folder(str(repository))
    mirror.mkdir(parents=True)
    held = file_lock.open_lock(f"{mirror}.clonelockf")
    assert file_lock.try_lock(held)
    del sandbox.env["BUILDKITE_SKIP_CHECKOUT"], sandbox.env["BUILDKITE_BUILD_CHECKOUT_PATH"]
    env = {"BUILDKITE_REPO": str(repository), "BUILDKITE_GIT_MIRRORS_PATH": str(mirrors)}
    try:
        assert _status(sandbox, BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT="0", BUILDKITE_COMMAND="true", **env) == 94
    finally:
        os.close(held)


@pytest.mark.parametrize(
    ("name", "status"), [("SIGQUIT", 131), ("SIGTERM", -signal.SIGTERM), ("SIGINT", -signal.SIGINT)]
)
def test_a_cancelled_job_dies_by_the_signal_but_a_quit_is_131(sandbox: JobSandbox, name: str, status: int) -> None:
    process = _begin(sandbox, BUILDKITE_COMMAND=PATIENT)
    _await(sandbox, ["ready"])
    os.kill(process.pid, getattr(signal, name))
    process.communicate(timeout=LIMIT_S)
    assert process.returncode == status


def _await(sandbox: JobSandbox, lines: List[str]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while sandbox.seen() != lines:
        assert time.monotonic() < deadline
        time.sleep(0.02)
