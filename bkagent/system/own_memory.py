"""This process's arguments and first environment, as other processes of this user see them.

forget(secret) -> bool   overwrite the text there; False where the system offers no way to
show_arguments(words)    let others see these arguments; no effect where the system offers no way to
"""

import sys

if sys.platform == "linux":
    from bkagent.system._own_memory_linux import forget, show_arguments
else:
    from bkagent.system._own_memory_none import forget, show_arguments

__all__ = ["forget", "show_arguments"]
