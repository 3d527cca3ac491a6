"""Sends bytes of a file without reading them: the system passes its own memory of the file on.

send_unread(connection, file, offset, size, patience_s) -> Optional[int]
    how many of `size` bytes from `offset` on were sent, at least one; None where this system, or this file, has no
    such way. Only for a connection without TLS. Raises socket.timeout when nothing could be sent for `patience_s`
    seconds, and the connection's OSError.
buffered_limit_bytes() -> int
    how many bytes the buffers of both sides of a connection hold at most, where both are on this system

What was sent so may still be the system's memory of the file until the other side has received it, so that a change of
the file by then changes it.
"""

import sys

if sys.platform == "win32":
    from bkagent.system._file_sending_windows import buffered_limit_bytes, send_unread
else:
    from bkagent.system._file_sending_posix import buffered_limit_bytes, send_unread

__all__ = ["buffered_limit_bytes", "send_unread"]
