"""Whatever becomes of a worker, the agent learns that it has left."""

import sys
import time

import pytest

from bkagent.agent.shutdown import GRACEFUL, Shutdown
from bkagent.agent.worker_loop import WorkerLoop
from bkagent.transport.timers import Timers
from tests.fakes.conditions import until

PATIENCE_S = 30


class ScriptedWorker:
    """Does what `steps` say, one each time that it is called; `error` is what it was marked with."""

    index = 1

    def __init__(self, *steps):
        self.steps, self.error, self.calls = list(steps), None, 0

    def work(self):
        self.calls += 1
        return self.steps.pop(0)()

    def mark_failed(self, error):
        self.error = error


@pytest.fixture
def timers():
    running = Timers()
    yield running
    running.close()


def fail(*_):
    raise OSError("no space left")


@pytest.mark.parametrize("broken", ["worker", "report", "hook"])
def test_a_defect_ends_the_worker_even_where_it_cannot_be_reported(timers, monkeypatch, broken):
    reports = []

    def hook(*defect):
        reports.append(defect)
        if broken == "hook" and len(reports) == 1:
            fail()

    monkeypatch.setattr(sys, "excepthook", hook)
    worker = ScriptedWorker(lambda: {}["defect"])
    loop = WorkerLoop(worker, timers, Shutdown(), fail if broken == "report" else lambda *_: None)
    loop.start()
    assert loop.left.wait(PATIENCE_S) and str(worker.error) == "'defect'"
    until(lambda: len(reports) == (2 if broken == "hook" else 1))  # what the hook failed by is a defect of the task


@pytest.mark.parametrize("moment", ["before", "within", "after"])
def test_a_stop_ends_the_wait_whenever_it_is_requested(timers, moment):
    stop = Shutdown()

    def begin():
        if moment == "within":
            stop.request(GRACEFUL)
        return time.monotonic() + 3600

    worker = ScriptedWorker(begin, lambda: None)
    loop = WorkerLoop(worker, timers, stop, lambda *_: None)
    if moment == "before":
        stop.request(GRACEFUL)
    loop.start()
    if moment == "after":
        while not worker.calls:
            time.sleep(0.001)
        stop.request(GRACEFUL)
    assert loop.left.wait(PATIENCE_S) and worker.calls == 2
