"""An agent that is told to end gracefully says so once, before it drains; the control plane can show it."""

import threading

import pytest

from bkagent.agent.session.stop_report import StopReport
from bkagent.agent.shutdown import GRACEFUL, KILL
from bkagent.remote.worker import agents
from bkagent.transport.work_threads import WorkThreads
from tests.fakes.conditions import until
from tests.fakes.control_plane import RESET

STOP = "POST stop"


def said_of(plane):
    """Return (document, session) of each report."""
    return [(request.document, request.token[3:]) for request in plane.requests if request.call == STOP]


def test_every_worker_reports_once_when_draining_begins(plane, start, tmp_path):
    """One worker runs a job that ends when the test says, the other has none."""
    job = plane.add_job(f"echo ready; until [ -e {tmp_path}/go ]; do sleep 0.02; done")
    agent = start("--spawn", "2")
    assert job.wait_printed(b"ready") and plane.wait_for(lambda: all(s["pings"] for s in plane.sessions.values()))
    agent.signal("SIGTERM")
    assert plane.wait_for(lambda: len(said_of(plane)) == 2), agent.said
    assert plane.sessions[job.session]["state"] == "stopping" and not job.finishes
    (tmp_path / "go").touch()
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0"
    assert sorted(said_of(plane), key=str) == sorted(
        (({"force": False}, session) for session in plane.sessions), key=str
    )
    for session in plane.sessions:
        calls = [request.call for request in plane.requests if request.token == "at-" + session]
        assert calls.index(STOP) < calls.index("POST disconnect")


@pytest.mark.parametrize("kind", [404, 500, RESET])
def test_a_report_that_fails_changes_nothing(plane, start, kind):
    fault = plane.break_down("^POST stop$", kind)
    agent = start()
    assert plane.wait_for(lambda: any(session["pings"] for session in plane.sessions.values())), agent.said
    agent.signal("SIGTERM")
    assert agent.wait() == 0, agent.said
    assert fault.hits  # at least one: a connection that was kept open is worth a second try
    assert plane.seen[-1] == "POST disconnect" and "could not report that" not in agent.said


def test_an_agent_that_leaves_by_itself_reports_nothing(plane, start):
    plane.add_job("true")
    assert start("--disconnect-after-job").wait() == 0
    assert STOP not in plane.seen


def test_many_reports_take_few_threads_and_who_leaves_waits_for_none_of_the_others(monkeypatch):
    sent, release = [], threading.Event()
    monkeypatch.setattr(agents, "report_stop", lambda client: (sent.append(client), client < 2 and release.wait(60)))
    threads = WorkThreads(2, kept_count=0)
    reports = [StopReport(number, threads, print) for number in range(20)]
    for report in reports:
        report.on_stop(GRACEFUL)
    assert until(lambda: sorted(sent) == [0, 1])
    reports[19].complete(GRACEFUL)
    assert sorted(sent) == [0, 1, 19]
    reports[18].complete(KILL)
    release.set()
    assert until(lambda: len(sent) >= 20) and sorted(sent) == list(range(20))


def test_a_report_that_gets_no_thread_is_sent_by_the_worker_that_leaves(monkeypatch):
    def refuse(threads, work):
        raise RuntimeError("can't start new thread")

    sent = []
    monkeypatch.setattr(WorkThreads, "put", refuse)
    monkeypatch.setattr(agents, "report_stop", sent.append)
    report = StopReport("a client", WorkThreads(1), print)
    report.on_stop(GRACEFUL)
    report.complete(GRACEFUL)
    assert sent == ["a client"]
