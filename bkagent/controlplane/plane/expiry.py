"""End what is over its time: lost agents, offers not accepted, jobs that run too long, pauses."""

from __future__ import annotations

from typing import Optional

from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.runs import Runs
from bkagent.controlplane.plane.scheduler import Scheduler
from bkagent.controlplane.plane.sessions import LIVE, Sessions
from bkagent.controlplane.plane.timing import Timing
from bkagent.controlplane.records import Agent, Job
from bkagent.controlplane.scheduling import states
from bkagent.controlplane.store import agents, jobs


class Expiry:
    """Looks for what is over its time, once for each `tick`."""

    def __init__(self, ledger: Ledger, sessions: Sessions, scheduler: Scheduler, runs: Runs, timing: Timing) -> None:
        self._ledger, self._sessions, self._scheduler, self._runs = ledger, sessions, scheduler, runs
        self._timing = timing
        self._db = ledger.db

    def tick(self) -> None:
        """Give up lost agents, requeue or end their jobs, time out jobs and end pauses."""
        with self._ledger.change() as now:
            for job in jobs.in_states(self._db, *sorted(states.WITH_AGENT)):
                self._check_job(job, now)
            for agent in agents.TABLE.among(self._db, "state", LIVE):
                if now - self._sessions.last_seen(agent) > self._timing.lost_after_s:
                    self._ledger.set_agent(self._ledger.agent(agent.id), state="lost", lost_at=now)
                elif agent.paused and _is_over(agent.paused_at, (agent.paused_timeout_minutes or 0) * 60, now):
                    self._sessions.resume(agent.id)

    def _check_job(self, job: Job, now: float) -> None:
        agent = agents.TABLE.get(self._db, job.agent_id)
        silent = agent is None or now - self._sessions.last_seen(agent) > self._timing.lost_after_s
        unanswered = job.state == "assigned" and (silent or self._is_unanswered(job, agent, now))
        not_started = job.state == "accepted" and not silent and _is_over(job.accepted_at, self._timing.accepted_s, now)
        if unanswered or not_started:
            self._scheduler.requeue(job)
        elif silent:
            self._runs.end(job, -1, reason=states.LOST_REASON)
        elif job.state == "running" and job.timeout_minutes and _is_over(job.started_at, job.timeout_minutes * 60, now):
            self._ledger.set_job(job, state="timing_out", reason=f"it ran longer than {job.timeout_minutes} min")

    def _is_unanswered(self, job: Job, agent: Optional[Agent], now: float) -> bool:
        heard_at = max(job.assigned_at or 0.0, self._sessions.last_seen(agent) if agent is not None else 0.0)
        is_unheard = _is_over(heard_at, self._timing.unheard_offer_s, now)
        return is_unheard or _is_over(job.assigned_at, self._timing.offer_s, now)


def _is_over(since: Optional[float], limit_s: float, now: float) -> bool:
    return since is not None and now - since > limit_s
