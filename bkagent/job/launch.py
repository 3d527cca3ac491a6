"""Start the process of one job: the one place that knows how.

Where a warm process is ready the job is a fork of it, else a program of its own. Only the time it takes
differs.
"""

from __future__ import annotations

import os
from typing import Iterable, Mapping, Optional, Union

from bkagent.config.launching import self_command
from bkagent.job import env_overflow, handed_secrets
from bkagent.spool import layout
from bkagent.system import process_start
from bkagent.system.fork_server import fork_server
from bkagent.system.plain_file import open_plain
from bkagent.warm.job_forks import JobForks

Child = Union[process_start.Child, fork_server.Forked]


def start(
    entry_folder: str, env: Mapping[str, str], cwd: str, warm: Optional[JobForks] = None, secrets: Iterable[str] = ()
) -> Child:
    """Start the job of a spool entry in a session of its own, with `env` as the job's whole environment.

    `secrets` are kept out of its log, and out of all else that leaves it, though it is not told them.

    The result of the job comes from the spool, never from the process; `wait` of the child only keeps the system's
    process table tidy. Raises OSError when the process cannot be started, ValueError for an environment or folder
    that no process can be given.
    """
    null_fd = os.open(os.devnull, os.O_RDWR)
    secrets_pipe = -1
    try:
        secrets_pipe = handed_secrets.open_pipe(secrets)
        errors = open_plain(os.path.join(entry_folder, layout.STDERR), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            forked = warm.start(entry_folder, env, cwd, secrets_pipe, null_fd, errors) if warm is not None else None
            if forked is not None:
                return forked
            argv = self_command.command(["job-process", entry_folder])
            return process_start.start_in_session(
                argv, env_overflow.write(entry_folder, env), cwd, secrets_pipe, null_fd, errors
            )
        finally:
            os.close(errors)
    finally:
        if secrets_pipe >= 0:
            os.close(secrets_pipe)
        os.close(null_fd)
