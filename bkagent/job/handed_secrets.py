"""Secrets that a job's log must never show and no variable of the job holds: tokens of its agent, say.

They come to the job process by a pipe in place of its standard input, which is read to its end and closed before
anything of the job runs. So no file, argument, variable or open descriptor of the job's processes has them.
"""

from __future__ import annotations

import os
import stat
import threading
from typing import Iterable, Tuple

from bkagent.redaction.variables import SHORTEST_BYTES

_AT_ONCE_BYTES = 4096  # every pipe takes so much without a reader
_MOST_BYTES = 1024 * 1024
_END = b"\0"  # no token has it: it could be in no header


def open_pipe(secrets: Iterable[str]) -> int:
    """Return a descriptor from which `take` reads the secrets. Raises OSError."""
    known = [secret.encode("utf-8", "surrogateescape") for secret in dict.fromkeys(secrets)]
    packed = b"".join(secret + _END for secret in known if len(secret) >= SHORTEST_BYTES)
    reading, writing = os.pipe()
    if len(packed) <= _AT_ONCE_BYTES:
        _write(writing, packed)
    else:
        threading.Thread(target=_write, args=(writing, packed), name="secrets", daemon=True).start()
    return reading


def _write(writing: int, packed: bytes) -> None:
    try:
        while packed:
            packed = packed[os.write(writing, packed) :]
    except OSError:
        pass  # the process has ended before it began
    finally:
        os.close(writing)


def take() -> Tuple[str, ...]:
    """Return the secrets that came by standard input, which has nothing to give any more."""
    try:
        if not stat.S_ISFIFO(os.fstat(0).st_mode):
            return ()
    except OSError:
        return ()  # the agent has not passed a pipe
    packed = b""
    while len(packed) < _MOST_BYTES:
        piece = os.read(0, 65536)
        if not piece:
            break
        packed += piece
    null_fd = os.open(os.devnull, os.O_RDWR)
    os.dup2(null_fd, 0)
    os.close(null_fd)
    return tuple(secret.decode("utf-8", "surrogateescape") for secret in packed.split(_END)[:-1])
