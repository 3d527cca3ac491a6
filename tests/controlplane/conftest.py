"""A control plane in a temporary folder, with a clock that stands still, and agents that do what a test says."""

from __future__ import annotations

import pytest

from bkagent.controlplane.plane.plane import Plane
from bkagent.controlplane.plane.timing import Timing
from bkagent.controlplane.records import NewBuild, new_id
from bkagent.controlplane.store import steps as step_table
from bkagent.wire.finish import Finish
from bkagent.wire.registration import Registration


class Clock:
    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):
        return self.now


class World:
    """A plane and short ways to move its jobs: jobs are named by step key, or by label where there is none."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = Clock()
        self.steady = self.clock
        self.plane = None
        self.build_id = ""
        self.open()

    def open(self):
        if self.plane is not None:
            self.plane.close()
        self.plane = Plane.open(
            self.folder, clock=self.clock, steady=lambda: self.steady(), ticking=False, timing=Timing(expected_s=0.0)
        )

    def agent(self, *tags, **details):
        """Register and connect an agent; return its id."""
        registered = self.plane.sessions.register(
            Registration("agent", "host", "linux", "amd64", "3.137.0", "x", 1, meta_data=tags, **details)
        )
        self.plane.sessions.connect(registered.id)
        return registered.id

    def build(self, steps, **details):
        details.setdefault("repository", "/repo")
        document = steps if isinstance(steps, dict) else {"steps": steps}
        build = self.plane.builds.create(NewBuild("demo", document, **details))
        self.build_id = build.id
        return build

    def steps(self):
        """Return the entries of the build's steps in order, groups before their steps."""
        return step_table.of_build(self.plane.ledger.db, self.build_id)

    def jobs(self, name="", build_id=""):
        listed = self.plane.jobs.of_build(build_id or self.build_id)
        return [job for job in listed if not name or name in (job.step_key, job.label)]

    def job(self, name):
        """Return the newest job of this name that has not ended, else the newest."""
        jobs = self.jobs(name)
        assert jobs, f"no job is called {name}"
        return next((job for job in jobs if not job.final), jobs[-1])

    def start(self, name):
        job = self.job(name)
        agent = self.agent("*")
        self.plane.dispatch.acquire(agent, job.id)
        return self.plane.runs.start(job.id)

    def finish(self, name, status=0, **details):
        return self.plane.runs.finish(self.job(name).id, Finish(str(status), **details))

    def run(self, name, status=0, **details):
        if self.job(name).state != "running":
            self.start(name)
        return self.finish(name, status, **details)

    def do(self, *moves):
        """Do moves such as "a=0" (run it to this exit status), "a" (start it), "unblock a", "cancel a", "retry a"."""
        for move in moves:
            word, _, name = move.rpartition(" ")
            if word:
                getattr(self.plane.jobs, word)(self.job(name).id)
            elif "=" in name:
                self.run(*((part if at == 0 else int(part)) for at, part in enumerate(name.split("="))))
            else:
                self.start(name)

    def upload(self, name, steps, **details):
        details.setdefault("uuid", new_id())
        document = steps if isinstance(steps, dict) else {"steps": steps}
        return self.plane.uploads.apply(self.job(name).id, document, **details)

    @property
    def states(self):
        """The state of every job that counts by name, jobs of one name joined by blanks."""
        states_by_name = {}
        for job in self.jobs():
            if not job.retried:
                states_by_name.setdefault(job.step_key or job.label or job.type, []).append(job.shown_state)
        return {name: " ".join(states) for name, states in states_by_name.items()}

    @property
    def state(self):
        build = self.plane.builds.get(self.build_id)
        return f"blocked {build.state}" if build.blocked else build.state


@pytest.fixture
def world(tmp_path):
    new_world = World(str(tmp_path / "data"))
    yield new_world
    new_world.plane.close()
