"""What goes wrong between agent and control plane, and an agent that dies: nothing printed is lost."""

import contextlib
import sys
import time

import pytest

from tests.agent.conftest import quick_plane
from tests.fakes.control_plane import LOSE, RESET, deadline

# Prints numbered lines until the file exists that it is given; the last line says how many there were.
TALKER = """import os, sys, time
n = 0
print('begin', flush=True)
while not os.path.exists(sys.argv[1]):
    n += 1
    print('line %d' % n, flush=True)
    time.sleep(0.002)
print('total %d' % n, flush=True)
"""


@pytest.fixture
def talker(plane, tmp_path):
    """A job that prints until it is let go; returns it and what lets it go."""
    script, go = tmp_path / "talker.py", tmp_path / "go"
    script.write_text(TALKER)
    return plane.add_job(f"{sys.executable} {script} {go}"), go.touch


def check_log(job):
    """Check that the log holds every line that was printed, once and in order."""
    assert not job.problems
    lines = job.text.splitlines()
    said = [line for line in lines if line.startswith(("line ", "total "))]
    count = int(said[-1].split()[1])
    assert said == [f"line {number}" for number in range(1, count + 1)] + [f"total {count}"]
    assert count > 0


# Each case waits for its retries' pauses, so that those of a group wait side by side.
@pytest.mark.parametrize(
    "cases",
    [
        [("chunks", kind) for kind in (500, 503, 429, RESET, LOSE)],
        [("ping", kind) for kind in (500, 503, 429, RESET, LOSE)],
        [
            ("start", 503), ("start", LOSE), ("finish", 500), ("finish", LOSE), ("disconnect", 404),
            ("connect", RESET),
        ],
    ],
    ids=["chunks", "ping", "others"],
)  # fmt: skip
def test_a_call_that_fails_twice_is_made_again(start, tmp_path, cases):
    with contextlib.ExitStack() as planes:
        running = [start_under_fault(planes.enter_context(quick_plane()), start, tmp_path, *case) for case in cases]
        for plane, _, fault, agent in running:
            assert plane.wait_for(lambda fault=fault: fault.hits >= 2), agent.said
            fault.end()
        for _, job, _, agent in running:
            assert agent.wait() == 0, agent.said
            assert job.finish["exit_status"] == "0" and not job.problems
            assert job.text.endswith("".join(f"{number}\n" for number in range(1, 3001)))


def start_under_fault(plane, start, tmp_path, call, kind):
    """Start an agent for one job whose every `call` fails; return the plane, the job, the fault and the agent."""
    plane.chunk_size = 4096
    job = plane.add_job("seq 3000")
    fault = plane.break_down(f"(PUT|POST|GET) .*{call}$", kind)
    return plane, job, fault, start("--disconnect-after-job", plane=plane, root=tmp_path / f"{call}-{kind}")


def test_an_outage_of_everything_delays_a_job_and_loses_nothing(plane, start, talker):
    job, let_go = talker
    agent = start("--disconnect-after-job")
    assert job.wait_printed(b"line 20\r\n"), agent.said
    fault = plane.break_down(".", 502)
    assert plane.wait_for(lambda: fault.hits >= 5), agent.said
    let_go()
    fault.end()
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0"
    check_log(job)


def test_an_agent_that_is_killed_loses_neither_log_nor_result(plane, start, talker):
    job, let_go = talker
    agent = start()
    assert job.wait_printed(b"line 20\r\n"), agent.said
    agent.signal("SIGKILL")
    agent.wait()
    assert agent.spool == [job.id] and not job.finishes
    session = job.session

    again = start()
    assert plane.wait_for(lambda: plane.sessions[session]["beats"] > 0), again.said
    assert job.wait_printed(b"line 200\r\n"), again.said
    let_go()
    assert job.wait_finished(), again.said
    assert job.finish["exit_status"] == "0"
    check_log(job)
    assert plane.wait_for(lambda: plane.sessions[session]["state"] == "disconnected"), again.said
    again.signal("SIGTERM")
    assert again.wait() == 0 and again.spool == []


def test_an_agent_that_is_killed_again_and_again_loses_nothing(plane, start, talker):
    plane.chunk_size = 2000
    job, let_go = talker
    plane.break_down("jobs/.*/chunks", LOSE, every=7)
    for round_number in range(1, 5):
        agent = start()
        assert job.wait_printed(f"line {round_number * 60}\r\n".encode()), agent.said
        agent.signal("SIGKILL")
        agent.wait()
    let_go()
    agent = start()
    assert job.wait_finished(), agent.said
    check_log(job)


