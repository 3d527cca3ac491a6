"""The environment variables that jobs get from the control plane."""

from __future__ import annotations

from typing import Dict

from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.pipelines import Pipelines
from bkagent.controlplane.plane.steps import Steps
from bkagent.controlplane.records import Agent, Job
from bkagent.controlplane.scheduling.job_env import JobFacts, job_env
from bkagent.controlplane.store import agents, jobs
from bkagent.pipeline.model.steps import CommandStep


class JobEnvs:
    """Makes the variables of jobs. `web_url`: the server's URL, which links in them begin with."""

    def __init__(self, ledger: Ledger, pipelines: Pipelines, steps: Steps, organization: str) -> None:
        self._ledger, self._pipelines, self._steps = ledger, pipelines, steps
        self._organization = organization
        self.web_url = ""

    def of_job(self, job_id: str) -> Dict[str, str]:
        """Return the variables of a job that an agent has or had; {} for one without."""
        with self._ledger.db.lock:
            job = self._ledger.job(job_id)
            agent = agents.TABLE.get(self._ledger.db, job.agent_id) if job.agent_id else None
            return self.for_agent(job, agent) if agent is not None and job.type == "script" else {}

    def for_agent(self, job: Job, agent: Agent) -> Dict[str, str]:
        """Return the variables of a job that this agent runs."""
        step, upload = self._steps.with_upload(job)
        assert isinstance(step, CommandStep)
        build = self._ledger.build_alone(job.build_id)
        pipeline = self._pipelines.get(build.pipeline_slug)
        return job_env(
            JobFacts(
                job=job, step=step, document=upload.pipeline, build=build, pipeline=pipeline, agent=agent,
                organization=self._organization, web_url=self.web_url,
                unblocker=jobs.last_unblocked_before(self._ledger.db, job),
            )
        )  # fmt: skip
