"""Unix sockets in private folders, for services that only the same user may reach.

available() -> bool                 whether this system and this Python have Unix sockets
longest_path_bytes() -> int         the longest socket path the system takes, in bytes
listen(path, backlog_count)         a listening socket at a path that does not exist yet; raises OSError
accept(listener)                    the next connection; raises OSError
connect(path, timeout_s)            a connected socket; raises OSError, also where another user listens there
is_own_user(connection) -> bool     whether the other end is this user, or root; true where the system does not say

`private_folder` makes the folders, and the other end is looked at before anything is sent.
The sockets are those of the C module: `socket` itself brings in `enum` and `selectors`, and nothing here needs them.
"""

import sys

if sys.platform == "win32":
    from bkagent.system._local_socket_windows import (
        accept,
        available,
        connect,
        is_own_user,
        listen,
        longest_path_bytes,
    )
else:
    from bkagent.system._local_socket_posix import (
        accept,
        available,
        connect,
        is_own_user,
        listen,
        longest_path_bytes,
    )

__all__ = ["accept", "available", "connect", "is_own_user", "listen", "longest_path_bytes"]
