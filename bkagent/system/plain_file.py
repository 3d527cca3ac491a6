"""Files in folders that a job can write to: nothing else that stands under their name is opened.

open_plain(path, flags) -> int       open a regular file (a new one is 0600), never through a link; raises OSError
read_plain(path, most_bytes) -> bytes    its content; raises OSError, also where there is more of it
is_plain(path) -> bool               whether a regular file stands there, not a link to one
is_own_folder(path) -> bool          whether a folder of this user stands there, not a link to one

A FIFO or a device would hold up its reader for ever, and a link would lead out of the folder.
"""

import errno
import os
import stat

_READ_BYTES = 64 * 1024
_FLAGS = 0
for _name in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
    _FLAGS |= getattr(os, _name, 0)


def open_plain(path: str, flags: int) -> int:
    """See above."""
    if not hasattr(os, "O_NOFOLLOW") and os.path.islink(path):
        raise OSError(errno.ELOOP, "it is a link", path)
    try:
        fd = os.open(path, flags | _FLAGS, 0o600)
    except OSError as problem:
        if problem.errno in (errno.ELOOP, errno.ENXIO, getattr(errno, "EMLINK", errno.ELOOP)):
            raise OSError(problem.errno, "it is a link, or not a regular file", path) from None
        raise
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, "it is not a regular file", path)


def read_plain(path: str, most_bytes: int) -> bytes:
    """See above."""
    with open(open_plain(path, os.O_RDONLY), "rb", buffering=0) as file:
        pieces: "list[bytes]" = []
        remaining_bytes = most_bytes + 1
        while remaining_bytes:
            data = file.read(min(remaining_bytes, _READ_BYTES))
            if not data:
                return b"".join(pieces)
            pieces.append(data)
            remaining_bytes -= len(data)
    raise OSError(errno.EFBIG, f"it has more than {most_bytes} bytes", path)


def is_plain(path: str) -> bool:
    """See above."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def is_own_folder(path: str) -> bool:
    """See above."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and (not hasattr(os, "geteuid") or status.st_uid == os.geteuid())
