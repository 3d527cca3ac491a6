"""Processes that a job leaves running: named in its log, as the reason why a machine fills up; ended on request.

Three ties lead to a process of a job. Each has a variable with a text that no other job has; where the system allows
it, the job process stays the ancestor of all that it starts, whatever they clear and however often they fork; and where
what is left is to be ended, a group of the kernel's holds them all, if one can be had. What another program starts for
the job (a container's, say) has no such tie.
"""

from __future__ import annotations

import os
import re
import time
from typing import List, Mapping, Optional

from bkagent.shell.log_lines import LogLines
from bkagent.spool.background_sync import CallLater
from bkagent.system import descendants, job_group, marked_processes
from bkagent.system.marked_processes import Marked

VARIABLE = "BKAGENT_JOB_MARK"
# A process that is about to end anyway is not worth a word.
_ENDING_S = 0.1
_GRACE_S, _LOOK_EVERY_S = 0.5, 0.02
_COLLECT_EVERY_S = 1.0
_MOST_SHOWN, _LONGEST_SHOWN = 50, 200
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class Leftovers:
    """Knows the processes of one job, once it has begun to `track` them. `kills` is whether they are to be killed.

    `call_later` is what has those collected that end before the job does.
    """

    def __init__(self, environ: Mapping[str, str], kills: bool, call_later: CallLater) -> None:
        self._mark = os.urandom(8).hex()
        self._is_inner = VARIABLE in environ
        # A job may run an agent, whose jobs are still to be found as its own.
        self.env = {VARIABLE: f"{environ.get(VARIABLE, '')}:{self._mark}"}
        self._kills, self._call_later = kills, call_later
        self._since = 0
        self._group: Optional[job_group.Group] = None
        self._is_over = False

    def track(self) -> None:
        """Track what this process starts from now on."""
        self._since = marked_processes.moment()
        if self._kills:
            self._group = job_group.enter(self._mark)
        if descendants.adopt():
            self._call_later(_COLLECT_EVERY_S, self._collect)

    def _collect(self) -> None:
        if not self._is_over:
            descendants.collect()
            self._call_later(_COLLECT_EVERY_S, self._collect)

    def report_or_kill(self, log: LogLines, is_cancelled: bool = False) -> None:
        """Name or kill what still runs, after the job's last hook. A job inside of another leaves that to it.

        Where the system ends a job with its process it is left to do so if the job was cancelled, as with the
        reference.
        """
        self._is_over = True
        self._kills = self._kills or (is_cancelled and descendants.END_WITH_US)
        if self._kills or not self._is_inner:
            descendants.collect()
            if self._find():
                self._wait(_ENDING_S)
                self._report_and_end(self._find(), log)
            if self._group is not None:
                self._group.kill()
        if not self._kills:
            descendants.release()

    def _report_and_end(self, processes: List[Marked], log: LogLines) -> None:
        if not processes:
            return
        log.header("Ending what this job has left running" if self._kills else "Left running by this job")
        for process in processes[:_MOST_SHOWN]:
            log.plain(f"pid {process.pid}: {_printable(process.command_line)}")
        if len(processes) > _MOST_SHOWN:
            log.plain(f"and {len(processes) - _MOST_SHOWN} more")
        if self._kills:
            self._end(processes)

    def _find(self) -> List[Marked]:
        processes = {process.pid: process for process in marked_processes.find(self._mark.encode(), self._since)}
        processes.update((process.pid, process) for process in descendants.find())
        return [processes[pid] for pid in sorted(processes)]

    def _end(self, processes: List[Marked]) -> None:
        for process in processes:
            marked_processes.end(process, "SIGTERM")
        if self._wait(_GRACE_S):
            return
        if self._group is not None:
            self._group.kill()
            self._group = None
        # Looked for again, since they may have started others.
        deadline = time.monotonic() + _GRACE_S
        while time.monotonic() < deadline:
            remaining = self._find()
            for process in remaining:
                marked_processes.end(process, "SIGKILL")
            if not remaining or self._wait(_LOOK_EVERY_S):
                return

    def _wait(self, seconds: float) -> bool:
        """Wait until nothing is left; return whether that came."""
        deadline = time.monotonic() + seconds
        while self._find():
            descendants.collect()
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOOK_EVERY_S)
        return True


def _printable(command_line: bytes) -> str:
    text = _UNSEEN.sub(" ", command_line.decode("utf-8", "replace")).strip()
    return text[:_LONGEST_SHOWN] + "..." if len(text) > _LONGEST_SHOWN else text or "(no command line)"
