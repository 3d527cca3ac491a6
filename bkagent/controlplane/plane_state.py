"""What every part of the control plane stands on: the store, the clock, the events, and one step of scheduling."""

from __future__ import annotations

import dataclasses
import threading
import uuid
from collections import OrderedDict
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from bkagent.controlplane.errors import NotFound
from bkagent.controlplane.events import Feed, Subscription
from bkagent.controlplane.log_file import LogFile
from bkagent.controlplane.records import FINAL_STATES, Agent, Build, Event, Job
from bkagent.controlplane.scheduling import build_state, concurrency, ordering, states
from bkagent.controlplane.scheduling.nodes import Node
from bkagent.controlplane.store import agents, builds, jobs, steps, uploads
from bkagent.controlplane.store.database import Database
from bkagent.controlplane.tokens import Tokens
from bkagent.pipeline import steps_reader
from bkagent.pipeline.steps import GroupStep, Pipeline, Step

MOST_MODELS = 256
Walk = Tuple[Tuple[Step, Optional[GroupStep]], ...]


@dataclasses.dataclass(frozen=True)
class Timing:
    """How often agents ask and speak up, in seconds, and after which silence something is given up."""

    ping_interval_s: float = 1.0
    job_status_interval_s: float = 1.0
    heartbeat_interval_s: float = 30.0
    chunk_interval_s: float = 1.0
    # Source: pipelines of the reference service: an agent is lost after three minutes without a heartbeat.
    lost_after_s: float = 180.0
    offer_s: float = 60.0
    accepted_s: float = 900.0
    pause_minutes: int = 5


