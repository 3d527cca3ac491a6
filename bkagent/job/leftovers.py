"""What a job leaves running: named in its log, since nobody else will say why a machine fills up; ended if wanted.

Each process of a job has a variable with a text that no other job has. A process that clears its environment, or
that another program starts for the job (a container, say), is not found.
"""

from __future__ import annotations

import os
import re
import time
from typing import List, Mapping

from bkagent.shell.log_lines import LogLines
from bkagent.system import marked_processes
from bkagent.system.marked_processes import Marked

VARIABLE = "BKAGENT_JOB_MARK"
# A process that is about to end anyway is not worth a word.
_ENDING_S = 0.1
_GRACE_S, _LOOK_EVERY_S = 0.5, 0.02
_MOST_SHOWN, _LONGEST_SHOWN = 50, 200
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class Leftovers:
    """Knows the processes of one job, from its start on. `ends` is whether they are to be ended."""

    def __init__(self, environ: Mapping[str, str], ends: bool) -> None:
        self._mark = os.urandom(8).hex()
        # A job may run an agent, whose jobs are still to be found as its own.
        self.env = {VARIABLE: f"{environ.get(VARIABLE, '')}:{self._mark}"}
        self._ends = ends
        self._since = marked_processes.moment()

    def settle(self, log: LogLines) -> None:
        """Name or end what still runs, after the job's last hook."""
        if not self._find():
            return
        self._wait(_ENDING_S)
        found = self._find()
        if not found:
            return
        log.header("Ending what this job has left running" if self._ends else "Left running by this job")
        for one in found[:_MOST_SHOWN]:
            log.plain(f"pid {one.pid}: {_shown(one.command_line)}")
        if len(found) > _MOST_SHOWN:
            log.plain(f"and {len(found) - _MOST_SHOWN} more")
        if self._ends:
            self._end(found)

    def _find(self) -> List[Marked]:
        return marked_processes.find(self._mark.encode(), self._since)

    def _end(self, found: List[Marked]) -> None:
        for one in found:
            marked_processes.end(one, "SIGTERM")
        if self._wait(_GRACE_S):
            return
        # Looked for again, since they may have started others.
        for one in self._find():
            marked_processes.end(one, "SIGKILL")
        self._wait(_GRACE_S)

    def _wait(self, seconds: float) -> bool:
        """Wait until nothing is left; return whether that came."""
        until = time.monotonic() + seconds
        while self._find():
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK_EVERY_S)
        return True


def _shown(command_line: bytes) -> str:
    text = _UNSEEN.sub(" ", command_line.decode("utf-8", "replace")).strip()
    return text[:_LONGEST_SHOWN] + "..." if len(text) > _LONGEST_SHOWN else text or "(no command line)"
