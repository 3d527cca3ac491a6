"""How many files and connections this process may have open at a time.

descriptors_count() -> int       a limit of the system, as it stands now
selectable_count() -> int        of how many connections a selector can wait
raise_limit(count) -> None       let it be so many, or as many as the system lets this process have
"""

import sys

if sys.platform == "win32":
    from bkagent.system._descriptors_windows import descriptors_count, raise_limit, selectable_count
else:
    from bkagent.system._descriptors_posix import descriptors_count, raise_limit, selectable_count

__all__ = ["descriptors_count", "raise_limit", "selectable_count"]
