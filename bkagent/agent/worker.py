"""One worker: an agent session that asks for jobs and runs them one at a time.

A worker is always in one state. Each state has a small handler that does its part and names the next one;
MOVES lists which may follow which. Between two pings it has nothing to do, and no thread: see worker_loop.py.
"""

from __future__ import annotations

import random
import threading
import time
from typing import Callable, Dict, Mapping, Optional, Tuple

from bkagent.agent.jobs.agent_context import AgentContext
from bkagent.agent.jobs.job_runner import JobRunner
from bkagent.agent.session.beginnings import Beginnings
from bkagent.agent.session.heartbeat import Heartbeat
from bkagent.agent.session.idle_timer import IdleTimer
from bkagent.agent.session.ping_schedule import PingSchedule
from bkagent.agent.session.session import AgentSession
from bkagent.agent.session.stop_report import StopReport
from bkagent.agent.shutdown import FORCED, GRACEFUL, KILL
from bkagent.config.options import session as session_options
from bkagent.errors import AgentError, Cancelled, JobRejected, Unreachable, WireError
from bkagent.remote.worker import agents, jobs
from bkagent.spool.agent_entry import AgentEntry
from bkagent.wire.accepted_job import AcceptedJob
from bkagent.wire.finish import Finish
from bkagent.wire.go_duration import format_rounded
from bkagent.wire.log_events import with_event
from bkagent.wire.ping import DISCONNECT, PAUSE, Ping

CONNECTING, ACQUIRING, PINGING, WAITING, RUNNING, LEAVING, LEFT = (
    "connecting", "acquiring", "pinging", "waiting", "running", "leaving", "left",
)  # fmt: skip

MOVES: Mapping[str, Tuple[str, ...]] = {
    CONNECTING: (ACQUIRING, PINGING, LEAVING),
    ACQUIRING: (RUNNING, PINGING, LEAVING),
    PINGING: (RUNNING, WAITING, LEAVING),
    WAITING: (PINGING, LEAVING),
    # A job that ran is followed by a ping at once, one that could not be started by the next regular one.
    RUNNING: (PINGING, WAITING, LEAVING),
    LEAVING: (LEFT,),
}


# Who has not reached the control plane for so many heartbeat intervals is not well: the reference's rule.
_TOUCH_INTERVALS = 2
_PROCESS_ENDS_SOON_S, _PROCESS_ENDS_WITHIN_S = 0.1, 2.0  # of a job that is over


