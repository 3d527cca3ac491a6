"""Jobs and agents that are ended before their time."""

import os
import signal

import pytest

from bkagent.agent.jobs import outcome
from bkagent.spool.result import Result
from tests.fakes.control_plane import deadline

# Says that it runs, then waits; ends with 7 when it is asked to.
PATIENT = "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
DEAF = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
SHORT_GRACE = ("--cancel-grace-period", "3", "--signal-grace-period-seconds", "1")


def is_running(pid):
    """Say whether a process runs; one that only waits for its parent to take note of its end does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_cancelled_job_is_asked_to_end(plane, start):
    job = plane.add_job(PATIENT)
    agent = start("--disconnect-after-job")
    assert job.wait_printed(b"ready\r\n"), agent.said
    job.state = "canceling"
    assert agent.wait() == 0, agent.said
    assert job.finish["signal_reason"] == "cancel" and job.finish["exit_status"] == "-1"
    assert "\nasked\n" in job.text and agent.spool == []


OVERRIDE = ("--experiment", "override-zero-exit-on-cancel")


@pytest.mark.skipif(os.name == "nt", reason="the program is a shell script")
@pytest.mark.parametrize(
    ("flags", "status", "ends_with"),
    [
        ((), 0, "0"), ((), 7, "7"), (OVERRIDE, 0, "1"), (OVERRIDE, 7, "7"), (("--compat", "4"), 0, "1"),
        (("--compat", "4"), 7, "7"),
    ],
)  # fmt: skip
def test_a_program_in_place_of_the_phases_ends_a_cancelled_job(plane, start, tmp_path, flags, status, ends_with):
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{PATIENT.replace('exit 7', f'exit {status}')}\n")
    program.chmod(0o755)
    job = plane.add_job("no matter")
    agent = start("--disconnect-after-job", "--bootstrap-script", str(program), *flags)
    assert job.wait_printed(b"ready"), agent.said
    job.state = "canceling"
    assert agent.wait() == 0, agent.said
    assert (job.finish["exit_status"], job.finish["signal_reason"]) == (ends_with, "cancel")
    assert not job.finish.get("signal") and "\nasked\n" in job.text


def test_a_program_in_place_of_the_phases_that_the_signal_ends_is_named_by_it(plane, start, tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho ready; exec sleep 60\n")
    program.chmod(0o755)
    job = plane.add_job("no matter")
    agent = start("--disconnect-after-job", "--bootstrap-script", str(program), *OVERRIDE)
    assert job.wait_printed(b"ready"), agent.said
    job.state = "canceling"
    assert agent.wait() == 0, agent.said
    assert (job.finish["exit_status"], job.finish["signal"]) == ("-1", "SIGTERM")


@pytest.mark.parametrize("overrides", [False, True])
@pytest.mark.parametrize(
    ("status", "reason", "overridden"),
    [(0, "cancel", "1"), (7, "cancel", "7"), (-1, "cancel", "-1"), (0, "agent_stop", "0"), (0, None, "0")],
)
def test_only_a_cancelled_jobs_zero_is_overridden(status, reason, overridden, overrides):
    finish = outcome.finish_for(Result(status), reason, 0, False, overrides_zero=overrides)
    assert finish.exit_status == (overridden if overrides else str(status))


def test_a_cancelled_job_that_does_not_listen_is_killed(plane, start):
    job = plane.add_job(DEAF)
    agent = start("--disconnect-after-job", *SHORT_GRACE)
    assert job.wait_printed(b"ready\r\n"), agent.said
    job.state = "canceled"
    assert agent.wait() == 0, agent.said
    assert job.finish["signal_reason"] == "cancel" and job.finish["exit_status"] != "0"


def test_a_job_that_runs_out_of_time_can_tell(plane, start):
    job = plane.add_job(
        "trap 'cat \"$BUILDKITE_AGENT_JOB_TIMEOUT_FILE\"; echo; exit 1' TERM; echo ready; while :; do sleep 0.05; done"
    )
    agent = start("--disconnect-after-job")
    assert job.wait_printed(b"ready\r\n"), agent.said
    job.state = "timing_out"
    assert agent.wait() == 0
    assert job.finish["signal_reason"] == "cancel" and "\ntrue\n" in job.text


def test_a_job_whose_token_has_lost_its_validity_is_cancelled(plane, start):
    job = plane.add_job(PATIENT)
    agent = start("--disconnect-after-job")
    assert job.wait_printed(b"ready\r\n"), agent.said
    plane.answers[f"GET jobs/{job.id}"] = (401, {"message": "expired"})
    assert agent.wait() == 0
    assert job.finish["signal_reason"] == "cancel"


def test_a_job_that_was_cancelled_before_it_ran_ends_at_once(plane, start):
    job = plane.add_job(PATIENT)
    job.document = lambda: (setattr(job, "state", "canceling"), type(job).document(job))[1]
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finish["signal_reason"] == "cancel"


def test_an_idle_agent_leaves_at_the_first_signal(plane, start):
    agent = start()
    assert plane.wait_for(lambda: "GET ping" in plane.seen), agent.said
    agent.signal("SIGTERM")
    assert agent.wait() == 0
    assert plane.seen[-1] == "POST disconnect"


def test_the_first_signal_lets_the_job_end(plane, start, tmp_path):
    go = tmp_path / "go"
    job = plane.add_job(f"echo ready; until [ -e {go} ]; do sleep 0.05; done; echo done")
    after = plane.add_job("echo after")
    agent = start()
    assert job.wait_printed(b"ready\r\n"), agent.said
    agent.signal("SIGTERM")
    go.touch()
    assert agent.wait() == 0
    assert job.finish["exit_status"] == "0" and job.text.endswith("\ndone\n") and not after.starts
    assert plane.seen[-1] == "POST disconnect"


def test_the_second_signal_cancels_the_job(plane, start):
    job = plane.add_job(PATIENT)
    agent = start()
    assert job.wait_printed(b"ready\r\n"), agent.said
    agent.signal("SIGINT")
    agent.signal("SIGTERM")
    assert agent.wait() == 0, agent.said
    assert job.finish["signal_reason"] == "agent_stop" and "\nasked\n" in job.text
    assert plane.seen[-1] == "POST disconnect" and agent.spool == []


def test_quit_cancels_the_job_at_once(plane, start):
    job = plane.add_job(PATIENT)
    agent = start()
    assert job.wait_printed(b"ready\r\n"), agent.said
    agent.signal("SIGQUIT")
    assert agent.wait() == 0, agent.said
    assert job.finish["signal_reason"] == "agent_stop"


def test_the_third_signal_kills_the_job_and_the_next_start_posts_its_result(plane, start, tmp_path):
    job = plane.add_job(DEAF.replace("echo ready", "echo $$ > " + str(tmp_path / "pid") + "; echo ready"))
    agent = start()
    assert job.wait_printed(b"ready\r\n"), agent.said
    # One after the other: the system merges equal signals that have not been received yet.
    for heard in ("stopping when", "cancelling", "killing the running jobs"):
        agent.signal("SIGTERM")
        assert agent.wait_said(heard), agent.said
    assert agent.wait() == 1, agent.said
    pid, patient = int((tmp_path / "pid").read_text()), deadline()
    while is_running(pid):  # killed by now, and dead as soon as the system has a processor for it
        assert patient(), "the command has outlived its agent"
    assert not job.finishes and agent.spool == [job.id]

    again = start()
    assert job.wait_finished(), again.said
    assert job.finish["exit_status"] == "-1" and job.finish["signal_reason"] == "agent_stop"


def test_a_forced_stop_ends_within_its_grace_though_the_server_is_away(plane, start):
    job = plane.add_job(PATIENT)
    agent = start(*SHORT_GRACE)
    assert job.wait_printed(b"ready\r\n"), agent.said
    away = plane.break_down("jobs/.*/(chunks|finish)", 503)
    agent.signal("SIGQUIT")
    assert agent.wait() == 1, agent.said
    assert agent.spool == [job.id] and not job.finishes
    away.end()
    again = start()
    assert job.wait_finished(), again.said
    assert job.finish["signal_reason"] == "agent_stop" and "\nasked\n" in job.text


def test_hanging_up_does_not_touch_the_agent(plane, start):
    job = plane.add_job("kill -HUP $PPID 2>/dev/null; echo fine")
    agent = start("--disconnect-after-job")
    agent_gets_it = plane.wait_for(lambda: plane.sessions)
    assert agent_gets_it
    agent.signal("SIGHUP")
    assert agent.wait() == 0, agent.said
    assert job.finishes


def test_a_refused_heartbeat_cancels_the_job_and_ends_the_worker(plane, start):
    plane.heartbeat_interval = 0.2
    job = plane.add_job(PATIENT)
    plane.break_down("POST heartbeat", 404)
    agent = start()
    assert agent.wait() == 1, agent.said
    assert job.finish["signal_reason"] == "agent_stop"


def test_a_job_process_that_is_killed_is_a_lost_job(plane, start, tmp_path):
    job = plane.add_job("echo $PPID > " + str(tmp_path / "pid") + "; " + PATIENT)
    agent = start("--disconnect-after-job")
    assert job.wait_printed(b"ready\r\n"), agent.said
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert agent.wait() == 0, agent.said
    assert (job.finish["exit_status"], job.finish["signal_reason"]) == ("-1", "process_run_error")
    assert "ended without a result" in agent.said
