"""The processes that come from this one, however far, also those that cut every tie but that.

adopt() -> bool         from now on a descendant whose parent ends becomes a child of this process; whether that works
find() -> [Marked]      the descendants that run, as `marked_processes` gives them; [] where `adopt` does not work
collect() -> None       take note of the ends of children that this process has not started itself
"""

import sys

if sys.platform == "linux":
    from bkagent.system._descendants_linux import adopt, collect, find
else:
    from bkagent.system._descendants_none import adopt, collect, find

__all__ = ["adopt", "collect", "find"]
