"""Descendants by a job object that this process is in itself; see `descendants`.

This process has the only handle to it, so if it is killed the system ends them all.
"""

import os
import sys

from bkagent.system import _marked_processes_windows as processes

assert sys.platform == "win32"

from bkagent.system._job_object_windows import JobObject  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional

    from bkagent.system._marked_processes_windows import Marked

END_WITH_US = True
# Serves the windows of console programs, and ends with the program that it serves.
_CONSOLE_HOST = b"conhost.exe"
_group: "Optional[JobObject]" = None


def adopt() -> bool:
    """See `descendants`. False on Windows 7 in a process that is in a job object already."""
    global _group
    try:
        group = JobObject()
        group.end_with_last_handle(True)
        group.assign_self()
    except OSError:
        return False
    _group = group
    return True


def find() -> "List[Marked]":
    """See `descendants`."""
    pids = [pid for pid in _group.pids() if pid != os.getpid()] if _group is not None else []
    looked_at = [processes.look_at(pid) for pid in sorted(pids)]
    return [process for process in looked_at if process is not None and process.program_name != _CONSOLE_HOST]


def collect() -> None:
    """Do nothing: the system keeps nothing of a process that has ended and that nobody waits for."""


def release() -> None:
    """See `descendants`."""
    if _group is not None:
        try:
            _group.end_with_last_handle(False)
        except OSError:
            pass  # they end with this process
