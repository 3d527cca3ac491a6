"""An agent with many workers: what they wait for costs no thread of its own, and none of them waits for another."""

import sys
import threading

import pytest

from tests.fakes.conditions import until
from tests.fakes.control_plane import FakeControlPlane

WORKERS_COUNT, THREADS_COUNT = 50, 12
HUNG = 5


class HangingPlane(FakeControlPlane):
    """Answers the pings of a few sessions after their first one when `release` is set."""

    def __init__(self):
        super().__init__(ping_interval=0.5, heartbeat_interval=0.5, job_status_interval=0.1)
        self.release = threading.Event()
        self.hanging = set()

    def answer(self, request):
        session = self.sessions.get(request.token[3:])
        if request.call == "GET ping" and session is not None and session["pings"]:
            with self.changed:
                if len(self.hanging) < HUNG:
                    self.hanging.add(request.token[3:])
            if request.token[3:] in self.hanging:
                self.release.wait(60)
        return super().answer(request)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_fifty_idle_workers_have_a_dozen_threads(plane, start):
    agent = start("--spawn", str(WORKERS_COUNT))
    assert plane.wait_for(
        lambda: len(plane.sessions) == WORKERS_COUNT and all(seen["pings"] > 1 for seen in plane.sessions.values())
    ), agent.said

    def threads_count():
        with open(f"/proc/{agent.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("Threads:"))

    assert until(lambda: threads_count() <= THREADS_COUNT)
    agent.signal("SIGTERM")
    assert agent.wait() == 0, agent.said
    assert {seen["state"] for seen in plane.sessions.values()} == {"disconnected"}


def test_pings_that_hang_hold_up_neither_heartbeats_nor_jobs_nor_other_pings(start):
    with HangingPlane() as plane:
        agent = start("--spawn", "20", plane=plane)
        assert plane.wait_for(lambda: len(plane.hanging) == HUNG), agent.said
        beats = {session: seen["beats"] for session, seen in plane.sessions.items()}
        assert plane.wait_for(
            lambda: all(seen["beats"] > beats[session] + 1 for session, seen in plane.sessions.items())
        ), agent.said
        jobs = [plane.add_job("true") for _ in range(10)]
        assert all(job.wait_finished() for job in jobs), agent.said
        plane.release.set()
        agent.signal("SIGTERM")
        assert agent.wait() == 0, agent.said