def test_a_job_that_ended_without_its_agent_is_reported_by_the_next(plane, start, talker, tmp_path):
    job, let_go = talker
    agent = start()
    assert job.wait_printed(b"line 20\r\n"), agent.said
    agent.signal("SIGKILL")
    agent.wait()
    let_go()
    result = tmp_path / "agent" / ".buildkite-agent" / "bkagent" / "spool" / job.id / "result.json"
    assert appears(result)
    again = start()
    assert job.wait_finished(), again.said
    assert job.finish["exit_status"] == "0"
    check_log(job)


def test_a_job_taken_over_is_cancelled_like_any_other(plane, start):
    job = plane.add_job("trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.05; done")
    agent = start()
    assert job.wait_printed(b"ready\r\n"), agent.said
    agent.signal("SIGKILL")
    agent.wait()
    again = start()
    assert again.wait_said("taking over"), again.said
    job.state = "canceling"
    assert job.wait_finished(), again.said
    assert job.finish["signal_reason"] == "cancel" and "\nasked\n" in job.text


def test_two_agents_of_one_user_do_not_take_each_others_jobs(plane, start, talker):
    job, let_go = talker
    first, second = start(), start()
    assert job.wait_printed(b"line 20\r\n"), first.said + second.said
    third = start()
    assert third.wait_said("Waiting for instructions"), third.said
    let_go()
    assert job.wait_finished()
    check_log(job)
    assert len(job.finishes) == 1 and "taking over" not in first.said + second.said + third.said


def test_a_log_that_is_refused_for_good_is_kept_and_the_result_still_sent(plane, start, tmp_path):
    job = plane.add_job("echo hello")
    plane.break_down("jobs/.*/chunks", 404)
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0" and job.finish["chunks_failed_count"] > 0
    kept = tmp_path / "agent" / ".buildkite-agent" / "bkagent" / "kept" / job.id
    assert b"hello\r\n" in (kept / "log").read_bytes() and agent.spool == []
    names = [path.name for path in kept.iterdir()]
    assert not any(name.startswith("job-env") for name in names)
    assert job.token not in (kept / "job.json").read_text(encoding="utf-8")


def test_a_result_that_is_known_already_is_not_sent_for_ever(plane, start):
    job = plane.add_job("echo hello")
    plane.answers[f"PUT jobs/{job.id}/finish"] = (422, {"message": "finished already"})
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert agent.spool == []


def appears(path):
    """Wait until there is a file."""
    patient = deadline()
    while not path.exists() and patient():
        time.sleep(0.01)
    return path.exists()


def test_a_result_that_is_refused_is_kept(plane, start, tmp_path):
    job = plane.add_job("echo hello")
    plane.answers[f"PUT jobs/{job.id}/finish"] = (403, {"message": "not yours"})
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    kept = tmp_path / "agent" / ".buildkite-agent" / "bkagent" / "kept" / job.id
    assert (kept / "result.json").exists() and "not yours" in (kept / "reason").read_text() and agent.spool == []


def test_an_entry_that_cannot_be_read_is_set_aside_and_holds_nothing_up(plane, start, tmp_path):
    state = tmp_path / "agent" / ".buildkite-agent" / "bkagent"
    for name, text in (("broken", "no JSON"), ("empty", "{}")):
        (state / "spool" / name).mkdir(parents=True)
        (state / "spool" / name / "job.json").write_text(text)
    job = plane.add_job("echo hello")
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0" and agent.spool == []
    assert sorted(entry.name for entry in (state / "kept").iterdir()) == ["broken", "empty"]


def test_a_job_that_was_never_begun_is_reported_as_lost(plane, start, tmp_path):
    from bkagent.spool import directory
    from bkagent.spool.manifest import JobManifest

    job = plane.add_job("echo hello")
    job.state = "accepted"
    path = tmp_path / "agent" / ".buildkite-agent" / "bkagent" / "spool"
    entry = directory.create(str(path), JobManifest(job.id, plane.endpoint, job.token))
    entry.release()
    agent = start()
    assert job.wait_finished(), agent.said
    assert (job.finish["exit_status"], job.finish["signal_reason"]) == ("-1", "process_run_error")
