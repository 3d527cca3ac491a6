"""Find the process that may hold one of git's lock files: such a lock is a plain file, which outlives a killed git.

holder(lock, folder) -> str | None    name a living process that has `lock` open, or a git that works in `folder`; ""
                                      where no process has it, None where the system does not tell

A git at work may have closed its lock, so any git counts that works in the folder or was told of it. What runs on
another machine, or in a container that this one does not see, is not found.
"""

import sys

if sys.platform == "linux":
    from bkagent.system._lock_holders_linux import holder
else:
    from bkagent.system._lock_holders_none import holder

__all__ = ["holder"]
