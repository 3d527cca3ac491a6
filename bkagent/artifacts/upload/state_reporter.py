"""Report to the control plane, about once a second, which uploads have ended, in a separate thread."""

from __future__ import annotations

import threading
import time
from functools import partial

from bkagent.artifacts.thread_edge import as_agent_error, run_to_end
from bkagent.remote.commands import artifacts as records
from bkagent.wire.artifacts import StateChange
from bkagent.wire.go_duration import format_precise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional, Sequence

    from bkagent.errors import AgentError
    from bkagent.remote.api_client import ApiClient
    from bkagent.report import Report

INTERVAL_S = 1.0
_CHANGES_COUNT = 1000  # of one request; the reference sends what it has


class StateReporter:
    """Collects changes from any thread; `finish` sends what is left.

    expected_count  of uploads; for one alone no thread is started, as `finish` sends its state
    requests_count  sent so far, and `seconds` that they took

    `note_reported` is called with the ids of finished uploads that the control plane knows of.
    """

    def __init__(
        self, client: ApiClient, job_id: str, wait: Callable[[float], bool], report: Report,
        expected_count: int, note_reported: Callable[[List[str]], None],
    ) -> None:  # fmt: skip
        self._client, self._job_id, self._wait, self._report = client, job_id, wait, report
        self._note_reported = note_reported
        self._changed = threading.Condition()
        self._changes: List[StateChange] = []
        self._ending = False
        self._problem: Optional[AgentError] = None
        self.requests_count = 0
        self.seconds = 0.0
        self._thread: Optional[threading.Thread] = None
        if expected_count > 1:
            self._thread = threading.Thread(target=self._run, name="artifact-states", daemon=True)
            self._thread.start()

    def add(self, changes: Sequence[StateChange]) -> None:
        """Queue the states of uploads that have ended."""
        for change in changes:
            state = "finished" if change.finished else "error"
            self._report("debug", f"Artifact {change.id} has entered state {state}")
        with self._changed:
            if not self._changes:  # more of them are waited for without being told of each
                self._changed.notify()
            self._changes += changes

    def finish(self) -> None:
        """Return when all states are sent. Raises the last error if that failed."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        else:
            self._run()
        if self._problem is not None:
            raise self._problem

    def _run(self) -> None:
        while True:
            changes = self._next()
            if not changes:
                return
            began = time.monotonic()
            run_to_end(partial(self._update, changes), self._take_problem)
            took_s = time.monotonic() - began
            self._report("debug", f"Updated {len(changes)} artifact states in {format_precise(took_s)}")
            self.requests_count += 1
            self.seconds += took_s

    def _update(self, changes: List[StateChange]) -> None:
        records.update(self._client, self._job_id, changes, wait=self._wait, report=self._report)
        self._note_reported([change.id for change in changes if change.finished])

    def _take_problem(self, problem: Exception) -> None:
        self._problem = as_agent_error(problem, "the report of what has arrived")

    def _next(self) -> List[StateChange]:
        """Wait for changes and then, unless the end has come, for more of them within the interval."""
        with self._changed:
            while not self._changes and not self._ending:
                self._changed.wait()
            deadline = time.monotonic() + INTERVAL_S
            while not self._ending and time.monotonic() < deadline:
                self._changed.wait(deadline - time.monotonic())
            taken = self._changes[:_CHANGES_COUNT]
            del self._changes[:_CHANGES_COUNT]
            return taken
