"""A pipeline on this machine: an embedded control plane and agents in one process, meeting over loopback HTTP."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import Iterator, Optional, Tuple

from bkagent.controlplane import server_url
from bkagent.controlplane.plane.plane import Plane
from bkagent.controlplane.web.server import Server
from bkagent.localrun import data_folder, plan, snapshot
from bkagent.localrun.build_run import BuildRun, Out
from bkagent.localrun.options import RunRequest
from bkagent.wire.log_events import EventReport

# A ping waits for work this long, so that a job is handed out the moment it can run.
_HOLD_PING_S = 10.0


class LocalRun:
    """One run. `out(line)` prints for the user; `report(level, text)` is the log of agents and control plane."""

    def __init__(self, request: RunRequest, out: Out, report: EventReport) -> None:
        self._request, self._out, self._report = request, out, report
        self._interrupts_count = 0
        self._lock = threading.Lock()
        self._build: Optional[BuildRun] = None

    def run(self) -> int:
        """Run it; return the exit status. Raises AgentError for what is wrong before any job runs."""
        source = plan.find(self._request)
        # Read twice: what is wrong with the pipeline is said before anything is made.
        plan.read(source, self._request, plan.variables(source, "0" * 40, 0), lambda: None)
        data = data_folder.make(self._request.data or os.path.join(source.repository.top, ".bkagent"))
        claim = data_folder.Claim(data)
        try:
            work_snapshot = snapshot.take(
                source.repository, data, self._request.environ, committed=self._request.committed
            )
            with _serve_plane(data, self._report) as (plane, server):
                build = self._note_build(BuildRun(plane, server, self._request, self._out, self._report))
                return build.run(source, data, work_snapshot)
        finally:
            claim.close()

    def interrupt(self) -> None:
        """Cancel the jobs; called again, kill them at once. May be called from any thread."""
        with self._lock:
            self._interrupts_count += 1
            count, build = self._interrupts_count, self._build
        if count == 1:
            self._out("Interrupted: cancelling the running jobs (again: kill them at once)")
        if build is not None:
            build.interrupt()

    def _note_build(self, build: BuildRun) -> BuildRun:
        """Let interrupts reach the build, those of before too."""
        with self._lock:
            self._build = build
            missed_count = self._interrupts_count
        for _ in range(missed_count):
            build.interrupt()
        return build


@contextmanager
def _serve_plane(data: str, report: EventReport) -> "Iterator[Tuple[Plane, Server]]":
    """Open the plane of a data folder and serve it on loopback until the end."""
    plane = Plane.open(
        os.path.join(data, "store"), organization=plan.ORGANIZATION, also_refused=plan.not_honoured, within=data
    )
    try:
        server = Server(plane, "127.0.0.1", 0, report, hold_ping_s=_HOLD_PING_S)
        server.start()
        try:
            server_url.note_login(plane.folder, server_url.Login(server.url, server.login_key))
            yield plane, server
        finally:
            server_url.forget(plane.folder)
            server.stop()
    finally:
        plane.close()
