"""Start the process of one job: the one place that knows how.

Another way (a fork of a process that is warm already, say) would replace this function and nothing else.
"""

from __future__ import annotations

import os
from typing import Mapping

from bkagent.config import self_command
from bkagent.system import process_start
from bkagent.system.process_start import Child

STDERR_NAME = "stderr"  # in the job's spool entry: what its process says when it cannot even write its log


def start(entry_folder: str, env: Mapping[str, str], cwd: str) -> Child:
    """Start the job of a spool entry in a session of its own, with `env` as the job's whole environment.

    The result of the job comes from the spool, never from the process; `poll` and `wait` of the child only keep the
    system's process table tidy. Raises OSError when the process cannot be started, ValueError for an environment or
    folder that no process can be given.
    """
    argv = self_command.command(["job-process", entry_folder])
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        errors = os.open(os.path.join(entry_folder, STDERR_NAME), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return process_start.start_in_session(argv, env, cwd, nothing, nothing, errors)
        finally:
            os.close(errors)
    finally:
        os.close(nothing)
