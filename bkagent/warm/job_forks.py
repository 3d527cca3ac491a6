"""The agent's side of the warm process: keep one, and have job processes forked from it."""

from __future__ import annotations

import threading
import time

from bkagent.config.launching import self_command
from bkagent.system.fork_server import fork_server
from bkagent.system.fork_server.fork_server import Forked, ForkServer, NotWarm, OwnForkServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Mapping, Optional

    from bkagent.wire.log_events import EventReport

# glibc gives each thread a heap of its own otherwise, which a process of short threads pays for and never uses.
_LEAN = {"MALLOC_ARENA_MAX": "1"}
# Of a process whose arguments are those of this one.
_SHOWN_ARGUMENTS = ("bkagent", "job-process")
_PAUSE_S = 0.5
# Longer than it takes to become warm anywhere. What is starting already is ready before anything that starts now.
_AWAITED_S = 1.0
_MOST_FAILURES = 3  # of a process that never came to serve: it will not at the next try either


class JobForks:
    """Keeps a warm process beside this one. Thread-safe. `environ` is what all jobs inherit."""

    def __init__(self, environ: Mapping[str, str], report: EventReport) -> None:
        self._env = {**environ, **_LEAN}
        self._report = report
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._server: Optional[ForkServer] = None
        self._begun = threading.Event()  # whether the first one has been started, or never will be
        self._ready_by = 0.0  # until then the present one is waited for
        self._thread = threading.Thread(target=self._keep, name="warm-process", daemon=True)

    def open(self, run: Optional[Callable[[], int]] = None) -> None:
        """Begin to keep one. Does not wait for it.

        With `run` the first one is a fork of this process where that is possible: `run` is what it does, and returns
        its exit status. What has been loaded before the fork is in memory once.
        """
        if not fork_server.AVAILABLE:
            return
        if run is not None and fork_server.can_fork_caller():
            self._begin(lambda: OwnForkServer(run, _SHOWN_ARGUMENTS))
        self._thread.start()

    def is_ready(self) -> bool:
        """Say whether a job that starts now is forked."""
        server = self._server
        return server is not None and server.is_ready()

    def start(
        self, entry_folder: str, env: Mapping[str, str], cwd: str, stdin: int, stdout: int, stderr: int
    ) -> Optional[Forked]:
        """Fork the process of a spool entry; None where there is no warm process for it. Raises as starting does."""
        server = self._await_server() if self._thread.is_alive() else None
        if server is None:
            return None
        try:
            return server.start([entry_folder], env, cwd, stdin, stdout, stderr)
        except NotWarm as problem:
            self._report("debug", f"the warm process does not start jobs: {problem}", "warm.failed")
            server.close()  # whatever it waits for: it ends, and another one takes its place
            return None

    def _await_server(self) -> Optional[ForkServer]:
        """Return a server that is ready, if need be after waiting for one that is on its way; None without one."""
        if not self._begun.wait(_AWAITED_S):
            return None
        server = self._server
        left_s = max(0.0, self._ready_by - time.monotonic())
        return server if server is not None and server.is_ready(left_s) else None

    def close(self) -> None:
        """Keep no process any more. Jobs that run go on."""
        with self._lock:
            self._closed.set()
            if self._server is not None:
                self._server.close()
        if self._thread.is_alive():
            self._thread.join(_PAUSE_S)

    def _keep(self) -> None:
        """Start warm processes, one after the other, for as long as they do their work."""
        failures = 0
        while failures < _MOST_FAILURES and (self._server is not None or self._begin(self._execute)):
            server = self._server
            assert server is not None
            ended = server.wait()
            failures = 0 if server.has_served else failures + 1
            server.close()
            self._server = None
            if self._closed.wait(_PAUSE_S):
                return
            text = f"the warm process has ended ({ended.signal or ended.exit_code})"
            self._report("debug", text, "warm.ended")

    def _execute(self) -> ForkServer:
        return ForkServer(self_command.command(["job-process"]), self._env)

    def _begin(self, start: Callable[[], ForkServer]) -> bool:
        """Start a warm process; return whether there is one now."""
        try:
            with self._lock:
                if self._closed.is_set():
                    return False
                self._server = start()
            self._ready_by = time.monotonic() + _AWAITED_S
            return True
        except (OSError, ValueError) as problem:
            self._report("debug", f"no warm process can be started: {problem}", "warm.unavailable")
            return False
        finally:
            self._begun.set()
