"""The part of the control plane that follows a job from its offer to its end, and gives up what went silent."""

from __future__ import annotations

from typing import Any, Dict, Optional

from bkagent.controlplane.errors import Locked, Rejected
from bkagent.controlplane.plane.sessions import PlaneAgents
from bkagent.controlplane.records import Agent, Job
from bkagent.controlplane.scheduling import dispatch, limits, retries, states
from bkagent.controlplane.scheduling.job_env import JobContext, job_env
from bkagent.controlplane.store import agents, jobs, steps
from bkagent.pipeline.model.steps import CommandStep
from bkagent.wire.accepted_job import AcceptedJob
from bkagent.wire.finish import Finish
from bkagent.wire.timestamps import moment_of, text_of

_ENDED = ("finished", "canceled", "timed_out")
_LOWEST_STATUS, _HIGHEST_STATUS = -(1 << 31), (1 << 32) - 1


class PlaneRuns(PlaneAgents):
    """Jobs in the hands of agents."""

    def accept(self, agent_id: str, job_id: str) -> AcceptedJob:
        """Give the agent the job that it was offered; asking again gives the same. Raises Rejected."""
        with self._change() as now:
            agent = self._alive(agent_id, now)
            job = self.job(job_id)
            if job.agent_id != agent_id or job.state not in ("assigned", "accepted", "running"):
                raise Rejected(f"the job is {job.shown_state} and not offered to this agent")
            if job.state == "assigned":
                job = self._set_job(job, state="accepted", accepted_at=now)
            return self._accepted(job, agent)

    def acquire(self, agent_id: str, job_id: str) -> AcceptedJob:
        """Give the agent a job that it names, if its tags suit. Raises Locked for one not ready yet, else Rejected."""
        with self._change() as now:
            agent = self._alive(agent_id, now)
            job = self.job(job_id)
            if job.agent_id == agent_id and job.state in ("assigned", "accepted", "running"):
                return self.accept(agent_id, job_id)
            if job.type == "script" and job.state in ("waiting", "blocked", "limited"):
                raise Locked(f"the job is {job.shown_state}; it cannot run yet")
            if job.type != "script" or job.state != "scheduled" or agent.job_id:
                raise Rejected(f"the job is {job.shown_state} and cannot be acquired")
            if agent.state == "stopping":
                raise Rejected("the agent was asked to stop and is given no further job")
            if not dispatch.suits(job.agent_query_rules, agent.meta_data):
                raise Rejected(f"the job is for agents with other tags: {_targets(job)}")
            job = self._set_job(job, state="accepted", agent_id=agent_id, assigned_at=now, accepted_at=now)
            agent = self._set_agent(agent, job_id=job.id)
            return self._accepted(job, agent)

    def _accepted(self, job: Job, agent: Agent) -> AcceptedJob:
        return AcceptedJob(
            id=job.id, token=self.tokens.of_job(job.id, agent.id), env=self._env_of(job, agent),
            step=self.step_document(job.step_id), matrix_permutation=job.matrix,
            chunks_max_size_bytes=limits.CHUNK_BYTES, chunks_interval_s=self.timing.chunk_interval_s,
            log_max_size_bytes=limits.LOG_BYTES, priority=job.priority,
            runnable_at=text_of(job.runnable_at) if job.runnable_at is not None else "",
        )  # fmt: skip

    def job_env(self, job_id: str) -> Dict[str, str]:
        """Return the variables of a job that an agent has or had; {} for one without."""
        with self._db.lock:
            job = self.job(job_id)
            agent = agents.TABLE.get(self._db, job.agent_id) if job.agent_id else None
            return self._env_of(job, agent) if agent is not None and job.type == "script" else {}

    def _env_of(self, job: Job, agent: Agent) -> Dict[str, str]:
        entry = steps.TABLE.get(self._db, job.step_id)
        assert entry is not None
        document, walk = self._model(entry.upload_id)
        step = walk[entry.at][0]
        assert isinstance(step, CommandStep)
        build = self.build(job.build_id)
        unblockers = jobs.TABLE.all(
            self._db, "build_id = ? AND state = 'unblocked' AND sequence < ? ORDER BY sequence DESC LIMIT 1",
            (job.build_id, job.sequence),
        )  # fmt: skip
        return job_env(
            JobContext(
                job,
                step,
                document,
                build,
                self.pipeline(build.pipeline_slug),
                agent,
                self.organization,
                self.web_url,
                unblockers[0] if unblockers else None,
            )  # fmt: skip
        )

    def start(self, job_id: str, *, started_at: str = "") -> Job:
        """Note that a job has started, at this RFC 3339 time. Repeating it changes nothing. Raises Rejected."""
        with self._change() as now:
            job = self.job(job_id)
            if not job.final:
                self._seen[job.agent_id] = now
            if job.state in ("running", "canceling", "timing_out") and job.started_at is not None:
                return job
            if job.state not in ("accepted", "canceling"):
                raise Rejected(f"the job is {job.shown_state}; it cannot start")
            begun = _within(moment_of(started_at), job.accepted_at, now)
            job = self._set_job(job, state="running" if job.state == "accepted" else job.state, started_at=begun)
            if self.build(job.build_id).started_at is None:
                self._settle(job.build_id)
            return job

    def job_state(self, job_id: str) -> str:
        """Return the state of a job in the words that agents know."""
        return self.job(job_id).state

    def finish(self, job_id: str, result: Finish) -> Job:
        """Note how a job ended. The same result again changes nothing; another one raises Rejected."""
        with self._change() as now:
            job = self.job(job_id)
            status = _status(result.exit_status)
            if not job.final:
                self._seen[job.agent_id] = now
                if job.state not in states.TAKEN:
                    raise Rejected(f"the job is {job.shown_state}; it has not started")
                return self._end(
                    job, status, signal=result.signal, signal_reason=result.signal_reason,
                    finished_at=_within(moment_of(result.finished_at), job.started_at, now),
                    chunks_failed_count=result.chunks_failed_count, leaves=result.ignore_agent_in_dispatches,
                )  # fmt: skip
            if job.reason == states.LOST_REASON:
                self._set_job(job, reason=states.LATE_REASON)
        if job.state not in _ENDED or (job.exit_status, job.signal) != (status, result.signal):
            raise Rejected(f"the job is {job.shown_state}; its result is not wanted any more")
        return job

    def _end(self, job: Job, status: int, *, leaves: bool = False, **details: Any) -> Job:
        state = "finished"
        if job.state == "canceling":
            state = "canceled"
        elif job.state == "timing_out" and status != 0:
            state = "timed_out"
        agent = agents.TABLE.get(self._db, job.agent_id)
        job = self._set_job(job, state=state, exit_status=status, **details)
        if agent is not None:
            self._set_agent(
                agent, job_id="" if agent.job_id == job.id else agent.job_id, last_job_finished_at=self._clock(),
                ignore_in_dispatches=agent.ignore_in_dispatches or leaves,
            )  # fmt: skip
            self._work_ready = True
        self._judge(job)
        self._advance(job.build_id)
        return self.job(job.id)

    def _judge(self, job: Job) -> None:
        """Run a failed job again where a rule says so, else see whether its failure is a soft one."""
        step = self._step_of(job)
        if job.passed or job.state == "canceled" or not isinstance(step, CommandStep):
            return
        build = self.build(job.build_id)
        attempts = jobs.TABLE.all(self._db, "slot_id = ?", (job.slot_id,))
        rule = retries.NO_RULE if build.cancel_requested else retries.rule_for(step.retry, job, attempts)
        if rule != retries.NO_RULE:
            self._retry(job, "automatic", rule)
        elif job.soft_fail_any or job.exit_status in job.soft_fail_statuses:
            self._set_job(job, soft_failed=True)


def _targets(job: Job) -> str:
    """Return the tags that an agent needs for a job, its queue among them."""
    return ", ".join(sorted({*job.agent_query_rules, f"queue={dispatch.queue_of(job.agent_query_rules)}"}))


def _within(moment: Optional[float], low: Optional[float], high: float) -> float:
    """Return a moment that an agent told, as far as it agrees with our own clock."""
    if moment is None:
        return high
    return min(max(moment, high if low is None else low), high)


def _status(text: str) -> int:
    try:
        status = int(text) if len(text) < 20 else -1
    except ValueError:
        status = -1
    return status if _LOWEST_STATUS <= status <= _HIGHEST_STATUS else -1
