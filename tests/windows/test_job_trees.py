"""Jobs as trees of processes: cancelled, left running, and going on without their agent."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path
from typing import Callable

import pytest

from tests.fakes.control_plane import FakeControlPlane, FakeJob, deadline
from tests.windows.windows_agent import WindowsAgent
from tests.windows.wine_session import WineSession

# A process that no Ctrl+Break reaches, and one that is in no group of its parent's. Wine ends what gets a Ctrl+Break
# and calls no handler, so neither may get one.
_TREE = """
import ctypes, socket, subprocess, sys
ctypes.WinDLL("kernel32").FreeConsole()
with socket.create_server(("127.0.0.1", 0)) as server:
    print("port", server.getsockname()[1], flush=True)
    if len(sys.argv) == 1:
        argv = [sys.executable, "-I", "-S", __file__, "child"]
        subprocess.Popen(argv, stdout=sys.stdout, creationflags=subprocess.CREATE_NEW_PROCESS_GROUP)
    while True:
        server.accept()[0].close()
"""
_GRACES = ("--cancel-grace-period", "20", "--signal-grace-period-seconds", "1")
Start = Callable[..., WindowsAgent]
TOP = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(wine: WineSession, tmp_path: Path) -> str:
    """Return the command line of a program that starts another one, which both print a port that they listen at."""
    script = tmp_path / "tree.py"
    script.write_text(_TREE)
    return f"{wine.python('3.13')} -I -S {wine.windows_path(script)}"


def ports_of(job: FakeJob, plane: FakeControlPlane) -> "list[int]":
    """Return the two ports once both are printed."""

    def ports() -> "list[int]":
        return [int(port) for port in re.findall(rb"port (\d+)", job.log)]

    assert plane.wait_for(lambda: len(ports()) == 2), job.text
    return ports()


def is_served(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    except OSError:
        return False


def have_ended(ports: "list[int]") -> bool:
    patient = deadline()
    while any(map(is_served, ports)) and patient():
        time.sleep(0.02)
    return not any(map(is_served, ports))


@pytest.mark.parametrize(("compat", "status"), [("3", "0"), ("4", "1")])
def test_what_does_not_end_in_its_grace_is_ended_whole(
    wine: WineSession, start_agent: Start, plane: FakeControlPlane, tree: str, compat: str, status: str
) -> None:
    program, *words = tree.split()
    start_agent("3.13", *_GRACES, "--compat", compat, "--shell", f"{program} {' '.join(words[:-1])} -c")
    script = wine.unix_path(words[-1])
    job = plane.add_job(f"__file__ = r'{words[-1]}'\n{script.read_text()}", {"BUILDKITE_SHELL": ""})
    ports = ports_of(job, plane)
    job.state = "canceling"
    assert job.wait_finished() and have_ended(ports), job.text
    assert (job.finish["exit_status"], job.finish["signal_reason"]) == (status, "cancel")
    assert "Received cancellation signal" in job.text


def test_a_job_that_is_stopped_with_its_agent_has_not_passed(
    wine: WineSession, start_agent: Start, plane: FakeControlPlane, tree: str
) -> None:
    agent = start_agent("3.13", *_GRACES, "--shell", f"{wine.python('3.13')} -I -S -c")
    job = plane.add_job(f"__file__ = r'{tree.split()[-1]}'\n{wine.unix_path(tree.split()[-1]).read_text()}")
    ports = ports_of(job, plane)
    entry = agent.state / "spool" / job.id
    # What a forced stop of an agent does; nothing sends a Ctrl+Break to an agent alone under Wine.
    (entry / "cancel").write_text("agent_stop\n")
    code = "import sys; sys.path.insert(0, sys.argv[1]); from bkagent.system import process_group; "
    code += "process_group.ask_to_end(int(sys.argv[2]), 'SIGTERM')"
    wine.run(wine.python("3.13"), "-c", code, wine.windows_path(TOP), (entry / "pid").read_text().strip(), check=True)
    assert job.wait_finished() and have_ended(ports)
    assert (job.finish["exit_status"], job.finish["signal_reason"]) == ("-1", "agent_stop")


def test_after_a_cancellation_nothing_of_a_job_is_left(
    start_agent: Start, plane: FakeControlPlane, tree: str, python: str
) -> None:
    agent = start_agent(python, *_GRACES)
    job = plane.add_job(tree)  # cmd.exe ends by Ctrl+Break, what it has started does not
    ports = ports_of(job, plane)
    job.state = "canceling"
    assert job.wait_finished() and have_ended(ports), job.text
    assert "Ending what this job has left running" in job.text and job.finish["signal_reason"] == "cancel"
    assert agent.run_job("echo the next one").finish["exit_status"] == "0"


@pytest.mark.parametrize("leftovers", ["report", "end"])
def test_what_a_job_leaves_running_is_named_and_ended_on_request(
    start_agent: Start, plane: FakeControlPlane, tree: str, leftovers: str, tmp_path: Path
) -> None:
    agent = start_agent("3.13", "--leftovers", leftovers)
    stop = agent.wine.windows_path(tmp_path / "stop")
    waiting = f"import os, time\nwhile not os.path.exists(r'{stop}'): time.sleep(0.02)"
    (tmp_path / "waiting.py").write_text(waiting)
    waiting_path = agent.wine.windows_path(tmp_path / "waiting.py")
    job = plane.add_job(f"start /b {tree}\n{tree.split()[0]} {waiting_path}")
    ports = ports_of(job, plane)
    (tmp_path / "stop").touch()
    assert job.wait_finished() and job.finish["exit_status"] == "0"
    ends = leftovers == "end"
    title = "Ending what this job has left running" if ends else "Left running by this job"
    assert title in job.text and "python.exe" in job.text.split(title)[1], job.text
    assert have_ended(ports) if ends else all(map(is_served, ports))
    assert agent.disconnect() == 0


def test_a_killed_job_process_takes_its_tree_with_it(
    wine: WineSession, start_agent: Start, plane: FakeControlPlane, tree: str
) -> None:
    agent = start_agent("3.13")
    job = plane.add_job(tree)
    ports = ports_of(job, plane)
    pid = (agent.state / "spool" / job.id / "pid").read_text().strip()
    wine.run("taskkill", "/F", "/PID", pid)
    assert job.wait_finished() and have_ended(ports)
    assert job.finish["exit_status"] == "-1" and agent.wait_said("ended without a result")


def test_a_job_outlives_its_agent_and_the_next_delivers_it(
    start_agent: Start, plane: FakeControlPlane, tree: str, python: str, tmp_path: Path
) -> None:
    stop = tmp_path / "stop"
    first = start_agent(python)
    script = tmp_path / "beat.py"
    script.write_text(
        "import os, sys, time\nn = 0\nwhile not os.path.exists(sys.argv[1]):\n"
        "    time.sleep(0.05); n += 1; print('beat', n, flush=True)\nprint('end after', n)\nsys.exit(9)\n"
    )
    names = [first.wine.windows_path(path) for path in (script, stop)]
    job = plane.add_job(f"{tree.split()[0]} {names[0]} {names[1]}")
    assert job.wait_printed(b"beat 3")
    first.kill()
    printed_bytes = len(job.log)
    start_agent(python)
    assert plane.wait_for(lambda: len(job.log) > printed_bytes + 100)
    stop.touch()
    assert job.wait_finished() and job.finish["exit_status"] == "9" and not job.problems
    beats = [int(number) for number in re.findall(r"beat (\d+)", job.text)]
    assert beats == list(range(1, len(beats) + 1)) and f"end after {len(beats)}" in job.text


def test_a_stop_of_the_next_agent_reaches_a_job_of_the_first(
    start_agent: Start, plane: FakeControlPlane, tree: str
) -> None:
    first = start_agent("3.13", *_GRACES)
    job = plane.add_job(tree)
    ports = ports_of(job, plane)
    first.kill()
    second = start_agent("3.13", *_GRACES)
    assert second.wait_said("taking over job")
    job.state = "canceling"
    assert job.wait_finished() and have_ended(ports) and job.finish["signal_reason"] == "cancel"


@pytest.mark.parametrize("status", ["256", "70000", "-1"])
def test_a_status_has_32_bits(start_agent: Start, status: str) -> None:
    job = start_agent("3.13").run_job(f"exit /b {status}")
    assert job.finish["exit_status"] == str(int(status) & 0xFFFFFFFF)
