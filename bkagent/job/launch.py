"""Start the process of one job: the one place that knows how.

Where a warm process is ready the job is a fork of it, else a program of its own. Only the time it takes
differs.
"""

from __future__ import annotations

import os
from typing import Iterable, Mapping, Optional, Union

from bkagent.config.launching import self_command
from bkagent.job import env_overflow
from bkagent.job.handed_secrets import Handover
from bkagent.spool import layout
from bkagent.system import process_group, process_start
from bkagent.system.fork_server import fork_server
from bkagent.system.plain_file import open_plain
from bkagent.warm.job_forks import JobForks

Child = Union[process_start.Child, fork_server.Forked]


class WaitingChild:
    """The process of a job that has not begun: it has not even taken the job's entry. One of the methods ends that."""

    def __init__(self, child: Child, handover: Handover) -> None:
        self.pid = child.pid
        self._child, self._handover = child, handover

    def begin(self) -> Child:
        """Let the job begin; return its process."""
        self._handover.begin()
        return self._child

    def abandon(self) -> None:
        """End the process, and return when it has ended."""
        process_group.kill(self.pid)
        self._handover.abandon()
        self._child.wait()


def prepare(
    entry_folder: str, env: Mapping[str, str], cwd: str, warm: Optional[JobForks] = None, secrets: Iterable[str] = ()
) -> WaitingChild:
    """Start the process for the job of a spool entry in a session of its own, with `env` as the job's environment.

    `secrets` are kept out of its log, and out of all else that leaves it, though it is not told them.

    The result of the job comes from the spool, never from the process; `wait` of the child only keeps the system's
    process table tidy. Raises OSError when the process cannot be started, ValueError for an environment or folder
    that no process can be given.
    """
    null_fd = os.open(os.devnull, os.O_RDWR)
    try:
        handover = Handover(secrets)
        child: Optional[Child] = None
        try:
            child = _start(entry_folder, env, cwd, warm, handover.reading, null_fd)
        finally:
            os.close(handover.reading)
            if child is None:
                handover.abandon()
        return WaitingChild(child, handover)
    finally:
        os.close(null_fd)


def start(
    entry_folder: str, env: Mapping[str, str], cwd: str, warm: Optional[JobForks] = None, secrets: Iterable[str] = ()
) -> Child:
    """Start the process of a job that begins at once; all else as `prepare`."""
    return prepare(entry_folder, env, cwd, warm, secrets).begin()


def _start(
    entry_folder: str, env: Mapping[str, str], cwd: str, warm: Optional[JobForks], secrets_fd: int, null_fd: int
) -> Child:
    errors = open_plain(os.path.join(entry_folder, layout.STDERR), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        forked = warm.start(entry_folder, env, cwd, secrets_fd, null_fd, errors) if warm is not None else None
        if forked is not None:
            return forked
        argv = self_command.command(["job-process", entry_folder])
        whole_env = env_overflow.write(entry_folder, env)
        return process_start.start_in_session(argv, whole_env, cwd, secrets_fd, null_fd, errors)
    finally:
        os.close(errors)
