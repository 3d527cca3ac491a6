"""Jobs handed out to agents: what a ping answers, until the agent has accepted or acquired a job."""

from __future__ import annotations

from typing import Callable, List, Optional, Tuple

from bkagent.controlplane.errors import JobNotReady, Rejected
from bkagent.controlplane.plane.idle_agents import IdleAgent, IdleAgents
from bkagent.controlplane.plane.job_envs import JobEnvs
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.runnable_jobs import RunnableJobs
from bkagent.controlplane.plane.scheduler import Scheduler
from bkagent.controlplane.plane.sessions import Sessions
from bkagent.controlplane.plane.steps import Steps
from bkagent.controlplane.plane.timing import Timing
from bkagent.controlplane.records import Agent, Job
from bkagent.controlplane.scheduling import agent_tags, limits
from bkagent.controlplane.store import agents, jobs
from bkagent.controlplane.tokens import Tokens
from bkagent.wire.accepted_job import AcceptedJob
from bkagent.wire.ping import DISCONNECT, PAUSE, Ping
from bkagent.wire.timestamps import text_of


class Dispatch:
    """Chooses jobs for agents, offers them and hands them out."""

    def __init__(
        self, ledger: Ledger, sessions: Sessions, scheduler: Scheduler, steps: Steps, job_envs: JobEnvs,
        tokens: Tokens, timing: Timing, idle: IdleAgents,
    ) -> None:  # fmt: skip
        self._ledger, self._sessions, self._scheduler = ledger, sessions, scheduler
        self._steps, self._job_envs = steps, job_envs
        self._tokens, self._timing = tokens, timing
        self._idle = idle
        self._runnable = RunnableJobs(ledger)
        self._matched_rings = -1
        self._held_back_until: Optional[float] = None
        self._db = ledger.db

    def next_action(
        self, agent_id: str, *, hold_s: float = 0.0, is_connected: Callable[[], bool] = lambda: True
    ) -> Ping:
        """Return what an agent shall do now: accept a job, nothing, wait while paused, or disconnect.

        Without anything to do the answer waits for up to `hold_s`. `is_connected` says whether the agent still waits.
        """
        deadline = self._idle.clock() + hold_s
        with self._ledger.change() as now:
            agent = self._sessions.touch(agent_id, now)
            answer = self._answer_of(agent)
            if answer is not None:
                return answer
            idle = self._idle.begin(agent, is_connected)
            self._matched_rings = -1  # it may be the best for what others have left
        try:
            while True:
                with self._db.lock:
                    if not self._idle.has(idle):
                        return Ping()  # the agent has pinged again: an offer must go to that ping
                    rings_count = self._ledger.bell.rings_count
                    held_back_until = self._match(rings_count)
                    agent = self._ledger.agent(agent_id)
                    answer = None if _is_free(agent) else self._answer_anew(agent)
                    wait_until = deadline if held_back_until is None else max(deadline, held_back_until)
                    left_s = wait_until - self._idle.clock()
                    if answer is not None or left_s <= 0:
                        self._idle.end(idle)
                        return answer or Ping()
                if held_back_until is not None:
                    left_s = min(left_s, max(0.0, held_back_until - self._idle.clock()))
                self._ledger.bell.wait(rings_count, left_s)
        finally:
            with self._db.lock:
                self._idle.end(idle)

    def _answer_of(self, agent: Agent) -> Optional[Ping]:
        """Return what an agent shall do, None for one that waits for a job. Within a change of the ledger."""
        if agent.state == "stopping":
            return Ping(DISCONNECT, "the agent was asked to stop")
        if agent.paused:
            return Ping(PAUSE, agent.paused_note or "the agent is paused")
        if agent.state != "connected":
            return Ping()
        offer = self.offer_of(agent)
        if offer:
            return Ping(job_id=offer)
        self.drop_canceled_offer(agent)
        return None

    def _answer_anew(self, agent: Agent) -> Optional[Ping]:
        with self._ledger.change():
            return self._answer_of(agent)

    def _match(self, rings_count: int) -> Optional[float]:
        """Offer the jobs that can run to the best of the idle agents, the first job first. Hold the store's lock.

        Return until when a job is held back for an agent that is expected, None where none is. What has not changed
        since the bell had rung so often is not looked at again.
        """
        if self._matched_rings == rings_count and self._held_back_until is None:
            return None
        self._matched_rings, self._held_back_until = rings_count, None
        idle_agents = self._idle.ranked()
        pairs: List[Tuple[Job, str]] = []
        for job in self._runnable.walk(lambda rules: _any_meets(rules, idle_agents)) if idle_agents else ():
            best = self._take_best(idle_agents, job)
            if best is not None and best.expected_until is not None:
                self._held_back_until = max(best.expected_until, self._held_back_until or 0.0)
            elif best is not None:
                pairs.append((job, best.agent.id))
            if not idle_agents:
                break
        with self._ledger.change():  # after the walk, which sees no changes
            for job, agent_id in pairs:
                self._offer(job, agent_id)
        return self._held_back_until

    def _take_best(self, idle_agents: List[IdleAgent], job: Job) -> Optional[IdleAgent]:
        """Take the first agent that can run a job out of the list, and those before it that cannot run any."""
        for idle in list(idle_agents):
            if not agent_tags.meet(job.agent_query_rules, idle.agent.meta_data):
                continue
            idle_agents.remove(idle)
            agent = agents.TABLE.get(self._db, idle.agent.id)
            if agent is not None and _is_free(agent) and not agent.ignore_in_dispatches and idle.is_connected():
                return idle
        return None

    def _offer(self, job: Job, agent_id: str) -> None:
        self._ledger.set_job(job, state="assigned", agent_id=agent_id, assigned_at=self._ledger.clock())
        self._ledger.set_agent(self._ledger.agent(agent_id), job_id=job.id)
        self._ledger.announce_work()  # to the thread that answers its ping

    def withdraw(self, agent_id: str, job_id: str) -> None:
        """Take an offer back from an agent that has gone before it knew of it."""
        with self._ledger.change():
            job = jobs.TABLE.get(self._db, job_id)
            if job is not None and job.state == "assigned" and job.agent_id == agent_id:
                self._scheduler.requeue(job)

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


def _any_meets(rules: Tuple[str, ...], idle_agents: List[IdleAgent]) -> bool:
    return any(agent_tags.meet(rules, idle.agent.meta_data) for idle in idle_agents)


def _is_free(agent: Agent) -> bool:
    """Say whether there is nothing to tell an agent: it may be offered a job."""
    return agent.state == "connected" and not agent.paused and not agent.job_id


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
