"""Sessions of agents: register, connect, heartbeat, pause, stop."""

from __future__ import annotations

from typing import Collection, Dict, List, Mapping, Optional, Sequence, Tuple

from bkagent.controlplane.errors import InvalidRequest, Rejected, Unauthorized
from bkagent.controlplane.plane.builds import Builds
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.scheduler import Scheduler
from bkagent.controlplane.plane.timing import Timing
from bkagent.controlplane.records import Agent, Job, new_id
from bkagent.controlplane.scheduling import limits
from bkagent.controlplane.store import agents, jobs, queued_jobs
from bkagent.controlplane.tokens import Tokens
from bkagent.wire.registration import Registered, Registration

LIVE = ("connected", "stopping")
ENDED = ("disconnected", "stopped")


class Sessions:
    """Keeps the agents' sessions, and when each agent was last heard of."""

    def __init__(self, ledger: Ledger, builds: Builds, scheduler: Scheduler, tokens: Tokens, timing: Timing) -> None:
        self._ledger, self._builds, self._scheduler = ledger, builds, scheduler
        self._tokens, self._timing = tokens, timing
        self._db = ledger.db
        self._seen_at: Dict[str, float] = {}
        self._opened_at = ledger.steady()

    def get(self, agent_id: str) -> Agent:
        """Return an agent's session. Raises NotFound."""
        return self._ledger.agent(agent_id)

    def find(self, *, states: Sequence[str] = LIVE) -> List[Agent]:
        """Return the agents in these states (no states: all agents), the newest first."""
        if not states:
            return agents.TABLE.all(self._db, "1 ORDER BY created_at DESC, rowid DESC")
        records = agents.TABLE.among(self._db, "state", list(states))
        return sorted(records, key=lambda agent: agent.created_at, reverse=True)

    def lost(self, limit: int) -> Tuple[List[Agent], int]:
        """Return the agents given up as lost, the newest first, at most so many, and how many there are."""
        with self._db.lock:
            return agents.last_lost(self._db, limit), agents.TABLE.count(self._db, "state = 'lost'")

    def jobs_of(self, agent_id: str, limit: int) -> List[Job]:
        """Return the jobs that an agent had last, the newest first."""
        return queued_jobs.last_of_agent(self._db, agent_id, limit)

    def register(
        self, registration: Registration, *, user_agent: str = "", ip_address: str = "",
        creator: Optional[Mapping[str, str]] = None,
    ) -> Registered:  # fmt: skip
        """Begin a session of an agent; `creator` has the "name" and the "email" of its token's owner.

        Raises Rejected for too many tags, or too long ones.
        """
        tags = registration.meta_data
        if len(tags) > limits.TAGS_PER_AGENT or any(len(tag) > 1000 for tag in tags):
            raise Rejected(f"an agent has at most {limits.TAGS_PER_AGENT} tags of at most 1000 characters")
        priority = _priority(registration.priority)
        with self._ledger.change() as now:
            id = new_id()
            agent = Agent(
                id=id, name=self._name_of(registration) or f"agent-{id[:8]}", state="never_connected", created_at=now,
                hostname=registration.hostname, os=registration.os, arch=registration.arch,
                version=registration.version, build=registration.build, user_agent=user_agent, ip_address=ip_address,
                pid=max(0, min(registration.pid, 1 << 62)), machine_id=registration.machine_id, priority=priority,
                meta_data=tuple(tags), features=tuple(registration.features),
                ignore_in_dispatches=registration.ignore_in_dispatches, heartbeat_at=now, creator=creator or {},
            )  # fmt: skip
            agents.TABLE.add(self._db, agent)
            self.note_seen(id)
        return Registered(
            id=id, name=agent.name, access_token=self._tokens.of_session(id), meta_data=agent.meta_data,
            ping_interval_s=self._timing.ping_interval_s, job_status_interval_s=self._timing.job_status_interval_s,
            heartbeat_interval_s=self._timing.heartbeat_interval_s, lost_after_s=self._timing.lost_after_s,
        )  # fmt: skip

    def connect(self, agent_id: str) -> Agent:
        """Note that an agent is ready for work."""
        with self._ledger.change() as now:
            self.note_seen(agent_id)
            agent = self._ledger.agent(agent_id)
            if agent.state == "connected":
                return agent
            return self._ledger.set_agent(agent, state="connected", connected_at=now, lost_at=None, heartbeat_at=now)

    def disconnect(self, agent_id: str) -> Agent:
        """Note that an agent has left.

        A job that it has not started is offered to others; for one that it runs, the agent counts as silent.
        """
        with self._ledger.change() as now:
            agent = self._ledger.agent(agent_id)
            if agent.state in ENDED:
                return agent
            for job in jobs.TABLE.all(self._db, "agent_id = ? AND state IN ('assigned', 'accepted')", (agent_id,)):
                self._scheduler.requeue(job)
            stopped = agent.state == "stopping"
            return self._ledger.set_agent(
                self._ledger.agent(agent_id), state="stopped" if stopped else "disconnected", disconnected_at=now,
                stopped_at=now if stopped else agent.stopped_at,
            )  # fmt: skip

    def heartbeat(self, agent_id: str) -> float:
        """Note a sign of life; return when it came. Raises Unauthorized for a session that has ended."""
        with self._db.lock:
            self.touch(agent_id)  # in memory: after a restart of the control plane silences count from there
            return self._ledger.clock()

    def touch(self, agent_id: str) -> Agent:
        """Note that an agent calls; one that was given up as lost is connected again. Hold the store's lock.

        Raises Unauthorized for a session that has ended.
        """
        agent = self._ledger.agent(agent_id)
        if agent.state in ENDED:
            raise Unauthorized("the agent has disconnected")
        self.note_seen(agent_id)
        if agent.state == "lost":
            with self._ledger.change():
                agent = self._ledger.set_agent(agent, state="connected", lost_at=None)
        return agent

    def note_seen(self, agent_id: str) -> None:
        """Note that an agent, or the job that it runs, calls."""
        self._seen_at[agent_id] = self._ledger.steady()

    def silence_s(self, agent_id: str) -> float:
        """Return how long an agent has not called. The time while the control plane was closed does not count."""
        return self._ledger.steady() - self._seen_at.get(agent_id, self._opened_at)

    def forget_others(self, agent_ids: Collection[str]) -> None:
        """Forget when other agents than these have called."""
        for agent_id in self._seen_at.keys() - agent_ids:
            del self._seen_at[agent_id]

    def stop(self, agent_id: str, *, force: bool = False, again: bool = False) -> Agent:
        """Ask an agent to leave; with `force` the build of its job is canceled.

        Raises InvalidRequest for one that is not connected, such as one that was asked before, unless `again`.
        """
        with self._ledger.change():
            agent = self._ledger.agent(agent_id)
            if agent.state != "connected" and not (again and agent.state == "stopping"):
                raise InvalidRequest("Can only stop connected agents")
            stopping = self._ledger.set_agent(agent, state="stopping", stop_force=agent.stop_force or force)
            job = jobs.TABLE.get(self._db, agent.job_id) if force and agent.job_id else None
            if job is not None and not job.final and not self._ledger.build(job.build_id).finished:
                self._builds.cancel(job.build_id, reason="the agent was stopped")
            return stopping

    def pause(self, agent_id: str, *, note: str = "", timeout_minutes: Optional[int] = None, by: str = "") -> Agent:
        """Give an agent no work until it is resumed or the time is over. Raises Rejected."""
        with self._ledger.change() as now:
            agent = self._ledger.agent(agent_id)
            if agent.paused:
                raise Rejected("Agent is already paused")
            if agent.state != "connected":
                raise Rejected("Only connected agents may be paused")
            minutes = self._timing.pause_minutes if timeout_minutes is None else timeout_minutes
            return self._ledger.set_agent(
                agent, paused=True, paused_at=now, paused_note=note[:1000], paused_by=by, paused_timeout_minutes=minutes
            )

    def resume(self, agent_id: str) -> Agent:
        """Give a paused agent work again. Raises Rejected."""
        with self._ledger.change():
            agent = self._ledger.agent(agent_id)
            if not agent.paused:
                raise Rejected("Agent is not paused")
            return self._ledger.set_agent(
                agent, paused=False, paused_at=None, paused_note="", paused_by="", paused_timeout_minutes=None
            )

    def _name_of(self, registration: Registration) -> str:
        """Return the agent's name, which is that of its host if it has none of its own.

        "%hostname" in it is the control plane's to fill in; agents send it as it is. Several agents of a host that have
        no name get a number each, since an agent's checkouts lie in a folder of its name.
        """
        name = registration.name.replace("%hostname", registration.hostname)
        if name or not registration.hostname:
            return name
        taken = agents.present_names(self._db, registration.hostname)
        numbered = (f"{registration.hostname}-{number}" for number in range(2, len(taken) + 2))
        return (
            registration.hostname if registration.hostname not in taken else next(n for n in numbered if n not in taken)
        )


def _priority(text: str) -> Optional[int]:
    """Return an agent's priority, within 32 bits; None if it is not set."""
    try:
        return max(-(1 << 31), min(int(text), 1 << 31)) if text and len(text) < 20 else None
    except ValueError:
        return None
