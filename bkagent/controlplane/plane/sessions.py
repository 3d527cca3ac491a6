"""The part of the control plane that agents' sessions speak to: register, connect, ping, heartbeat, pause, stop."""

from __future__ import annotations

import time
from typing import List, Optional, Sequence

from bkagent.controlplane.errors import BadRequest, Forbidden, Rejected, Unauthorized
from bkagent.controlplane.plane.jobs import PlaneJobs
from bkagent.controlplane.records import Agent, Caller, Job
from bkagent.controlplane.scheduling import dispatch, limits, states
from bkagent.controlplane.store import agents, jobs
from bkagent.controlplane.tokens import JOB_PREFIX, SESSION_PREFIX
from bkagent.wire.ping import DISCONNECT, PAUSE, Ping
from bkagent.wire.registration import Registered, Registration

LIVE = ("connected", "stopping")
_GONE = ("disconnected", "stopped")


class PlaneAgents(PlaneJobs):
    """Sessions of agents."""

    # Tokens

    def caller(self, token: str) -> Caller:
        """Return whose token this is: a session's, with the job that it runs, or a job's while it runs.

        Raises Unauthorized.
        """
        agent_id = self.tokens.owner(SESSION_PREFIX, token)
        if agent_id:
            agent = agents.TABLE.get(self._db, agent_id)
            if agent is not None and self.tokens.is_session(token, agent_id) and agent.state not in _GONE:
                job = jobs.TABLE.get(self._db, agent.job_id) if agent.job_id else None
                if job is None or job.agent_id != agent_id or job.state not in states.TAKEN:
                    return Caller(agent_id, is_session=True)
                return Caller(agent_id, job.id, job.build_id, is_session=True)
        job = self._job_of(token)
        if job is not None and job.state in states.TAKEN:
            return Caller(job.agent_id, job.id, job.build_id)
        raise Unauthorized("the token is not valid, or not valid any more")

    def job_caller(self, token: str, job_id: str) -> Job:
        """Return the job that a call about its own run is for: start, finish, state, log.

        The job's token is good for these after the job has ended too, so that an agent learns that it has.
        Raises Unauthorized or Forbidden.
        """
        job = self._job_of(token)
        if job is not None:
            if job.id != job_id:
                raise Forbidden("the token belongs to another job")
            return job
        caller = self.caller(token)
        job = self.job(job_id)
        if job.agent_id != caller.agent_id:
            raise Forbidden("the job is not this agent's")
        return job

    def _job_of(self, token: str) -> Optional[Job]:
        job_id = self.tokens.owner(JOB_PREFIX, token)
        job = jobs.TABLE.get(self._db, job_id) if job_id else None
        return job if job is not None and self.tokens.is_job(token, job.id, job.agent_id) else None

    # Sessions

    def register(self, registration: Registration, *, user_agent: str = "", ip_address: str = "") -> Registered:
        """Make a session for an agent. Raises Rejected for tags that are none."""
        tags = registration.meta_data
        if len(tags) > limits.TAGS_PER_AGENT or any(len(tag) > 1000 for tag in tags):
            raise Rejected(f"an agent has at most {limits.TAGS_PER_AGENT} tags of at most 1000 characters")
        priority = _whole(registration.priority)
        with self._change() as now:
            id = self.new_id()
            agent = Agent(
                id=id, name=_name(registration) or f"agent-{id[:8]}", state="never_connected", created_at=now,
                hostname=registration.hostname, os=registration.os, arch=registration.arch,
                version=registration.version, build=registration.build, user_agent=user_agent, ip_address=ip_address,
                pid=max(0, min(registration.pid, 1 << 62)), machine_id=registration.machine_id, priority=priority,
                meta_data=tuple(tags), features=tuple(registration.features),
                ignore_in_dispatches=registration.ignore_in_dispatches, heartbeat_at=now,
            )  # fmt: skip
            agents.TABLE.add(self._db, agent)
            self._seen[id] = now
        return Registered(
            id=id, name=agent.name, access_token=self.tokens.of_session(id), meta_data=agent.meta_data,
            ping_interval_s=self.timing.ping_interval_s, job_status_interval_s=self.timing.job_status_interval_s,
            heartbeat_interval_s=self.timing.heartbeat_interval_s, lost_after_s=self.timing.lost_after_s,
        )  # fmt: skip

    def connect(self, agent_id: str) -> Agent:
        """Note that an agent is ready for work."""
        with self._change() as now:
            self._seen[agent_id] = now
            agent = self.agent(agent_id)
            if agent.state == "connected":
                return agent
            return self._set_agent(agent, state="connected", connected_at=now, lost_at=None, heartbeat_at=now)

    def disconnect(self, agent_id: str) -> Agent:
        """Note that an agent has left. A job offered to it goes back; for one that it runs, it counts as silent."""
        with self._change() as now:
            agent = self.agent(agent_id)
            if agent.state in _GONE:
                return agent
            for job in jobs.TABLE.all(self._db, "agent_id = ? AND state IN ('assigned', 'accepted')", (agent_id,)):
                self._offer_again(job)
            stopped = agent.state == "stopping"
            return self._set_agent(
                self.agent(agent_id), state="stopped" if stopped else "disconnected", disconnected_at=now,
                stopped_at=now if stopped else agent.stopped_at,
            )  # fmt: skip

    def heartbeat(self, agent_id: str) -> float:
        """Note a sign of life; return when it came. Raises Unauthorized for a session that has ended."""
        with self._change() as now:
            agent = self._alive(agent_id, now)
            agents.TABLE.change(self._db, agent, heartbeat_at=now)
            return now

    def _alive(self, agent_id: str, now: float) -> Agent:
        agent = self.agent(agent_id)
        if agent.state in _GONE:
            raise Unauthorized("the agent has disconnected")
        self._seen[agent_id] = now
        if agent.state == "lost":
            agent = self._set_agent(agent, state="connected", lost_at=None)
        return agent

    # Work

    def next_action(self, agent_id: str) -> Ping:
        """Return what an agent shall do now: a job to accept, nothing, wait while paused, or leave."""
        with self._change() as now:
            agent = self._alive(agent_id, now)
            if agent.state == "stopping":
                return Ping(DISCONNECT, "the agent was asked to stop")
            if agent.paused:
                return Ping(PAUSE, agent.paused_note or "the agent is paused")
            if agent.state != "connected":
                return Ping()
            current = self._current_offer(agent)
            if current or agent.ignore_in_dispatches or self.agent(agent_id).job_id:
                return Ping(job_id=current)
            job = self._first_for(agent)
            if job is None:
                return Ping()
            self._set_job(job, state="assigned", agent_id=agent_id, assigned_at=now)
            self._set_agent(self.agent(agent_id), job_id=job.id)
            return Ping(job_id=job.id)

    def wait_for_work(self, agent_id: str, timeout_s: float) -> bool:
        """Wait until a ping of this agent would bring something new; say whether it would."""
        deadline = time.monotonic() + timeout_s
        while True:
            with self._work:
                serial = self._work_serial
            if self._has_news(agent_id):
                return True
            with self._work:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._work.wait_for(lambda seen=serial: self._work_serial != seen, left)  # type: ignore[misc]

    def _has_news(self, agent_id: str) -> bool:
        with self._db.lock:
            agent = self.agent(agent_id)
            if agent.state != "connected" or agent.paused:
                return True
            return not agent.ignore_in_dispatches and not agent.job_id and self._first_for(agent) is not None

    def _first_for(self, agent: Agent) -> Optional[Job]:
        for job in jobs.runnable(self._db):
            if dispatch.suits(job.agent_query_rules, agent.meta_data):
                return job
        return None

    def _current_offer(self, agent: Agent) -> str:
        """Return the job that this agent was offered and has not started: its answer may have been lost on the way."""
        job = jobs.TABLE.get(self._db, agent.job_id) if agent.job_id else None
        if job is None or job.agent_id != agent.id or job.final:
            if agent.job_id:
                self._set_agent(agent, job_id="")
            return ""
        if job.state in ("assigned", "accepted"):
            return job.id
        if job.state == "canceling" and job.started_at is None:
            # Canceled between accept and start, and dropped there: nobody will report its end.
            self._set_job(job, state="canceled")
            self._free_agent(job)
            self._advance(job.build_id)
        return ""

    def _offer_again(self, job: Job) -> None:
        self._free_agent(job)
        self._set_job(job, state="scheduled", agent_id="", assigned_at=None, accepted_at=None)

    # Agents as people see them

    def agents(self, *, states: Sequence[str] = LIVE) -> List[Agent]:
        """Return the agents in these states (none given: in all), the newest first."""
        if not states:
            return agents.TABLE.all(self._db, "1 ORDER BY created_at DESC, rowid DESC")
        found = agents.TABLE.among(self._db, "state", list(states))
        return sorted(found, key=lambda agent: agent.created_at, reverse=True)

    def stop_agent(self, agent_id: str, *, force: bool = False) -> Agent:
        """Ask an agent to leave, with `force` its job and that job's build are canceled. Raises BadRequest."""
        with self._change():
            agent = self.agent(agent_id)
            if agent.state not in LIVE:
                raise BadRequest("Can only stop connected agents")
            changed = self._set_agent(agent, state="stopping", stop_force=agent.stop_force or force)
            job = jobs.TABLE.get(self._db, agent.job_id) if force and agent.job_id else None
            if job is not None and not job.final and not self.build(job.build_id).finished:
                self.cancel_build(job.build_id, reason="the agent was stopped")
            return changed

    def pause_agent(
        self, agent_id: str, *, note: str = "", timeout_minutes: Optional[int] = None, by: str = ""
    ) -> Agent:
        """Give an agent no work until it is resumed or the time is over. Raises Rejected."""
        with self._change() as now:
            agent = self.agent(agent_id)
            if agent.paused:
                raise Rejected("Agent is already paused")
            if agent.state != "connected":
                raise Rejected("Only connected agents may be paused")
            minutes = self.timing.pause_minutes if timeout_minutes is None else timeout_minutes
            return self._set_agent(
                agent, paused=True, paused_at=now, paused_note=note[:1000], paused_by=by, paused_timeout_minutes=minutes
            )

    def resume_agent(self, agent_id: str) -> Agent:
        """Give a paused agent work again. Raises Rejected."""
        with self._change():
            agent = self.agent(agent_id)
            if not agent.paused:
                raise Rejected("Agent is not paused")
            return self._resume(agent)

    def _resume(self, agent: Agent) -> Agent:
        return self._set_agent(
            agent, paused=False, paused_at=None, paused_note="", paused_by="", paused_timeout_minutes=None
        )


def _name(registration: Registration) -> str:
    """Return the agent's name. "%hostname" in it is the control plane's to fill in; agents send it as it is."""
    return registration.name.replace("%hostname", registration.hostname) or registration.hostname


def _whole(text: str) -> Optional[int]:
    try:
        return max(-(1 << 31), min(int(text), 1 << 31)) if text and len(text) < 20 else None
    except ValueError:
        return None
