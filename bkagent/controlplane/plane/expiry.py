"""The part of the control plane that gives up what is over its time."""

from __future__ import annotations

from typing import Optional

from bkagent.controlplane.plane.runs import PlaneRuns
from bkagent.controlplane.plane.sessions import LIVE
from bkagent.controlplane.records import Agent, Job
from bkagent.controlplane.scheduling import states
from bkagent.controlplane.store import agents, jobs


class PlaneClock(PlaneRuns):
    """Lost agents, offers nobody took, jobs that run too long, pauses that are over."""

    def tick(self) -> None:
        """Give up what is over its time: lost agents, offers nobody took, jobs that run too long, pauses."""
        with self._change() as now:
            held = jobs.in_states(self._db, *sorted(states.WITH_AGENT))
            for job in held:
                self._look_at(job, now)
            for agent in agents.TABLE.among(self._db, "state", LIVE):
                if now - self.last_seen(agent) > self.timing.lost_after_s:
                    self._set_agent(self.agent(agent.id), state="lost", lost_at=now)
                elif agent.paused and _over(agent.paused_at, (agent.paused_timeout_minutes or 0) * 60, now):
                    self._resume(agent)

    def last_seen(self, agent: Agent) -> float:
        """Return when an agent last called. What was missed while nobody listened is not held against it."""
        return max(self._seen.get(agent.id, 0.0), agent.heartbeat_at or agent.created_at, self._opened_at)

    def _look_at(self, job: Job, now: float) -> None:
        agent = agents.TABLE.get(self._db, job.agent_id)
        silent = agent is None or now - self.last_seen(agent) > self.timing.lost_after_s
        unanswered = job.state == "assigned" and (silent or _over(job.assigned_at, self.timing.offer_s, now))
        not_started = job.state == "accepted" and not silent and _over(job.accepted_at, self.timing.accepted_s, now)
        if unanswered or not_started:
            self._offer_again(job)
        elif silent:
            self._end(job, -1, reason=states.LOST_REASON)
        elif job.state == "running" and job.timeout_minutes and _over(job.started_at, job.timeout_minutes * 60, now):
            self._set_job(job, state="timing_out", reason=f"it ran longer than {job.timeout_minutes} min")


def _over(since: Optional[float], limit_s: float, now: float) -> bool:
    return since is not None and now - since > limit_s
