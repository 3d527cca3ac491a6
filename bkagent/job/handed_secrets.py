"""Secrets that a job's log must never show and no variable of the job holds: tokens of its agent, say.

They come to the job process by a pipe in place of its standard input, which is read to its end and closed before
anything of the job runs. So no file, argument, variable or open descriptor of the job's processes has them.

The process does nothing of the job before it has them that shows, so that it can be started while the control plane is
being asked whether the job may start.
"""

from __future__ import annotations

import os
import stat
import threading
from typing import Iterable, Optional, Tuple

from bkagent.redaction.variables import SHORTEST_BYTES

_AT_ONCE_BYTES = 4096  # every pipe takes so much without a reader
_MOST_BYTES = 1024 * 1024
_END = b"\0"  # no token has it: it could be in no header. Alone, it says that all have come and the job may begin


class Handover:
    """The agent's end of the pipe; `reading` is the other end, for the process. Raises OSError."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = [secret.encode("utf-8", "surrogateescape") for secret in dict.fromkeys(secrets)]
        self._packed = b"".join(secret + _END for secret in known if len(secret) >= SHORTEST_BYTES) + _END
        self.reading, self._writing = os.pipe()

    def begin(self) -> None:
        """Hand the secrets over: the job begins."""
        if len(self._packed) <= _AT_ONCE_BYTES:
            self._write()
        else:
            threading.Thread(target=self._write, name="secrets", daemon=True).start()

    def abandon(self) -> None:
        """Hand nothing over, so that the process ends without having begun."""
        os.close(self._writing)

    def _write(self) -> None:
        packed = self._packed
        try:
            while packed:
                packed = packed[os.write(self._writing, packed) :]
        except OSError:
            pass  # the process has ended before it began
        finally:
            os.close(self._writing)


def take() -> Optional[Tuple[str, ...]]:
    """Wait for the secrets that come by standard input, which has nothing to give any more then; return them.

    None where the agent has hung up instead: the job does not begin.
    """
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
    if packed != _END and not packed.endswith(_END + _END):
        return None
    return tuple(secret.decode("utf-8", "surrogateescape") for secret in packed[:-1].split(_END)[:-1])
