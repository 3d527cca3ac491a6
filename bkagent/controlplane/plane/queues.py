"""Queues as people look at them: the agents of each, its jobs, and why those wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, List, Sequence, Set, Tuple

from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.steps import Steps
from bkagent.controlplane.records import AgentGroup, Job
from bkagent.controlplane.scheduling import agent_load, agent_tags, states
from bkagent.controlplane.scheduling.agent_load import AgentLoad
from bkagent.controlplane.scheduling.wait_reasons import WaitReasons
from bkagent.controlplane.store import agents, queued_jobs
from bkagent.controlplane.store.queued_jobs import JobGroup

# What one page explains; each build is read whole for it.
EXPLAINED_BUILDS_COUNT = 8
_READY, _LIMITED, _LATER = ("scheduled",), ("limiting", "limited"), ("waiting", "blocked")
_RUNNING = tuple(sorted(states.WITH_AGENT))


@dataclass(frozen=True)
class QueueLoad:
    """One queue.

    running  jobs that agents have; `ready` those that wait for an agent, `limited` those that wait for others of
             their concurrency group, `later` those that wait for steps of their build
    first    the first of the jobs that wait, in the order in which agents get them
    """

    name: str
    agents: AgentLoad
    running: int
    ready: int
    limited: int
    later: int
    first: Tuple[Job, ...]


class Queues:
    """Reads what the queues have."""

    def __init__(self, ledger: Ledger, steps: Steps) -> None:
        self._ledger, self._steps = ledger, steps
        self._db = ledger.db

    def loads(self, jobs_count: int) -> List[QueueLoad]:
        """Return the queues that have an agent in touch or a job that has not ended, each with its first jobs."""
        with self._db.lock:
            groups = agents.live_groups(self._db)
            job_groups = queued_jobs.groups(self._db, (*_RUNNING, *_READY, *_LIMITED, *_LATER))
            by_queue: Dict[str, List[JobGroup]] = {name: [] for name in _queues_of(groups)}
            for job_group in job_groups:
                by_queue.setdefault(agent_tags.queue_of(job_group.rules), []).append(job_group)
            return [self._load(name, groups, by_queue[name], jobs_count) for name in sorted(by_queue)]

    def _load(
        self, name: str, groups: Sequence[AgentGroup], job_groups: Sequence[JobGroup], jobs_count: int
    ) -> QueueLoad:
        own = [group for group in groups if agent_load.is_in_queue(group.tags, name)]
        running, ready, limited, later = (
            sum(group.count for group in job_groups if group.state in kind)
            for kind in (_RUNNING, _READY, _LIMITED, _LATER)
        )
        rules = sorted({group.rules for group in job_groups})
        first: List[Job] = []
        for kind, count in ((_READY, ready), (_LIMITED, limited), (_LATER, later)):
            if count and len(first) < jobs_count:
                first += queued_jobs.first(self._db, rules, kind, jobs_count - len(first))
        return QueueLoad(name, agent_load.load_of(own), running, ready, limited, later, tuple(first))

    def reasons(self, jobs: Iterable[Job]) -> Dict[str, str]:
        """Return by id, for each command job among these that waits, what it waits for."""
        waiting = [job for job in jobs if job.type == "script" and job.state in (*_READY, *_LIMITED, *_LATER)]
        with self._db.lock:
            groups = agents.live_groups(self._db) if any(job.state in _READY for job in waiting) else []
            loads: Dict[Tuple[str, ...], str] = {}
            builds: Dict[str, WaitReasons] = {}
            texts = {}
            for job in waiting:
                if job.state in _READY:
                    if job.agent_query_rules not in loads:
                        loads[job.agent_query_rules] = _agent_reason(job.agent_query_rules, groups)
                    texts[job.id] = loads[job.agent_query_rules]
                elif job.state in _LIMITED:
                    texts[job.id] = self._limit_reason(job)
                else:
                    texts[job.id] = self._step_reason(job, builds)
            return texts

    def _limit_reason(self, job: Job) -> str:
        held = queued_jobs.holders_count(self._db, job.concurrency_group, sorted(states.HOLDING))
        limit = job.concurrency_limit or 0
        if held < limit:
            return f"other jobs are ahead in the concurrency group \u201c{job.concurrency_group}\u201d"
        return f"the concurrency group \u201c{job.concurrency_group}\u201d is full: {held} of {limit} jobs"

    def _step_reason(self, job: Job, builds: Dict[str, WaitReasons]) -> str:
        if job.build_id not in builds:
            if len(builds) >= EXPLAINED_BUILDS_COUNT:
                return "waits for other steps of its build"
            builds[job.build_id] = WaitReasons(self._steps.nodes(job.build_id))
        return builds[job.build_id].of(job)


def _agent_reason(rules: Tuple[str, ...], groups: Sequence[AgentGroup]) -> str:
    suitable = [group for group in groups if agent_tags.meet(rules, group.tags)]
    return agent_load.why_no_agent(rules, agent_load.load_of(suitable))


def _queues_of(groups: Iterable[AgentGroup]) -> Set[str]:
    """Return the queues that agents name, each of its tags a queue of its own; without such a tag the default one."""
    names: Set[str] = set()
    for group in groups:
        keys = [tag.partition("=") for tag in group.tags]
        names.update([value.strip() for key, _, value in keys if key.strip() == "queue"] or [agent_tags.DEFAULT_QUEUE])
    return names
