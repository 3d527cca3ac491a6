"""The processes that come from this one, however far, also those that cut every tie but that.

adopt() -> bool         from now on a descendant whose parent ends becomes a child of this process; whether that works
find() -> [Marked]      the descendants that run, as `marked_processes` gives them; [] where `adopt` does not work
collect() -> None       take note of the ends of children that this process has not started itself
END_WITH_US             whether the system ends them when this process ends, however that comes, once `adopt` works
release() -> None       let them run on when this process ends, where that is so
"""

import sys

if sys.platform == "linux":
    from bkagent.system._descendants_linux import END_WITH_US, adopt, collect, find, release
elif sys.platform == "win32":
    from bkagent.system._descendants_windows import END_WITH_US, adopt, collect, find, release
else:
    from bkagent.system._descendants_none import END_WITH_US, adopt, collect, find, release

__all__ = ["END_WITH_US", "adopt", "collect", "find", "release"]
