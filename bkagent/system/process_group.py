"""Signal a process that another process of ours may have started. Its id must be known to be still its own.

ask_to_end(pid, name) -> None   send the signal of that name to the group that the process leads; on Windows ask the
                                process alone, which has to be one that has called `signals.catch_endings`
kill(pid) -> None               end the process, its group and what it started, without asking
Both do nothing about a process that is gone.
"""

import sys

if sys.platform == "win32":
    from bkagent.system._process_group_windows import ask_to_end, kill
else:
    from bkagent.system._process_group_posix import ask_to_end, kill

__all__ = ["ask_to_end", "kill"]
