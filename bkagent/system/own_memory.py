"""This process's arguments and first environment, as other processes of this user see them.

forget(secret) -> bool   overwrite the text there; False where the system offers no way to
"""

import sys

if sys.platform == "linux":
    from bkagent.system._own_memory_linux import forget
else:
    from bkagent.system._own_memory_none import forget

__all__ = ["forget"]
