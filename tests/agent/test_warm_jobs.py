"""Jobs that an agent has forked from its warm process."""

import contextlib
import functools
import os
import re
import signal
import time

import pytest

from tests.fakes.control_plane import deadline

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="looks at processes in /proc")

# The command line of a fork is that of the warm process, without an entry.
_IS_FORK = "tr '\\0' ' ' < /proc/$PPID/cmdline | grep -q 'job-process *$' && echo a fork"


def _forked(plane, command, tries=50):
    """Return a job that runs `command` as a fork; the first ones come before the warm process is ready."""
    for _ in range(tries):
        job = plane.add_job(f"{_IS_FORK} || exit 0; {command}")
        assert plane.wait_for(functools.partial(_is_told, job)), job.text
        if "a fork\n" in job.text:
            return job
    raise AssertionError("no job was forked")


def test_jobs_are_forked_once_the_agent_is_warm(plane, start):
    agent = start("--spawn", "2")
    first = _forked(plane, "exit 3")
    assert first.wait_finished() and first.finish["exit_status"] == "3"
    agent.signal("SIGTERM")
    assert agent.wait() == 0, agent.said


def test_a_forked_job_outlives_its_agent_and_is_taken_over(plane, start, tmp_path):
    os.mkfifo(tmp_path / "go")
    agent = start()
    job = _forked(plane, f'echo parent $(ps -o ppid= -p $PPID); read line < "{tmp_path}/go"; echo bye')
    assert plane.wait_for(lambda: re.search(r"parent \d+\n", job.text)), agent.said
    warm = re.search(r"parent (\d+)\n", job.text).group(1)
    agent.signal("SIGKILL")
    agent.wait()
    _await_end(warm)
    assert agent.spool == [job.id] and not job.finishes
    following = start()
    with open(tmp_path / "go", "w", encoding="ascii") as file:
        file.write("go\n")
    assert job.wait_finished(), following.said
    assert job.finish["exit_status"] == "0" and "bye" in job.text


def test_another_warm_process_takes_the_place_of_the_first(plane, start):
    agent = start()
    for _ in range(2):  # the first is a fork of the agent itself, the others are not
        job = _forked(plane, "echo parent $(ps -o ppid= -p $PPID)")
        assert job.wait_finished(), agent.said
        warm = re.search(r"parent (\d+)\n", job.text).group(1)
        os.kill(int(warm), signal.SIGKILL)
        _await_end(warm)
    agent.signal("SIGTERM")
    assert agent.wait() == 0, agent.said


def test_what_the_agent_was_told_is_in_no_warm_process(plane, start):
    agent = start("--name", "named-by-a-flag", "--tags", "told=by-a-flag")
    warm = "/proc/$(ps -o ppid= -p $PPID | tr -d ' ')"
    job = _forked(plane, f"tr '\\0' ' ' < {warm}/cmdline")
    assert job.wait_finished(), agent.said
    assert "job-process" in job.text and "by-a-flag" not in job.text
    agent.signal("SIGTERM")
    assert agent.wait() == 0, agent.said


def test_no_connection_of_the_agent_is_open_in_what_was_forked_from_it(plane, start):
    agent = start("--spawn", "2")
    job = _forked(plane, "for pid in $PPID $(ps -o ppid= -p $PPID) $$; do ls -l /proc/$pid/fd; done; echo listed")
    assert job.wait_finished() and "listed" in job.text, agent.said
    listed = set(re.findall(r"socket:\[\d+\]", job.text))
    of_agent = set()
    for fd in os.listdir(f"/proc/{agent.process.pid}/fd"):
        with contextlib.suppress(OSError):
            of_agent.add(os.readlink(f"/proc/{agent.process.pid}/fd/{fd}"))
    assert listed and any(name.startswith("socket:") for name in of_agent) and not listed & of_agent
    agent.signal("SIGTERM")
    assert agent.wait() == 0, agent.said


def test_a_custom_script_runs_in_a_process_of_its_own(plane, start, tmp_path):
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\n{_IS_FORK} || echo no fork at all\n", encoding="ascii")
    script.chmod(0o755)
    agent = start("--bootstrap-script", str(script), "--disconnect-after-job")
    job = plane.add_job("unused")
    assert agent.wait() == 0, agent.said
    assert "no fork at all" in job.text


def _is_told(job):
    return "a fork\n" in job.text or job.finishes


def _await_end(pid):
    patient = deadline()
    while _is_running(pid):
        assert patient(), f"process {pid} has not ended"
        time.sleep(0.01)


def _is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
