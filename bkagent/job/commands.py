"""The agent's side of the process that runs what jobs call: listen for it, start it when the first command comes.

That command, and what comes until the process is warm, runs by itself; so nothing is paid for where jobs call nothing.
Agents that share their launchers share the process: whoever holds the lock keeps it.
"""

from __future__ import annotations

import os
import threading
from typing import Callable, Mapping, Optional

from bkagent.config import self_command
from bkagent.system import file_lock, local_socket, process_start, stand_in

Report = Callable[[str, str], None]

_LOCK = "commands.lock"
_BACKLOG = 128
_MOST_FAILURES = 3


class Commands:
    """Keeps the process for the launchers in `folder`. Thread-safe. `environ` is what the process inherits."""

    def __init__(self, folder: str, environ: Mapping[str, str], report: Report) -> None:
        self._folder, self._report = folder, report
        # The texts of callers are UTF-8, whatever the agent's are.
        self._environ = {**environ, "LC_ALL": "C.UTF-8"}
        self._lock = threading.Lock()
        self._closed = False
        self._line: Optional[int] = None  # closing it ends the process
        self._path = os.path.join(folder, stand_in.SOCKET)

    def open(self) -> None:
        """Begin to listen. Does not wait."""
        if stand_in.AVAILABLE and len(os.fsencode(self._path)) <= local_socket.longest_path_bytes():
            threading.Thread(target=self._keep, name="commands", daemon=True).start()

    def close(self) -> None:
        """Let the process end; commands that run go on."""
        with self._lock:
            self._closed = True
            self._hang_up()

    def _keep(self) -> None:
        try:
            file_lock.lock(file_lock.open_lock(os.path.join(self._folder, _LOCK)))  # freed when this agent ends
            if os.path.lexists(self._path):
                os.unlink(self._path)
            listener = local_socket.listen(self._path, _BACKLOG)
        except OSError as problem:
            self._report("debug", f"commands of jobs are run without a warm process: {problem}")
            return
        failures = 0
        while failures < _MOST_FAILURES:
            try:
                local_socket.accept(listener).close()
                failures = 0 if self._run(listener.fileno()) else failures + 1
            except OSError as problem:
                self._report("debug", f"no warm process for commands of jobs can be started: {problem}")
                failures += 1
            if self._closed:
                break
        listener.close()

    def _run(self, listener: int) -> bool:
        """Have a process serve until nobody needs it; say whether it ended well."""
        reading, writing = os.pipe()  # nobody writes: that it ends says that the agent has
        with self._lock:
            if self._closed:
                os.close(reading)
                os.close(writing)
                return True
            self._line = writing
        nothing = os.open(os.devnull, os.O_RDWR)
        try:
            argv = self_command.command(["command-process"])
            child = process_start.start_in_session(argv, self._environ, os.sep, listener, reading, nothing)
        finally:
            os.close(nothing)
            os.close(reading)
        ended = child.wait()
        with self._lock:
            self._hang_up()
        return ended.exit_code == 0

    def _hang_up(self) -> None:
        if self._line is not None:
            os.close(self._line)
            self._line = None
