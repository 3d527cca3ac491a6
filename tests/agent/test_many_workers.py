"""An agent with many workers: what they wait for costs no thread of its own, and none of them waits for another."""

import sys
import threading

import pytest

from tests.fakes.conditions import until
from tests.fakes.control_plane import FakeControlPlane

WORKERS_COUNT, THREADS_COUNT = 50, 12
HUNG, AT_ONCE_COUNT = 5, 16


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


class RegisteringPlane(FakeControlPlane):
    """Answers registrations when `release` is set; counts how many have come."""

    def __init__(self):
        super().__init__(ping_interval=0.2)
        self.release = threading.Event()
        self.registrations_count = 0

    def answer(self, request):
        if request.call == "POST register":
            with self.changed:
                self.registrations_count += 1
                self.changed.notify_all()
            self.release.wait(60)
        return super().answer(request)


def threads_count(agent):
    with open(f"/proc/{agent.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("Threads:"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_many_workers_register_some_at_a_time(start):
    with RegisteringPlane() as plane:
        agent = start("--spawn", "40", plane=plane)
        assert plane.wait_for(lambda: plane.registrations_count >= AT_ONCE_COUNT), agent.said
        assert threads_count(agent) < AT_ONCE_COUNT + 10
        plane.release.set()
        assert plane.wait_for(lambda: sum(seen["pings"] > 0 for seen in plane.sessions.values()) == 40), agent.said
        agent.signal("SIGTERM")
        assert agent.wait() == 0, agent.said
        reports = [request.token for request in plane.requests if request.call == "POST stop"]
        assert len(reports) == len(set(reports)) == 40


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_fifty_idle_workers_have_a_dozen_threads(plane, start):
    agent = start("--spawn", str(WORKERS_COUNT))
    assert plane.wait_for(
        lambda: len(plane.sessions) == WORKERS_COUNT and all(seen["pings"] > 1 for seen in plane.sessions.values())
    ), agent.said

    assert until(lambda: threads_count(agent) <= THREADS_COUNT)
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