class Worker:
    """Worker number `index` of a process. `error` is what ended it, `last_finish` the end of its last job."""

    def __init__(
        self,
        index: int,
        session: AgentSession,
        context: AgentContext,
        idle_timer: IdleTimer,
        beginnings: Beginnings,
        *,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.index, self.session = index, session
        self.error: Optional[AgentError] = None
        self.last_finish: Optional[Finish] = None
        self.state = CONNECTING
        self._context, self._settings, self._report = context, context.settings, context.report
        self._report_retry = with_event(context.report, "control_plane.retry")
        self._stop = context.stop
        self._idle_timer, self._beginnings, self._clock = idle_timer, beginnings, clock
        self._began = clock()
        self._ping_schedule = PingSchedule(session.ping_interval_s, self._began, chance)
        self._connected = self._had_its_job = False
        self._touched_at: Optional[float] = None  # None until it is connected
        self._offered: Optional[AcceptedJob] = None
        self._offered_id = ""
        self._entry: Optional[AgentEntry] = None
        self._process_gone: Optional[threading.Event] = None  # of the last job
        self._stop_report = StopReport(session.home, context.stop_reports, context.report)
        self._heartbeat = Heartbeat(
            lambda: session.client, session.heartbeat_interval_s, context.timers, report=context.report,
            on_beat=self._on_beat, on_refusal=self._on_heartbeat_refused,
        )  # fmt: skip

    def work(self) -> Optional[float]:
        """Work until there is a reason to wait, or to leave: then disconnect.

        Returns when to be called again, by `clock`, at a request to stop sooner; None when it has left.
        """
        handlers: Dict[str, Callable[[], str]] = {
            CONNECTING: self._connect, ACQUIRING: self._acquire, PINGING: self._ping, WAITING: self._end_wait,
            RUNNING: self._run_job, LEAVING: self._leave,
        }  # fmt: skip
        while self.state != LEFT:
            following = handlers[self.state]()
            if following not in MOVES[self.state]:
                raise AssertionError(f"a worker cannot go from {self.state} to {following}")
            self._report("debug", f"Worker goes from {self.state} to {following}", "worker.state_changed")
            self.state = following
            if following == WAITING:
                return self._begin_wait()
        return None

    def mark_failed(self, error: AgentError) -> None:
        """End a worker whose `work` has failed: without heartbeats the control plane learns that it is gone."""
        self.error = error
        self._heartbeat.stop()
        self._idle_timer.remove(self.index)

    def is_well(self) -> bool:
        """Say whether the control plane has heard of it lately, if it should have; one that failed is not well."""
        if self.error is not None:
            return False
        if self._touched_at is None or self.state in (LEAVING, LEFT):
            return True
        return self._clock() - self._touched_at <= _TOUCH_INTERVALS * self.session.heartbeat_interval_s

    # The states

    def _connect(self) -> str:
        self._report("info", "Connecting to Buildkite...", "worker.connecting")
        try:
            agents.connect(self.session.home, wait=self._stop.waiter(GRACEFUL), report=self._report_retry)
        except Cancelled:
            return LEAVING
        except AgentError as problem:
            return self._fail(problem)
        self._connected = True
        self._touched_at = self._clock()
        self._heartbeat.start()
        self._stop.on_request(self._stop_report.on_stop)
        self._report("info", "Waiting for instructions...", "worker.connected")
        return ACQUIRING if self._settings[session_options.ACQUIRE_JOB] else PINGING

    def _acquire(self) -> str:
        job_id = self._settings[session_options.ACQUIRE_JOB]
        self._report("info", f"Attempting to acquire job {job_id}...", "worker.acquiring")
        try:
            self._offered = jobs.acquire(
                self.session.home, job_id, wait=self._stop.waiter(GRACEFUL), report=self._report_retry
            )
        except Cancelled:
            return LEAVING
        except JobRejected as rejection:
            return self._fail(rejection)
        except AgentError as problem:
            # As with the reference: without its job the worker goes on to the ping that lets it leave.
            self._report("error", f"job {job_id} could not be acquired: {problem}", "worker.acquire_failed")
            self._had_its_job = True
            return PINGING
        return RUNNING

    def _ping(self) -> str:
        if self._stop.level:
            return self._stopping()
        try:
            answer = self.session.ping()
        except (Unreachable, WireError) as problem:
            self._report("warn", f"could not ping: {problem}", "worker.ping_failed")
            answer = Ping()
        except AgentError as problem:
            return self._fail(problem)
        if answer.message:
            self._report("info", answer.message, "worker.message")
        return self._obey(answer)

    def _obey(self, answer: Ping) -> str:
        """Do what a ping's answer says. A pause takes precedence over every reason to leave."""
        text = f'Got action "{answer.action}", jobID "{answer.job_id}" from ping'
        self._report("debug", text, "worker.ping_answered")
        if answer.action == DISCONNECT:
            return LEAVING
        if answer.action == PAUSE:
            self._idle_timer.mark_busy(self.index)
            return WAITING
        if self._is_done(answer) or self._is_old():
            return LEAVING
        if answer.job_id:
            self._idle_timer.mark_busy(self.index)
            self._offered_id = answer.job_id
            return RUNNING
        self._idle_timer.mark_idle(self.index, self._clock())
        return WAITING

    def _begin_wait(self) -> float:
        now = self._clock()
        pause_s = min(self._ping_schedule.next_after(now) - now, self._idle_timer.left_s(now))
        self._report("debug", f"Next ping in {format_rounded(pause_s)}", "worker.next_ping")
        return now + pause_s

    def _end_wait(self) -> str:
        if self._stop.level:
            return self._stopping()
        if self._idle_timer.left_s(self._clock()) <= 0:
            self._report("info", f"idle for {self._idle_timer.timeout_s:g} s: disconnecting", "worker.idle")
            return LEAVING
        return PINGING

    def _run_job(self) -> str:
        self._idle_timer.mark_busy(self.index)
        self._beginnings.mark_begun(self.index)
        try:
            with self._context.known.temporarily() as hide:
                following = self._run_one(hide)
            if following == PINGING and self._process_gone is not None:
                self._process_gone.wait(_PROCESS_ENDS_SOON_S)  # else the next job shares its processor with it
        finally:
            self._beginnings.mark_ended(self.index)
        if following == PINGING:
            self._beginnings.await_turn(self.index)
        return following

    def _run_one(self, hide: Callable[[str], None]) -> str:
        runner: Optional[JobRunner] = None
        try:
            job, self._offered = self._offered or self._accept(), None
            hide(job.token)
            self._report("info", f"Starting job {job.id}", "job.starting")
            runner = JobRunner(job, self.session, self._context)
            finish = runner.run(self._on_entry)
        except Cancelled:
            return LEAVING
        except (AgentError, OSError) as problem:
            job_id = self._offered_id or self._settings[session_options.ACQUIRE_JOB]
            self._report("error", f"job {job_id} could not be run: {problem}", "job.not_started")
            if runner is not None and runner.not_run is not None:
                self._had_its_job, self.last_finish = True, runner.not_run
            return WAITING if not self._settings[session_options.ACQUIRE_JOB] else PINGING
        finally:
            self._entry = None
            self._had_its_job = self._had_its_job or bool(self._settings[session_options.ACQUIRE_JOB])
        if finish is None:
            return LEAVING
        self._had_its_job, self.last_finish, self._process_gone = True, finish, runner.process_gone
        self._report("info", f"Finished job {job.id} with exit status {finish.exit_status}", "job.finished")
        return PINGING

    def _leave(self) -> str:
        self._heartbeat.stop()
        self._idle_timer.remove(self.index)
        if self._process_gone is not None:
            self._process_gone.wait(_PROCESS_ENDS_WITHIN_S)
        if self._connected:
            self._stop_report.complete(self._stop.level)
            self._report("info", "Disconnecting...", "worker.disconnecting")
            try:
                agents.disconnect(self.session.home, wait=self._stop.waiter(KILL), report=self._report_retry)
                self._report("info", "Disconnected", "worker.disconnected")
            except AgentError as problem:
                self._report("warn", f"could not disconnect: {problem}", "worker.disconnect_failed")
        return LEFT

    # Their parts

    def _accept(self) -> AcceptedJob:
        self._report("info", f"Assigned job {self._offered_id}. Accepting...", "job.accepting")
        return jobs.accept(
            self.session.client, self._offered_id, wait=self._stop.waiter(GRACEFUL), report=self._report_retry
        )

    def _is_done(self, answer: Ping) -> bool:
        """Say whether this worker has had all the jobs that it was started for."""
        settings = self._settings
        runs_one = settings[session_options.ACQUIRE_JOB] or settings[session_options.DISCONNECT_AFTER_JOB]
        if not self._had_its_job or not runs_one:
            return False
        if answer.job_id:
            text = f"job {answer.job_id} is ignored: this worker has already run its one job"
            self._report("error", text, "worker.job_ignored")
        return True

    def _is_old(self) -> bool:
        uptime_s = self._settings[session_options.DISCONNECT_AFTER_UPTIME]
        return bool(uptime_s) and self._clock() - self._began >= uptime_s

    def _stopping(self) -> str:
        self._report("info", "stopping; no job is running, so the agent disconnects at once", "worker.stopping")
        return LEAVING

    def _fail(self, problem: AgentError) -> str:
        self._report("error", str(problem), "worker.failed")
        self.error = problem
        return LEAVING

    def _on_entry(self, entry: AgentEntry) -> None:
        self._entry = entry

    def _on_beat(self) -> None:
        self._touched_at = self._clock()
        entry = self._entry
        if entry is not None:
            try:
                entry.heartbeat()
            except OSError:
                pass  # the entry has just been removed

    def _on_heartbeat_refused(self, refusal: AgentError) -> None:
        self._report("error", f"the control plane no longer accepts this agent: {refusal}", "worker.session_lost")
        self.error = self.error or refusal
        self._stop.request(FORCED)
