"""The identity of this boot: tells files from before a loss of power from those written since.

boot_id() -> str     a text that every start of the machine changes, "" where the system does not tell
"""

import sys

if sys.platform == "win32":
    from bkagent.system._boot_windows import boot_id
else:
    from bkagent.system._boot_linux import boot_id

__all__ = ["boot_id"]
