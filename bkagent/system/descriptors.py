"""How many files and connections this process may have open at a time.

descriptors_count() -> int   a limit of the system, as it stands now
"""

import sys

if sys.platform == "win32":
    from bkagent.system._descriptors_windows import descriptors_count
else:
    from bkagent.system._descriptors_posix import descriptors_count

__all__ = ["descriptors_count"]
