"""What every part of the control plane stands on: the store, the clock, the events, and one step of scheduling."""

from __future__ import annotations

import dataclasses
import threading
import uuid
from collections import OrderedDict
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Tuple

from bkagent.controlplane.errors import NotFound
from bkagent.controlplane.events import Feed, Subscription
from bkagent.controlplane.records import FINAL_STATES, Agent, Build, Event, Job
from bkagent.controlplane.scheduling import states
from bkagent.controlplane.scheduling.nodes import Walk
from bkagent.controlplane.store import agents, builds, jobs
from bkagent.controlplane.store.database import Database
from bkagent.controlplane.store.log_file import LogFile
from bkagent.controlplane.tokens import Tokens
from bkagent.pipeline.model.steps import Pipeline
from bkagent.wire.registration import LOST_AFTER_S


@dataclasses.dataclass(frozen=True)
class Timing:
    """How often agents ask and speak up, in seconds, and after which silence something is given up."""

    ping_interval_s: float = 1.0
    job_status_interval_s: float = 1.0
    heartbeat_interval_s: float = 30.0
    chunk_interval_s: float = 1.0
    lost_after_s: float = LOST_AFTER_S
    offer_s: float = 60.0
    accepted_s: float = 900.0
    pause_minutes: int = 5


def timing_of(lost_after_s: float) -> Timing:
    """Return the timing of a plane that gives agents up after so long: they are to be heard six times in it."""
    return Timing(lost_after_s=lost_after_s, heartbeat_interval_s=min(30.0, lost_after_s / 6))


class PlaneState:
    """Holds everything open; the parts of the plane derive from it."""

    def __init__(self, folder: str, db: Database, tokens: Tokens, organization: str, clock: Callable[[], float],
                 timing: Timing) -> None:  # fmt: skip
        self.folder = folder
        self.organization = organization
        self.web_url = ""
        # What else of a pipeline to refuse, a sentence each: for whoever opens the plane and can do less than it can.
        self.also_refused: Callable[[Pipeline], List[str]] = lambda pipeline: []
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