class PlaneState:
    """Holds everything open; the parts of the plane derive from it."""

    def __init__(self, folder: str, db: Database, tokens: Tokens, organization: str, clock: Callable[[], float],
                 timing: Timing) -> None:  # fmt: skip
        self.folder = folder
        self.organization = organization
        self.web_url = ""
        self.tokens = tokens
        self.timing = timing
        self._db = db
        self._clock = clock
        self._feed = Feed()
        self._events: List[Event] = []
        self._changing = False
        self._work = threading.Condition()
        self._work_serial = 0
        self._work_ready = False
        self._seen: Dict[str, float] = {}
        self._opened_at = clock()
        self._models: "OrderedDict[str, Tuple[Pipeline, Walk]]" = OrderedDict()
        self._logs: "OrderedDict[str, LogFile]" = OrderedDict()
        self._logs_lock = threading.Lock()

    def subscribe(self) -> Subscription:
        """Return a subscription to everything that happens from now on."""
        return self._feed.subscribe()

    @staticmethod
    def new_id() -> str:
        """Return an id of our own making."""
        return str(uuid.uuid4())

    @contextmanager
    def _change(self) -> Iterator[float]:
        """Make one change of the store; yields the time. Its events go out once it is kept, in order."""
        with self._db.lock:
            if self._changing:
                yield self._clock()
                return
            self._changing = True
            try:
                with self._db.change():
                    yield self._clock()
                events = list(self._events)
                for event in events:
                    self._feed.publish(event)
                if self._work_ready:
                    with self._work:
                        self._work_serial += 1
                        self._work.notify_all()
            finally:
                self._changing = False
                self._work_ready = False
                self._events.clear()

    def _tell(self, event: Event) -> None:
        self._events.append(event)

    # Records by id

    def build(self, build_id: str) -> Build:
        """Return a build. Raises NotFound."""
        with self._db.lock:
            found = builds.TABLE.get(self._db, build_id)
            if found is None:
                raise NotFound("No build found")
            return builds.with_meta_data(self._db, [found])[0]

    def job(self, job_id: str) -> Job:
        """Return a job. Raises NotFound."""
        found = jobs.TABLE.get(self._db, job_id)
        if found is None:
            raise NotFound("No job found")
        return found

    def agent(self, agent_id: str) -> Agent:
        """Return an agent's session. Raises NotFound."""
        found = agents.TABLE.get(self._db, agent_id)
        if found is None:
            raise NotFound("No agent found")
        return found

    # Changes of records

    def _set_job(self, job: Job, **changes: Any) -> Job:
        """Change a job; a change of state must be a legal move, and is told to whoever listens."""
        state = changes.get("state", job.state)
        if state != job.state:
            states.check(job, state)
            now = self._clock()
            if state == "scheduled":
                changes.setdefault("runnable_at", now)
                self._work_ready = True
            if state in FINAL_STATES:
                changes.setdefault("finished_at", now)
            elif job.final:
                changes.setdefault("finished_at", None)
        changed = jobs.TABLE.change(self._db, job, **changes)
        if state != job.state:
            self._tell(Event("job", job.build_id, job.id, changed.agent_id, changed.shown_state))
        return changed

    def _set_agent(self, agent: Agent, **changes: Any) -> Agent:
        changed = agents.TABLE.change(self._db, agent, **changes)
        if changed.state != agent.state or changed.paused != agent.paused or changed.job_id != agent.job_id:
            self._tell(Event("agent", agent_id=agent.id, state=changed.state))
        if changed.state != agent.state or changed.paused != agent.paused:
            self._work_ready = True
        return changed

    # Scheduling

    def _advance(self, build_id: str) -> Build:
        """Let everything follow from the present states of a build's jobs; return the build as it is then."""
        build = self.build(build_id)
        while True:
            nodes = self._nodes(build_id)
            current = {job.id: job for node in nodes for job in node.jobs}
            if build.cancel_requested:
                break
            changes = ordering.advance(nodes)
            for change in changes:
                self._set_job(
                    current[change.job_id], state=change.state, broken_reason=change.broken_reason, reason=change.reason
                )
            if not self._cancel_for_failing(nodes, build_id):
                break
        self._admit(build_id)
        return self._settle(build_id)

    def _cancel_for_failing(self, nodes: List[Node], build_id: str) -> bool:
        """Cancel the jobs that asked for it once another one has failed; say whether there were any."""
        found = jobs.of_build(self._db, build_id)
        if not any(states.counts_against(job) for job in found if not job.retried):
            return False
        asked = {node.id for node in nodes if getattr(node.step, "cancel_on_build_failing", False)}
        canceled = [job for job in found if job.step_id in asked and not job.final and job.state not in ("canceling",)]
        for job in canceled:
            self._stop_job(job, "the build is failing")
        return bool(canceled)

    def _stop_job(self, job: Job, reason: str) -> Job:
        """Cancel a job that has not ended: at once, or through its agent."""
        now = self._clock()
        if job.state in ("accepted", "running", "timing_out"):
            return self._set_job(job, state="canceling", cancel_requested_at=now, reason=reason)
        if job.state == "assigned":
            self._free_agent(job)
        if job.final or job.state == "canceling":
            return job
        return self._set_job(job, state="canceled", cancel_requested_at=now, reason=reason, agent_id="")

    def _free_agent(self, job: Job) -> None:
        agent = agents.TABLE.get(self._db, job.agent_id) if job.agent_id else None
        if agent is not None and agent.job_id == job.id:
            self._set_agent(agent, job_id="")

    def _admit(self, build_id: str) -> None:
        """Let jobs into their concurrency groups where there is a slot, of whatever build they are."""
        if not jobs.TABLE.count(self._db, "concurrency_group != '' AND state = 'limited'"):
            return
        listed = jobs.in_states(self._db, *sorted(states.HOLDING | concurrency.QUEUED))
        groups = {job.concurrency_group for job in listed if job.concurrency_group and job.state == "limited"}
        for group in groups:
            for job in concurrency.admitted([each for each in listed if each.concurrency_group == group]):
                self._set_job(job, state="scheduled")
                if job.build_id != build_id:
                    self._settle(job.build_id)

    def _settle(self, build_id: str) -> Build:
        """Let a build's state follow from its jobs."""
        build = self.build(build_id)
        found = jobs.of_build(self._db, build_id)
        state, blocked = build_state.state_of(build, found)
        now = self._clock()
        changes: Dict[str, Any] = {"state": state, "blocked": blocked}
        started = [job.started_at for job in found if job.started_at is not None]
        if started and build.started_at is None:
            changes["started_at"] = min(started)
        if state in ("failing", "failed") and build.failing_at is None:
            changes["failing_at"] = now
        ended = state in build_state.FINAL and not blocked
        if ended and build.finished_at is None:
            changes["finished_at"] = now
        elif not ended:
            changes["finished_at"] = None
        changed = builds.TABLE.change(self._db, build, **changes)
        if (changed.state, changed.blocked) != (build.state, build.blocked):
            self._tell(Event("build", build.id, state="blocked" if changed.blocked else changed.state))
        return changed

    def _nodes(self, build_id: str) -> List[Node]:
        """Return the steps of a build with their jobs, in order."""
        by_step: Dict[str, List[Job]] = {}
        slots: Dict[str, str] = {}
        for job in jobs.of_build(self._db, build_id):
            slots[job.id] = job.slot_id
            if not job.retried:
                by_step.setdefault(job.step_id, []).append(job)
        uploaders = {
            str(id): slots.get(str(job_id), "")
            for id, job_id in self._db.rows("SELECT id, job_id FROM uploads WHERE build_id = ?", (build_id,))
        }
        nodes = []
        for entry in steps.of_build(self._db, build_id):
            step, group = self._model(entry.upload_id)[1][entry.at]
            nodes.append(Node(entry, step, group, tuple(by_step.get(entry.id, ())), uploaders[entry.upload_id]))
        return nodes

    def _model(self, upload_id: str) -> Tuple[Pipeline, Walk]:
        """Return an uploaded document as a pipeline, and its steps in order."""
        if upload_id not in self._models:
            found = uploads.TABLE.get(self._db, upload_id)
            if found is None:
                raise NotFound("No upload found")
            pipeline = steps_reader.read(found.document)
            self._models[upload_id] = (pipeline, tuple(pipeline.walk()))
            if len(self._models) > MOST_MODELS:
                self._models.popitem(last=False)
        self._models.move_to_end(upload_id)
        return self._models[upload_id]

