"""A group of the kernel's that holds a job and all it starts, so that they can be killed in one step.

enter(name) -> Optional[Group]   make a group, with this process in it; None where that cannot be had
Group.kill() -> None             leave it, kill whatever is in it, and remove it

Linux alone has such groups: cgroups of version 2, where this user may make one below its own.
"""

import sys

if sys.platform == "linux":
    from bkagent.system._job_group_linux import PREFIX, Group, enter
else:
    from bkagent.system._job_group_none import PREFIX, Group, enter

__all__ = ["PREFIX", "Group", "enter"]
