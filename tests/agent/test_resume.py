"""A job that comes although the spool knows it already: it goes on, begins anew or fails, and never hangs."""

import contextlib
import os
import signal
import subprocess
import time
import uuid

import pytest

from bkagent.spool import directory
from bkagent.spool.manifest import JobManifest
from bkagent.spool.result import Result
from tests.fakes.control_plane import deadline


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "agent" / ".buildkite-agent" / "bkagent" / "spool"


@pytest.fixture
def waiting(start):
    """An agent that has looked at its spool and waits for work."""
    agent = start()
    assert agent.wait_said("Waiting for instructions"), agent.said
    return agent


def left(folder, plane, job_id):
    """Return an entry as an agent leaves it, owned by the caller."""
    return directory.create(str(folder), JobManifest(job_id, plane.endpoint, "jt-" + job_id))


def again(plane, job_id, command="echo ran-$((1+1))"):
    return plane.add_job(command, env={"BUILDKITE_JOB_ID": job_id})


def test_a_job_that_has_ended_goes_on_to_its_result(plane, waiting, folder):
    job_id = str(uuid.uuid4())
    entry = left(folder, plane, job_id)
    entry.append(b"printed before\n")
    entry.settle(Result(5, finished_at="2026-01-01T00:00:00Z"))
    with plane.changed:  # no look of the agent at its spool can come between
        job = again(plane, job_id)
        entry.release()
    assert job.wait_finished(), waiting.said
    assert (job.finish["exit_status"], job.text) == ("5", "printed before\n")
    assert not job.problems and eventually(lambda: waiting.spool == [])


def test_a_job_that_never_began_begins(plane, waiting, folder):
    job_id = str(uuid.uuid4())
    left(folder, plane, job_id).release()
    job = again(plane, job_id)
    assert job.wait_finished(), waiting.said
    assert job.finish["exit_status"] == "0" and "\nran-2\n" in job.text


@pytest.mark.parametrize("files", [{}, {"log": "printed before\n"}, {"job.json": "{", "log": "printed before\n"}])
def test_what_is_no_entry_is_out_of_the_way(plane, waiting, folder, files):
    job_id = str(uuid.uuid4())
    (folder / job_id).mkdir(parents=True)
    for name, text in files.items():
        (folder / job_id / name).write_text(text)
    job = again(plane, job_id)
    assert job.wait_finished(), waiting.said
    assert job.finish["exit_status"] == "0" and "\nran-2\n" in job.text
    kept = folder.parent / "kept" / job_id / "log"
    assert kept.exists() == ("log" in files)


def test_a_job_that_another_process_has_in_its_hands_fails_by_name(plane, waiting, folder):
    job_id = str(uuid.uuid4())
    entry = left(folder, plane, job_id)
    job, after = again(plane, job_id), plane.add_job("echo after")
    assert job.wait_finished(), waiting.said
    assert (job.finish["exit_status"], job.finish["signal_reason"]) == ("-1", "process_run_error")
    assert "another bkagent process of this user already owns this job" in job.text and str(folder) in job.text
    assert after.wait_finished() and after.finish["exit_status"] == "0"
    assert os.path.isdir(entry.folder) and entry.owned
    entry.release()


def test_a_job_without_room_in_the_spool_fails_by_name(plane, waiting, folder):
    if folder.exists():
        folder.rmdir()
    folder.write_text("in the way")
    job = again(plane, str(uuid.uuid4()))
    assert job.wait_finished(), waiting.said
    assert job.finish["exit_status"] == "-1" and "Error running job: " in job.text and str(folder) in job.text


@pytest.mark.raced
def test_a_damaged_entry_stays_while_its_job_runs_and_is_mended_by_it(plane, start, tmp_path, folder):
    job = plane.add_job(f"echo ready-$((1+1)); until [ -e {tmp_path}/go ]; do sleep 0.02; done; exit 4")
    agent = start()
    assert job.wait_printed(b"ready-2\r\n"), agent.said
    agent.signal("SIGKILL")
    agent.wait()
    # The job mends its entry up to a second after it has printed something, and again when it ends. Stopped it can
    # do neither, so that the next agent meets the damage however long it takes to start.
    pid = int((folder / job.id / "pid").read_text())
    with stopped(pid):
        (folder / job.id / "job.json").write_text("{")
        second = start()
        assert second.wait_said("its process still runs"), second.said
        assert second.spool == [job.id] and not (folder.parent / "kept").exists()
        second.signal("SIGKILL")  # else it would look again, and might finish the job before its result is seen here
        second.wait()
    (tmp_path / "go").touch()
    assert eventually(lambda: (folder / job.id / "result.json").exists())
    third = start()
    assert job.wait_finished(), third.said
    assert job.finish["exit_status"] == "4"


@contextlib.contextmanager
def stopped(pid):
    """Stop a process, all of its threads, for as long as this lasts."""
    os.kill(pid, signal.SIGSTOP)
    try:
        assert eventually(lambda: set(thread_states(pid)) == {"T"}), pid
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def thread_states(pid):
    """Return the letter of each thread of a process, as `ps` shows it."""
    argv = ["ps", "-L", "-o", "stat=", "-p", str(pid)]
    return [state[0] for state in subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False).stdout.split()]


def eventually(condition):
    patient = deadline()
    while not condition() and patient():
        time.sleep(0.01)
    return condition()
