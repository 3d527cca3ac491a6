"""Jobs handed out to agents: what a ping answers, until the agent has accepted or acquired a job."""

from __future__ import annotations

import dataclasses
from typing import Dict, List, Optional, Sequence, Tuple

from bkagent.controlplane.errors import JobNotReady, PlaneError, Rejected
from bkagent.controlplane.plane.dispatching.alarm import Alarm
from bkagent.controlplane.plane.dispatching.held_ping import HeldPing
from bkagent.controlplane.plane.dispatching.idle_agents import IdleAgent, IdleAgents, Ranking
from bkagent.controlplane.plane.job_envs import JobEnvs
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.scheduler import Scheduler
from bkagent.controlplane.plane.sessions import Sessions
from bkagent.controlplane.plane.steps import Steps
from bkagent.controlplane.plane.timing import Timing
from bkagent.controlplane.plane.watchers.runnable_jobs import RunnableJobs
from bkagent.controlplane.records import Agent, Job
from bkagent.controlplane.scheduling import agent_tags, limits
from bkagent.controlplane.store import agents, jobs
from bkagent.controlplane.tokens import Tokens
from bkagent.wire.accepted_job import AcceptedJob
from bkagent.wire.ping import DISCONNECT, PAUSE, Ping
from bkagent.wire.timestamps import text_of

