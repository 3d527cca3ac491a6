"""End what is over its time: lost agents, offers not accepted, jobs that run or end too long, pauses."""

from __future__ import annotations

from bkagent.controlplane.plane.ages import Ages
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.runs import Runs
from bkagent.controlplane.plane.scheduler import Scheduler
from bkagent.controlplane.plane.sessions import Sessions
from bkagent.controlplane.plane.timing import Timing
from bkagent.controlplane.scheduling import states
from bkagent.controlplane.store import agents, watched_jobs
from bkagent.controlplane.store.watched_jobs import WatchedJob


class Expiry:
    """Looks for what is over its time, once for each `tick`."""

    def __init__(self, ledger: Ledger, sessions: Sessions, scheduler: Scheduler, runs: Runs, timing: Timing) -> None:
        self._ledger, self._sessions, self._scheduler, self._runs = ledger, sessions, scheduler, runs
        self._timing = timing
        self._db = ledger.db
        self._opened_at = ledger.steady()
        self._ages = Ages(ledger.steady)

    def tick(self) -> None:
        """Give up lost agents, requeue or end their jobs, time out jobs and end pauses."""
        with self._ledger.change() as now:
            watched = watched_jobs.in_states(self._db, *sorted(states.WITH_AGENT))
            for job in watched:
                self._check_job(job, now)
            live_agents = agents.live(self._db)
            for agent_id in live_agents:
                if self._is_silent(agent_id):
                    self._ledger.set_agent(self._ledger.agent(agent_id), state="lost", lost_at=now)
            for agent in agents.paused(self._db):
                if self._ages.age_s(agent.id, agent.paused_at, now) > (agent.paused_timeout_minutes or 0) * 60:
                    self._sessions.resume(agent.id)
            self._ages.forget_others()
            self._sessions.forget_others({*live_agents, *(job.agent_id for job in watched)})

    def _is_silent(self, agent_id: str) -> bool:
        return self._sessions.silence_s(agent_id) > self._timing.lost_after_s

    def _check_job(self, job: WatchedJob, now: float) -> None:
        silent = self._is_silent(job.agent_id)
        if self._is_unanswered(job, now, silent) or (not silent and self._is_not_started(job, now)):
            self._scheduler.requeue(self._ledger.job(job.id))
        elif silent:
            self._runs.end(self._ledger.job(job.id), -1, reason=states.LOST_REASON)
        elif self._is_overdue(job, now):
            self._runs.end(self._ledger.job(job.id), -1, reason=states.OVERDUE_REASON)
        elif self._is_over_limit(job, now):
            reason = f"it ran longer than {job.timeout_minutes} min"
            self._ledger.set_job(self._ledger.job(job.id), state="timing_out", cancel_requested_at=now, reason=reason)

    def _is_over_limit(self, job: WatchedJob, now: float) -> bool:
        if job.state != "running" or not job.timeout_minutes:
            return False
        return self._ages.age_s(job.id, job.started_at, now) > job.timeout_minutes * 60

    def _is_unanswered(self, job: WatchedJob, now: float, silent: bool) -> bool:
        if job.state != "assigned":
            return False
        age_s = self._ages.age_s(job.id, job.assigned_at, now)
        unheard_s = min(age_s, self._sessions.silence_s(job.agent_id))
        return silent or age_s > self._timing.offer_s or unheard_s > self._timing.unheard_offer_s

    def _is_not_started(self, job: WatchedJob, now: float) -> bool:
        accepted = job.state == "accepted"
        return accepted and self._ages.age_s(job.id, job.accepted_at, now) > self._timing.accepted_s

    def _is_overdue(self, job: WatchedJob, now: float) -> bool:
        """Say whether an agent that calls does not end a job that is over its time or was canceled."""
        if job.state not in ("canceling", "timing_out"):
            return False
        # While the control plane was closed, the agent could not know.
        told_s = min(self._ages.age_s(job.id, job.cancel_requested_at, now), self._ledger.steady() - self._opened_at)
        return told_s > self._timing.ending_s
