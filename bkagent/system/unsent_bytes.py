"""How much of what was written to a connection has not arrived yet.

unacknowledged_bytes(connection) -> Optional[int]   bytes that the other side's system has not acknowledged, None where
                                                    this system does not say
"""

import sys

if sys.platform == "win32":
    from bkagent.system._unsent_bytes_windows import unacknowledged_bytes
else:
    from bkagent.system._unsent_bytes_posix import unacknowledged_bytes

__all__ = ["unacknowledged_bytes"]
