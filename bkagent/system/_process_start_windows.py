"""Start processes on Windows, in groups that Ctrl-Break reaches; the promise is in `process_start`."""

import os
import signal
import subprocess
import sys
import threading

from bkagent.system._process_end import Ended

assert sys.platform == "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Mapping, Optional, Sequence, Tuple

    Sink = Callable[[bytes], None]

TERMINALS = False
_GATHERED_BYTES = 65536


class Child:
    """A process that was started."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.pid = process.pid
        self._process = process

    def signal_group(self, name: str) -> None:
        """Ask the process and its group to end; SIGKILL ends the process. Raises OSError when that is refused."""
        if self._process.poll() is not None:
            return
        if name == "SIGKILL":
            self._process.kill()
        else:
            self._process.send_signal(signal.CTRL_BREAK_EVENT)

    def kill_group(self) -> None:
        """End the process at once, if it still runs; what it started goes on."""
        if self._process.poll() is None:
            self._process.kill()

    def poll(self) -> "Optional[Ended]":
        """Say how the process ended, None while it runs. Never waits."""
        status = self._process.poll()
        return None if status is None else Ended(status)

    def wait(self) -> Ended:
        """Wait until the process has ended; say how."""
        return Ended(self._process.wait())


def start_in_terminal(
    argv: "Sequence[str]", env: "Mapping[str, str]", cwd: str, raw: bool = False
) -> "Tuple[Child, int]":
    """Raise OSError: Python can give no terminal here."""
    raise OSError("Windows has no terminals to give")


def start_in_group(
    argv: "Sequence[str]", env: "Mapping[str, str]", cwd: str, stdin: int, stdout: int, stderr: int
) -> Child:
    """Start a process in a new group, with these files as its standard ones."""
    process = subprocess.Popen(
        list(argv), env=dict(env), cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr,
        creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,
    )  # fmt: skip
    return Child(process)


start_in_session = start_in_group


def pump(child: Child, streams: "Sequence[Tuple[int, Sink]]", quiet_s: float, limit_s: float) -> Ended:
    """Carry output on a thread a stream until the process has ended, then for at most `limit_s`."""
    carriers = [threading.Thread(target=_carry, args=stream, daemon=True) for stream in streams]
    for carrier in carriers:
        carrier.start()
    ended = child.wait()
    for carrier in carriers:
        carrier.join(limit_s)
    return ended


def _carry(fd: int, sink: "Sink") -> None:
    while True:
        try:
            data = os.read(fd, _GATHERED_BYTES)
        except OSError:
            return
        if not data:
            return
        sink(data)
