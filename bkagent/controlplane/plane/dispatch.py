"""Jobs handed out to agents: what a ping answers, until the agent has accepted or acquired a job."""

from __future__ import annotations

import time
from typing import Optional

from bkagent.controlplane.errors import JobNotReady, Rejected
from bkagent.controlplane.plane.job_envs import JobEnvs
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.scheduler import Scheduler
from bkagent.controlplane.plane.sessions import Sessions
from bkagent.controlplane.plane.steps import Steps
from bkagent.controlplane.plane.timing import Timing
from bkagent.controlplane.records import Agent, Job
from bkagent.controlplane.scheduling import agent_tags, limits
from bkagent.controlplane.store import jobs
from bkagent.controlplane.tokens import Tokens
from bkagent.wire.accepted_job import AcceptedJob
from bkagent.wire.ping import DISCONNECT, PAUSE, Ping
from bkagent.wire.timestamps import text_of


class Dispatch:
    """Chooses jobs for agents, offers them and hands them out."""

    def __init__(
        self, ledger: Ledger, sessions: Sessions, scheduler: Scheduler, steps: Steps, job_envs: JobEnvs,
        tokens: Tokens, timing: Timing,
    ) -> None:  # fmt: skip
        self._ledger, self._sessions, self._scheduler = ledger, sessions, scheduler
        self._steps, self._job_envs = steps, job_envs
        self._tokens, self._timing = tokens, timing
        self._db = ledger.db

    def next_action(self, agent_id: str) -> Ping:
        """Return what an agent shall do now: accept a job, nothing, wait while paused, or disconnect."""
        with self._ledger.change() as now:
            agent = self._sessions.touch(agent_id, now)
            if agent.state == "stopping":
                return Ping(DISCONNECT, "the agent was asked to stop")
            if agent.paused:
                return Ping(PAUSE, agent.paused_note or "the agent is paused")
            if agent.state != "connected":
                return Ping()
            offer = self.offer_of(agent)
            if not offer:
                agent = self.drop_canceled_offer(agent)
            if offer or agent.ignore_in_dispatches or agent.job_id:
                return Ping(job_id=offer)
            job = self._first_job_for(agent)
            if job is None:
                return Ping()
            self._ledger.set_job(job, state="assigned", agent_id=agent_id, assigned_at=now)
            self._ledger.set_agent(agent, job_id=job.id)
            return Ping(job_id=job.id)

    def offer_of(self, agent: Agent) -> str:
        """Return the job that an agent was offered and has not started, or "".

        A ping offers it again: the answer to the one before may have been lost.
        """
        job = jobs.TABLE.get(self._db, agent.job_id) if agent.job_id else None
        offered = job is not None and job.agent_id == agent.id and job.state in ("assigned", "accepted")
        return agent.job_id if offered else ""

    def drop_canceled_offer(self, agent: Agent) -> Agent:
        """Free an agent from a job that it will not run any more; return the agent as it is then.

        That is a job that has ended or went to another agent, and one that was canceled between accept and start: the
        agent dropped it there, and will not report its end.
        """
        job = jobs.TABLE.get(self._db, agent.job_id) if agent.job_id else None
        if job is None or job.agent_id != agent.id or job.final:
            return self._ledger.set_agent(agent, job_id="") if agent.job_id else agent
        if job.state == "canceling" and job.started_at is None:
            self._ledger.set_job(job, state="canceled")
            self._scheduler.free_agent(job)
            self._scheduler.advance(job.build_id)
        return self._ledger.agent(agent.id)

    def wait_for_work(self, agent_id: str, timeout_s: float) -> bool:
        """Wait until a ping of this agent would bring something new; say whether it would."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            rings_count = self._ledger.bell.rings_count
            if self._has_news(agent_id):
                return True
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return False
            self._ledger.bell.wait(rings_count, left_s)

    def _has_news(self, agent_id: str) -> bool:
        with self._db.lock:
            agent = self._ledger.agent(agent_id)
            if agent.state != "connected" or agent.paused:
                return True
            return not agent.ignore_in_dispatches and not agent.job_id and self._first_job_for(agent) is not None

    def _first_job_for(self, agent: Agent) -> Optional[Job]:
        for job in jobs.runnable(self._db):
            if agent_tags.meet(job.agent_query_rules, agent.meta_data):
                return job
        return None

    def accept(self, agent_id: str, job_id: str) -> AcceptedJob:
        """Give an agent the job that it was offered; asking again gives the same. Raises Rejected."""
        with self._ledger.change() as now:
            agent = self._sessions.touch(agent_id, now)
            job = self._ledger.job(job_id)
            if job.agent_id != agent_id or job.state not in ("assigned", "accepted", "running"):
                raise Rejected(f"the job is {job.shown_state} and not offered to this agent")
            if job.state == "assigned":
                job = self._ledger.set_job(job, state="accepted", accepted_at=now)
            return self._accepted(job, agent)

    def acquire(self, agent_id: str, job_id: str) -> AcceptedJob:
        """Give an agent the job that it names, if its tags suit. Raises JobNotReady, or Rejected."""
        with self._ledger.change() as now:
            agent = self._sessions.touch(agent_id, now)
            job = self._ledger.job(job_id)
            if job.agent_id == agent_id and job.state in ("assigned", "accepted", "running"):
                return self.accept(agent_id, job_id)
            _check_acquire(agent, job)
            job = self._ledger.set_job(job, state="accepted", agent_id=agent_id, assigned_at=now, accepted_at=now)
            agent = self._ledger.set_agent(agent, job_id=job.id)
            return self._accepted(job, agent)

    def _accepted(self, job: Job, agent: Agent) -> AcceptedJob:
        return AcceptedJob(
            id=job.id, token=self._tokens.of_job(job.id, agent.id), env=self._job_envs.for_agent(job, agent),
            step=self._steps.document(job.step_id), matrix_permutation=job.matrix,
            chunks_max_size_bytes=limits.CHUNK_BYTES, chunks_interval_s=self._timing.chunk_interval_s,
            log_max_size_bytes=limits.LOG_BYTES, priority=job.priority,
            runnable_at=text_of(job.runnable_at) if job.runnable_at is not None else "",
        )  # fmt: skip


def _check_acquire(agent: Agent, job: Job) -> None:
    """Raise JobNotReady or Rejected where an agent may not acquire a job."""
    if job.type == "script" and job.state in ("waiting", "blocked", "limited"):
        raise JobNotReady(f"the job is {job.shown_state}; it cannot run yet")
    if job.type != "script" or job.state != "scheduled" or agent.job_id:
        raise Rejected(f"the job is {job.shown_state} and cannot be acquired")
    if agent.state == "stopping":
        raise Rejected("the agent was asked to stop and gets no further job")
    if not agent_tags.meet(job.agent_query_rules, agent.meta_data):
        rules = {*job.agent_query_rules, f"queue={agent_tags.queue_of(job.agent_query_rules)}"}
        raise Rejected(f"the job is for agents with other tags: {', '.join(sorted(rules))}")
