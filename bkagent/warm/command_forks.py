"""The agent's side of the process that runs what jobs call: start it when the first command comes.

That command, and what comes until the process is warm, runs by itself; so nothing is paid for where jobs call nothing.
Agents that share their launchers share the process: the holder of the lock keeps it.
"""

from __future__ import annotations

import _socket as socket  # `socket` turns all of its constants into enumerations first
import os
import select
import threading
from typing import Mapping, Optional

from bkagent.config.launching import self_command
from bkagent.system import file_lock, process_start
from bkagent.system.stand_in import stand_in
from bkagent.wire.log_events import EventReport

_LOCK = "lock"
_ENDS_WITHIN_S = 0.5
_MOST_FAILURES = 3  # in a row: it will not come to serve at the next try either


class CommandForks:
    """Keeps the process for the launchers in a folder. Thread-safe. `environ` is what the process inherits."""

    def __init__(self, launchers: str, environ: Mapping[str, str], report: EventReport) -> None:
        self._folder = os.path.join(launchers, self_command.CALLS)
        self._report = report
        # The texts of callers are UTF-8, whatever the agent's are.
        self._environ = {**environ, "LC_ALL": "C.UTF-8"}
        self._lock = threading.Lock()
        self._closed = False
        self._line: Optional[socket.socket] = None  # closing it ends the process
        self._loading: Optional[process_start.Child] = None  # until it serves
        self._ended = threading.Event()  # set while there is no process
        self._ended.set()

    def open(self) -> None:
        """Begin to answer. Does not wait."""
        if stand_in.AVAILABLE:
            threading.Thread(target=self._keep, name="commands", daemon=True).start()

    def close(self) -> None:
        """Let the process end, now that no job is left; commands that run go on."""
        with self._lock:
            self._closed = True
            if self._line is not None:
                self._end_process(self._line)
        self._ended.wait(_ENDS_WITHIN_S)

    def _end_process(self, line: socket.socket) -> None:
        try:
            line.sendall(stand_in.NO_JOBS)
            line.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has ended by itself
        if self._loading is not None:
            self._loading.kill_group()  # nothing depends on it yet

    def _keep(self) -> None:
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            lock = file_lock.open_lock(os.path.join(self._folder, _LOCK))
            try:
                file_lock.lock(lock)
                self._answer(stand_in.Queue(self._folder))
            finally:
                os.close(lock)
        except OSError as problem:
            text = f"commands of jobs run without a warm process: {problem}"
            self._report("debug", text, "commands.unavailable")

    def _answer(self, queue: stand_in.Queue) -> None:
        """Start the process whenever a caller asks and it is not running. Raises OSError."""
        failures = 0
        try:
            while failures < _MOST_FAILURES and not self._closed:
                queue.sweep()
                queue.announce()
                select.select([queue.fd], [], [])
                queue.make_answers()
                queue.refuse()
                failures = 0 if self._run(queue) else failures + 1
        finally:  # whatever was wrong: as long as this process is named, callers wait for its answer
            queue.close()

    def _run(self, queue: stand_in.Queue) -> bool:
        """Have a process serve until it is no longer needed; return whether it ever served."""
        line, process_line = socket.socketpair()  # type: ignore[attr-defined,unused-ignore]
        with self._lock:
            if self._closed:
                return True
            self._line = line
            self._ended.clear()
        try:
            child = self._start(queue, process_line)
            served = self._await_readiness(queue, line)
            with self._lock:
                self._loading = None
            ended = child.wait()
        finally:
            with self._lock:
                self._line = None
                self._ended.set()
                line.close()
        if not served:
            text = f"the warm process for commands of jobs ended before it was ready (exit status {ended.exit_code})"
            self._report("debug", text, "commands.warm_failed")
        return served

    def _start(self, queue: stand_in.Queue, line: socket.socket) -> process_start.Child:
        null_fd = os.open(os.devnull, os.O_RDWR)
        try:
            argv = self_command.command(["command-process", self._folder])
            with self._lock:
                child = process_start.start_in_session(argv, self._environ, os.sep, queue.fd, line.fileno(), null_fd)
                if self._closed:
                    child.kill_group()
                self._loading = child
            return child
        finally:
            os.close(null_fd)
            line.close()

    def _await_readiness(self, queue: stand_in.Queue, line: socket.socket) -> bool:
        """Refuse who asks until the process serves; False when it ends before that."""
        while True:
            readable, _, _ = select.select([queue.fd, line.fileno()], [], [])
            if line.fileno() in readable:
                return bool(line.recv(1))
            queue.refuse()
