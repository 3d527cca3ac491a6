"""Runs of jobs: how agents report that a job has started and ended."""

from __future__ import annotations

from typing import Any, Optional

from bkagent.controlplane.errors import Rejected
from bkagent.controlplane.plane.dispatching.idle_agents import IdleAgents
from bkagent.controlplane.plane.jobs import Jobs
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.scheduler import Scheduler
from bkagent.controlplane.plane.sessions import Sessions
from bkagent.controlplane.plane.steps import Steps
from bkagent.controlplane.records import Job
from bkagent.controlplane.scheduling import retries, states
from bkagent.controlplane.store import agents, jobs
from bkagent.pipeline.model.steps import CommandStep
from bkagent.wire.finish import Finish
from bkagent.wire.timestamps import moment_of

_ENDED = ("finished", "canceled", "timed_out")
_LOWEST_STATUS, _HIGHEST_STATUS = -(1 << 31), (1 << 32) - 1


class Runs:
    """Follows jobs from their start to their end, and retries those that failed."""

    def __init__(
        self, ledger: Ledger, sessions: Sessions, scheduler: Scheduler, jobs: Jobs, steps: Steps, idle: IdleAgents
    ) -> None:
        self._ledger, self._sessions, self._scheduler = ledger, sessions, scheduler
        self._jobs, self._steps, self._idle = jobs, steps, idle
        self._db = ledger.db

    def start(self, job_id: str, *, started_at: str = "") -> Job:
        """Note that a job has started, at this RFC 3339 time. Repeating it changes nothing. Raises Rejected."""
        with self._ledger.change() as now:
            job = self._ledger.job(job_id)
            if not job.final:
                self._sessions.note_seen(job.agent_id)
            if job.state in ("running", "canceling", "timing_out") and job.started_at is not None:
                return job
            if job.state not in ("accepted", "canceling"):
                raise Rejected(f"the job is {job.shown_state}; it cannot start")
            state = "running" if job.state == "accepted" else job.state
            reported_at = _clamp(moment_of(started_at), job.accepted_at, now)
            job = self._ledger.set_job(job, state=state, started_at=reported_at)
            if self._ledger.build_alone(job.build_id).started_at is None:
                self._scheduler.settle(job.build_id)
            return job

    def finish(self, job_id: str, finish: Finish) -> Job:
        """Note how a job ended. The same report again changes nothing; another one raises Rejected."""
        with self._ledger.change() as now:
            job = self._ledger.job(job_id)
            status = _status(finish.exit_status)
            if not job.final:
                self._sessions.note_seen(job.agent_id)
                if job.state not in states.TAKEN:
                    raise Rejected(f"the job is {job.shown_state}; it has not started")
                return self.end(
                    job, status, signal=finish.signal, signal_reason=finish.signal_reason,
                    finished_at=_clamp(moment_of(finish.finished_at), job.started_at, now),
                    chunks_failed_count=finish.chunks_failed_count, agent_leaves=finish.ignore_agent_in_dispatches,
                )  # fmt: skip
            if job.reason in states.GIVEN_UP_REASONS:
                self._ledger.set_job(job, reason=states.GIVEN_UP_REASONS[job.reason])
        if job.state not in _ENDED or (job.exit_status, job.signal) != (status, finish.signal):
            raise Rejected(f"the job is {job.shown_state}; its end can no longer be reported")
        return job

    def end(self, job: Job, status: int, *, agent_leaves: bool = False, **details: Any) -> Job:
        """End a job that an agent has, within a change of the ledger. `details` are further fields of the job.

        agent_leaves   the agent gets no further job
        """
        state = "finished"
        if job.state == "canceling":
            state = "canceled"
        elif job.state == "timing_out" and status != 0:
            state = "timed_out"
        agent = agents.TABLE.get(self._db, job.agent_id)
        job = self._ledger.set_job(job, state=state, exit_status=status, **details)
        if agent is not None:
            agent = self._ledger.set_agent(
                agent, job_id="" if agent.job_id == job.id else agent.job_id,
                last_job_finished_at=self._ledger.clock(),
                ignore_in_dispatches=agent.ignore_in_dispatches or agent_leaves,
            )  # fmt: skip
            if agent.state == "connected" and not agent.ignore_in_dispatches:
                self._idle.expect(agent)
            self._ledger.announce_work()
        self._retry_or_soften(job)
        self._scheduler.advance(job.build_id)
        return self._ledger.job(job.id)

    def _retry_or_soften(self, job: Job) -> None:
        """Run a failed job again where a rule says so, else mark a soft failure."""
        step = None if job.passed or job.state == "canceled" else self._steps.of_job(job)
        if not isinstance(step, CommandStep):
            return
        build = self._ledger.build_alone(job.build_id)
        attempts = jobs.TABLE.all(self._db, "slot_id = ?", (job.slot_id,))
        rule = retries.NO_RULE if build.cancel_requested else retries.rule_for(step.retry, job, attempts)
        if rule != retries.NO_RULE:
            self._jobs.add_attempt(job, "automatic", rule)
        elif job.soft_fail_any or job.exit_status in job.soft_fail_statuses:
            self._ledger.set_job(job, soft_failed=True)


def _clamp(moment: Optional[float], low: Optional[float], high: float) -> float:
    """Return a moment that an agent reported, no earlier than `low` (None: than `high`) and no later than `high`."""
    if moment is None:
        return high
    return min(max(moment, high if low is None else low), high)


def _status(text: str) -> int:
    """Return an exit status as a number, -1 for a text that is not one."""
    try:
        status = int(text) if len(text) < 20 else -1
    except ValueError:
        status = -1
    return status if _LOWEST_STATUS <= status <= _HIGHEST_STATUS else -1
