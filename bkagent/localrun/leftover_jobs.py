"""Jobs that a killed local run has left: they end, and their logs and results go to the new control plane.

The store is the same, so ids and tokens still count; only the port of the old control plane is gone.
"""

from __future__ import annotations

from bkagent.errors import AgentError
from bkagent.spool import directory
from bkagent.spool.custody import handing_over, provenance
from bkagent.system import process_group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.report import Report


def hand_over(spool_path: str, endpoint: str, report: "Report") -> int:
    """End the jobs of the spool that still run, and point all of them at `endpoint`; return how many there were.

    The agents that start next take them over. The caller holds the lock of the data folder, so it is the only user.
    """
    count = 0
    for entry in directory.entries(spool_path):
        if provenance.shape_fault(entry) or not entry.try_own():
            continue
        try:
            handing_over.take_in_older(entry)
            if provenance.fault(entry):
                continue  # the agents that start next move it away, and name it
            pid = entry.process.pid()
            if pid is not None and entry.process.alive():
                process_group.kill(pid)
            handing_over.redirect(entry, endpoint)
            count += 1
        except (AgentError, OSError) as problem:
            report("warn", f"job {entry.job_id} of an earlier local run: {problem}")
        finally:
            entry.release()
    return count
