"""Find the running processes of this machine that were started with a text of ours in their environment.

moment() -> int                  say when it is, in terms that `find` understands
find(mark, since) -> [Marked]    the processes, this one excepted, started after `since` with `mark` in a variable
end(marked, name) -> None        send one of them the signal of that name, if it still is that process

Processes whose environment this user may not read are not found. Empty where the system shows no environments.
"""

import sys

if sys.platform == "linux":
    from bkagent.system._marked_processes_linux import Marked, end, find, moment
elif sys.platform == "win32":
    from bkagent.system._marked_processes_windows import Marked, end, find, moment
else:
    from bkagent.system._marked_processes_none import Marked, end, find, moment

__all__ = ["Marked", "end", "find", "moment"]
