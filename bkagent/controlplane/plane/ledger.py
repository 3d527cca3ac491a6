"""The ledger under every service of the control plane: the store, the clock, and the events of each change."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Iterator, List, Protocol, Sequence

from bkagent.controlplane.errors import NotFound
from bkagent.controlplane.events import Feed
from bkagent.controlplane.records import FINAL_STATES, Agent, Build, Event, Job
from bkagent.controlplane.scheduling import moments, states
from bkagent.controlplane.store import agents, builds, jobs
from bkagent.controlplane.store.database import Database


class JobWatcher(Protocol):
    """Keeps something that follows from the jobs in the store. It is called within the change, with the lock held."""

    def job_changed(self, job: Job) -> None:
        """Take in a job as it is now, which may be a new one."""

    def forget(self, build_id: str) -> None:
        """Forget at least what belongs to a build ("": all), and read it again from the store when it is needed."""


class Ledger:
    """The records of builds, jobs and agents, and the one way to change them.

    db      the open store
    clock   returns the time in Unix seconds; it may be set back or forward at any moment
    steady  returns seconds of a clock that only goes on: what measures silences and limits
    feed    gets the events of each change once it is committed
    on_work is called after each change that may give agents something to do, with the agents whose state has changed
    """

    def __init__(self, db: Database, clock: Callable[[], float], steady: Callable[[], float]) -> None:
        self.db = db
        self.clock, self.steady = clock, steady
        self.feed = Feed()
        self.on_work: Callable[[Sequence[str]], None] = lambda agent_ids: None
        self._events: List[Event] = []
        self._agents_changed: List[str] = []
        self._changing = False
        self._work_announced = False
        self._watchers: List[JobWatcher] = []
        self._jobs_changed = False

    def watch_jobs(self, watcher: JobWatcher) -> None:
        """Tell a watcher of every change of a job from now on."""
        self._watchers.append(watcher)

    @contextmanager
    def change(self) -> Iterator[float]:
        """Make one change of the store, undone whole if the block raises; yields the time.

        Changes nest: inside another change of the same thread, the block is part of that one, and is committed or
        undone with it. Events are published after the outermost change has been committed, in the order of `tell`;
        then work is handed out, before another thread can change anything.
        """
        with self.db.lock:
            if self._changing:
                yield self.clock()
                return
            self._changing = True
            try:
                with self.db.change():
                    yield self.clock()
                self._jobs_changed = False
                for event in list(self._events):
                    self.feed.publish(event)
                is_work, agent_ids = self._work_announced, list(self._agents_changed)
            finally:
                if self._jobs_changed:  # and undone
                    self.forget_jobs()
                self._changing = self._jobs_changed = False
                self._work_announced = False
                self._events.clear()
                self._agents_changed.clear()
            if is_work:
                self.on_work(agent_ids)

    def tell(self, event: Event) -> None:
        """Publish an event at the end of the present change."""
        self._events.append(event)

    def announce_work(self) -> None:
        """Have work handed out to the agents that wait for it at the end of the present change."""
        self._work_announced = True

    def build(self, build_id: str) -> Build:
        """Return a build. Raises NotFound."""
        with self.db.lock:
            return builds.with_meta_data(self.db, [self.build_alone(build_id)])[0]

    def build_alone(self, build_id: str) -> Build:
        """Return a build without its meta-data, which may be long. Raises NotFound."""
        build = builds.TABLE.get(self.db, build_id)
        if build is None:
            raise NotFound("No build found")
        return build

    def job(self, job_id: str) -> Job:
        """Return a job. Raises NotFound."""
        job = jobs.TABLE.get(self.db, job_id)
        if job is None:
            raise NotFound("No job found")
        return job

    def agent(self, agent_id: str) -> Agent:
        """Return an agent's session. Raises NotFound."""
        agent = agents.TABLE.get(self.db, agent_id)
        if agent is None:
            raise NotFound("No agent found")
        return agent

    def add_job(self, job: Job) -> None:
        """Keep a new job."""
        jobs.TABLE.add(self.db, job)
        self._tell_watchers(job)
        self.tell(Event("job", job.build_id, job.id, state=job.shown_state))

    def forget_jobs(self, build_id: str = "") -> None:
        """Let watchers read the jobs of a build ("": all) again, since they were changed past them."""
        self._jobs_changed = True
        for watcher in self._watchers:
            watcher.forget(build_id)

    def note_foresight(self) -> None:
        """Note that watchers know of changes that are still to be made: they forget them if the change is undone."""
        self._jobs_changed = True

    def _tell_watchers(self, job: Job) -> None:
        self._jobs_changed = True
        for watcher in self._watchers:
            watcher.job_changed(job)

    def set_job(self, job: Job, **changes: Any) -> Job:
        """Change a job; return it as it is then. Raises Rejected for a state that the job may not enter."""
        state = changes.get("state", job.state)
        if state != job.state:
            states.check(job, state)
            now = self.clock()
            if state == "scheduled":
                changes.setdefault("runnable_at", now)
                self.announce_work()
            if state in FINAL_STATES:
                changes.setdefault("finished_at", now)
            elif job.final:
                changes.setdefault("finished_at", None)
        changed = jobs.TABLE.change(self.db, job, **moments.in_order(job, changes))
        if changed is not job:
            self._tell_watchers(changed)
        if state != job.state:
            self.tell(Event("job", job.build_id, job.id, changed.agent_id, changed.shown_state))
        return changed

    def set_agent(self, agent: Agent, **changes: Any) -> Agent:
        """Change an agent's session; return it as it is then."""
        changed = agents.TABLE.change(self.db, agent, **changes)
        if changed.state != agent.state or changed.paused != agent.paused or changed.job_id != agent.job_id:
            self.tell(Event("agent", agent_id=agent.id, state=changed.state))
        if changed.state != agent.state or changed.paused != agent.paused:
            self._agents_changed.append(agent.id)
            self.announce_work()
        return changed
