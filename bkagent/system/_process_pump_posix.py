"""Carry what a process prints until it has ended; the promise is in `process_start`.

One thread, one `poll` over the output and the end of the process: nothing wakes up without a reason.
"""

import os
import select
import sys
import time

from bkagent.system import freed_memory
from bkagent.system._process_end import Ended

assert sys.platform != "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Sequence, Tuple

    from bkagent.system._process_start_posix import Child

    Sink = Callable[[bytes], None]

# A terminal gives at most 4 KiB a read; several are gathered before the sink is called.
_GATHERED_BYTES = 65536
_KEPT_BYTES = 16 * _GATHERED_BYTES  # what a sink needs for a block: in pieces, whole, redacted, stamped


def pump(child: "Child", streams: "Sequence[Tuple[int, Sink]]", quiet_s: float, limit_s: float) -> Ended:
    """Carry output until the process has ended, then what is left of it."""
    freed_memory.keep(_KEPT_BYTES)
    poller = select.poll()
    sinks: "Dict[int, Sink]" = {}
    for fd, sink in streams:
        os.set_blocking(fd, False)
        sinks[fd] = sink
        poller.register(fd, select.POLLIN)
    exit_fd = child.exit_fd()
    try:
        poller.register(exit_fd, select.POLLIN)
        running = True
        while running:
            for fd, _ in poller.poll():
                if fd == exit_fd:
                    running = False
                elif not _carry(fd, sinks[fd]):
                    poller.unregister(fd)
                    del sinks[fd]
        poller.unregister(exit_fd)
    finally:
        os.close(exit_fd)
    ended = child.wait()
    _carry_rest(poller, sinks, quiet_s, limit_s)
    return ended


def _carry_rest(poller: "select.poll", sinks: "Dict[int, Sink]", quiet_s: float, limit_s: float) -> None:
    """Carry what is left. Others may hold the other end for as long as they like, so not until its end."""
    deadline = time.monotonic() + limit_s
    while sinks and time.monotonic() < deadline:
        ready = poller.poll(quiet_s * 1000)
        if not ready:
            return
        for fd, _ in ready:
            if not _carry(fd, sinks[fd]):
                poller.unregister(fd)
                del sinks[fd]


def _carry(fd: int, sink: "Sink") -> bool:
    """Carry what there is now; return whether more may come."""
    parts = []
    size, is_open = 0, True
    while size < _GATHERED_BYTES:
        try:
            data = os.read(fd, _GATHERED_BYTES)
        except BlockingIOError:
            break
        except OSError:  # EIO is how a terminal says that its other end is closed
            data = b""
        if not data:
            is_open = False
            break
        parts.append(data)
        size += len(data)
    if parts:
        sink(parts[0] if len(parts) == 1 else b"".join(parts))
    return is_open
