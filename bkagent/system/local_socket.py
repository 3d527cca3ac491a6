"""Local sockets, for services that only the same user may reach: Unix sockets in private folders, or named pipes.

available() -> bool                 whether this system and this Python have either
LIES_IN_FOLDER                      whether a socket lies in a folder, as Unix sockets do; pipes have no folders
IS_SELECTABLE                       whether `selectors` can wait for listeners and connections
longest_path_bytes() -> int         the longest path of a socket, or of a link to one, that the system takes, in bytes
new_address(folder, name) -> str    where a socket that is called `name` in this folder is to listen
listen(path, backlog_count)         a listening socket at an address that nothing has yet; raises OSError
accept(listener)                    the next connection; raises OSError
connect(path, timeout_s)            a connected socket, by its address or by that of a link to it; raises OSError, also
                                    where another user listens there
end_accept(listener, path)          end an `accept` that waits on another thread: it raises OSError, or returns a
                                    connection whose other end has closed
is_own_user(connection) -> bool     whether the other end is this user, or root; true where the system does not say
exists(path) -> bool                whether a socket that was made by `listen` is still in its place
remove(path) -> None                remove the socket of a server that has ended; raises OSError
link(path, target) -> None          make a file that leads to the socket `target`, whatever was there, without a moment
                                    in which there is none; raises OSError
link_target(path) -> str            the address that a link leads to, "" where there is none

`private_folder` makes the folders, and the other end is looked at before anything is sent. A connection has those
methods of a socket that are in `Connection`; what it reads ends when the other end closes. The Unix sockets are those
of the C module: `socket` itself brings in `enum` and `selectors`, and nothing here needs them.
"""

import sys

if sys.platform == "win32":
    from bkagent.system._local_socket_windows import (
        IS_SELECTABLE,
        LIES_IN_FOLDER,
        accept,
        available,
        connect,
        end_accept,
        exists,
        is_own_user,
        link,
        link_target,
        listen,
        longest_path_bytes,
        new_address,
        remove,
    )
else:
    from bkagent.system._local_socket_posix import (
        IS_SELECTABLE,
        LIES_IN_FOLDER,
        accept,
        available,
        connect,
        end_accept,
        exists,
        is_own_user,
        link,
        link_target,
        listen,
        longest_path_bytes,
        new_address,
        remove,
    )

__all__ = [
    "IS_SELECTABLE", "LIES_IN_FOLDER", "accept", "available", "connect", "end_accept", "exists", "is_own_user", "link",
    "link_target", "listen", "longest_path_bytes", "new_address", "remove",
]  # fmt: skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    if sys.platform == "win32":
        from bkagent.system._local_socket_windows import PipeListener as Listener
    else:
        from _socket import socket as Listener

    __all__ += ["Connection", "Listener"]

    class Connection(Protocol):
        """What is used of a connected socket."""

        def fileno(self) -> int:
            """Return its descriptor, -1 where it has none."""
            ...

        def settimeout(self, timeout_s: "float | None", /) -> None:
            """Limit each call from now on."""
            ...

        def recv(self, most_bytes: int, flags: int = ..., /) -> bytes:
            """Return what has come, b"" at the end."""
            ...

        def sendall(self, data: bytes, /) -> None:
            """Write all of it."""
            ...

        def shutdown(self, how: int, /) -> None:
            """End one direction, or both."""
            ...

        def close(self) -> None:
            """Close it."""
            ...