MOST_HOLD_S = 9.0  # proxies and the reference's client wait for an answer for 60 s
PINGS_PER_S = 500.0  # of a large fleet that has nothing to do


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
        self._alarm = Alarm(self._end_waiting)
        self._is_holding_back = self._is_handing_out = self._is_work = False
        self._changed_ids: List[str] = []
        self._db = ledger.db
        ledger.on_work = self._hand_out

    def close(self) -> None:
        """Hold jobs back for nobody any more."""
        self._alarm.close()

    def begin_ping(self, agent_id: str, hold_s: float) -> HeldPing:
        """Return an agent's ping with its answer, if there is one already; else it waits until `expire`.

        Large fleets wait for longer than `hold_s`, so that they do not ping more often than can be answered.
        """
        hold_s = min(MOST_HOLD_S, max(hold_s, len(self._idle) / PINGS_PER_S)) if hold_s else 0.0
        ping = HeldPing(agent_id, self._idle.clock() + hold_s, self.withdraw)
        with self._db.lock:
            agent = self._sessions.touch(agent_id)
            answer = None if _is_free(agent) else self._answer_anew(agent)
            if answer is not None:
                ping.resolve(answer)
                return ping
            idle, former = self._idle.begin(self._ledger.agent(agent_id) if agent.job_id else agent, ping)
            if former is not None:
                former.resolve(Ping())  # the agent has pinged again: an offer must go to that ping
            # While a job is held back, it may go to any of them: the newcomer may be better than who is expected.
            try:
                self._match(self._idle.all() if self._is_holding_back else self._idle.newcomer(idle))
            except PlaneError:
                self._idle.remove(ping)
                raise
        return ping

    def expire(self, ping: HeldPing) -> None:
        """Answer a ping that has waited for long enough; in a moment, if a job is held back at present."""
        if self._idle.remove_late(ping):
            ping.resolve(Ping())

    def give_up(self, ping: HeldPing) -> None:
        """Forget a ping whose agent has gone. A job that it was offered goes to another."""
        if not self._idle.remove(ping):
            ping.note_gone()

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

    def _hand_out(self, agent_ids: Sequence[str]) -> None:
        """Answer the pings of agents whose state has changed, then offer the jobs that can run. Hold the store's lock.

        What this changes may be work for others again, which is done in the same call.
        """
        self._is_work = True
        self._changed_ids += agent_ids
        if self._is_handing_out:
            return
        self._is_handing_out = True
        try:
            while self._is_work:
                self._is_work = False
                while self._changed_ids:
                    self._answer_changed(self._changed_ids.pop())
                self._match(self._idle.all())
        except PlaneError:
            # A full disk, say: what was changed before is kept, and the next ping looks for a job again.
            self._hold_back([], self._idle.all())
        finally:
            self._is_handing_out = False

    def _answer_changed(self, agent_id: str) -> None:
        ping = self._idle.ping_of(agent_id)
        agent = agents.TABLE.get(self._db, agent_id) if ping is not None else None
        if ping is not None and agent is not None and not _is_free(agent) and self._idle.remove(ping):
            answer = None
            try:
                answer = self._answer_anew(agent)
            except PlaneError:
                pass  # the agent is told when it pings again
            finally:
                ping.resolve(answer or Ping())

    def _end_waiting(self) -> None:
        """Hand out what was held back for agents that did not come."""
        with self._db.lock:
            self._hand_out(())

    def _match(self, ranking: Ranking) -> None:
        """Offer the jobs that can run to the best of the idle agents, the first job first. Hold the store's lock."""
        pairs: List[Tuple[Job, Agent, HeldPing]] = []
        passed: List[IdleAgent] = []
        taken: Dict[HeldPing, Ping] = {}  # each gets its answer, whatever fails

        def is_wanted(rules: Sequence[str]) -> bool:
            return self._idle.has_any_for(ranking, rules)

        try:
            for job in self._runnable.walk(is_wanted) if ranking else ():
                best = self._take_best(ranking, job, taken)
                if best is not None and best.ping is None:
                    passed.append(best)
                elif best is not None and best.ping is not None:
                    pairs.append((job, best.agent, best.ping))
                if not ranking:
                    break
            if pairs:  # after the walk, which sees no changes
                self._offer_all(pairs)
            taken.update({ping: Ping(job_id=job.id) for job, _, ping in pairs})
        finally:
            self._hold_back(passed, ranking)
            for ping, answer in taken.items():
                ping.resolve(answer)

    def _hold_back(self, passed: List[IdleAgent], ranking: Ranking) -> None:
        """Wait for a moment for the agents that jobs are held back for."""
        self._is_holding_back = bool(passed)
        for overdue in self._idle.hold_back(passed, ranking):
            if self._idle.remove(overdue):
                overdue.resolve(Ping())
        if passed:
            self._alarm.set(min(idle.expected_until or 0.0 for idle in passed))

    def _take_best(self, ranking: Ranking, job: Job, taken: Dict[HeldPing, Ping]) -> Optional[IdleAgent]:
        """Take the best agent that can run a job out of the ranking, as its record is now.

        Its ping is added to `taken`, and those of agents that cannot after all, who hear why when they ping again.
        """
        while True:
            best = self._idle.take(ranking, job.agent_query_rules)
            if best is None or best.ping is None:
                return best
            taken[best.ping] = Ping()
            agent = agents.TABLE.get(self._db, best.agent.id)
            if agent is not None and _is_free(agent) and not agent.ignore_in_dispatches:
                return dataclasses.replace(best, agent=agent)

    def _offer_all(self, pairs: Sequence[Tuple[Job, Agent, HeldPing]]) -> None:
        with self._ledger.change() as now:
            for job, agent, _ in pairs:
                self._ledger.set_job(job, state="assigned", agent_id=agent.id, assigned_at=now)
                self._ledger.set_agent(agent, job_id=job.id)

    def withdraw(self, agent_id: str, job_id: str) -> None:
        """Take an offer back from an agent that has gone before it knew of it. Where the store fails, its time ends."""
        try:
            with self._ledger.change():
                job = jobs.TABLE.get(self._db, job_id)
                if job is not None and job.state == "assigned" and job.agent_id == agent_id:
                    self._scheduler.requeue(job)
        except PlaneError:
            pass  # a full disk, say, which is not the fault of whoever has just made or lost the offer

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
            agent = self._sessions.touch(agent_id)
            job = self._ledger.job(job_id)
            if job.agent_id != agent_id or job.state not in ("assigned", "accepted", "running"):
                raise Rejected(f"the job is {job.shown_state} and not offered to this agent")
            if job.state == "assigned":
                job = self._ledger.set_job(job, state="accepted", accepted_at=now)
            return self._accepted(job, agent)

    def acquire(self, agent_id: str, job_id: str) -> AcceptedJob:
        """Give an agent the job that it names, if its tags suit. Raises JobNotReady, or Rejected."""
        with self._ledger.change() as now:
            agent = self._sessions.touch(agent_id)
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
