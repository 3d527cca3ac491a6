"""The caller of the Agent API, by the token of the call."""

from __future__ import annotations

from typing import Optional

from bkagent.controlplane.errors import Forbidden, NotFound, Unauthorized
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.sessions import ENDED
from bkagent.controlplane.records import Caller
from bkagent.controlplane.scheduling import states
from bkagent.controlplane.store import agents, job_status
from bkagent.controlplane.store.job_status import JobStatus
from bkagent.controlplane.tokens import JOB_PREFIX, SESSION_PREFIX, Tokens


class Callers:
    """Finds the session or the job that a token belongs to."""

    def __init__(self, ledger: Ledger, tokens: Tokens) -> None:
        self._ledger, self._tokens = ledger, tokens
        self._db = ledger.db

    def by_token(self, token: str) -> Caller:
        """Return whose token this is: a session's, with the job that it runs, or a job's while it runs.

        Raises Unauthorized.
        """
        agent_id = self._tokens.owner(SESSION_PREFIX, token)
        if agent_id:
            agent = agents.TABLE.get(self._db, agent_id)
            if agent is not None and self._tokens.is_session(token, agent_id) and agent.state not in ENDED:
                job = job_status.TABLE.get(self._db, agent.job_id) if agent.job_id else None
                if job is None or job.agent_id != agent_id or job.state not in states.TAKEN:
                    return Caller(agent_id, is_session=True)
                return Caller(agent_id, job.id, job.build_id, is_session=True)
        job = self._job_by_token(token)
        if job is not None and job.state in states.TAKEN:
            return Caller(job.agent_id, job.id, job.build_id)
        raise Unauthorized("the token is unknown or no longer valid")

    def own_job(self, token: str, job_id: str) -> JobStatus:
        """Return the job that a call about its own run is for: start, finish, state, log.

        The job's token is good for these after the job has ended too, so that an agent learns that it has.
        Raises Unauthorized or Forbidden.
        """
        job = self._job_by_token(token)
        if job is not None:
            if job.id != job_id:
                raise Forbidden("the token belongs to another job")
            return job
        caller = self.by_token(token)
        job = job_status.TABLE.get(self._db, job_id)
        if job is None:
            raise NotFound("No job found")
        if job.agent_id != caller.agent_id:
            raise Forbidden("the job is not this agent's")
        return job

    def _job_by_token(self, token: str) -> Optional[JobStatus]:
        job_id = self._tokens.owner(JOB_PREFIX, token)
        job = job_status.TABLE.get(self._db, job_id) if job_id else None
        return job if job is not None and self._tokens.is_job(token, job.id, job.agent_id) else None
