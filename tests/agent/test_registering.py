"""An agent registers before all else: what it does not need for that is loaded after it, and nothing waits for it."""

import os
import subprocess
import sys
import threading

import pytest

from bkagent.agent.session.registering import Registering
from bkagent.agent.settings import AgentSettings
from bkagent.agent.shutdown import Shutdown
from bkagent.config.launching.self_command import code_root
from bkagent.config.options import agent as agent_options
from bkagent.config.settings import defaults
from bkagent.remote.client import Client
from bkagent.remote.worker import agents
from bkagent.wire.registration import Registered
from tests.fakes.conditions import until
from tests.fakes.job_settings import job_settings

# Each of these takes longer than the whole request.
HEAVY = {"dataclasses", "inspect", "json", "logging", "shutil", "ssl", "subprocess", "tempfile", "typing"}
OF_JOBS = ("bkagent.agent.jobs", "bkagent.artifacts", "bkagent.job.", "bkagent.logs", "bkagent.spool")
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import bkagent.cli.main, bkagent.cli.log, bkagent.cli.config_file, bkagent.cli.commands.start
import bkagent.cli.start.token_hiding, bkagent.cli.start.agent_settings, bkagent.cli.start.signals, bkagent.agent.begin
print("\\n".join(sys.modules))
"""


def test_nothing_of_jobs_is_loaded_to_register():
    argv = [sys.executable, "-I", "-S", "-c", PROGRAM, code_root()]
    loaded = subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    assert "bkagent.agent.session.registering" in loaded
    assert [name for name in loaded if name in HEAVY or name.startswith(OF_JOBS)] == []


def test_no_agent_loads_what_takes_long_for_one_use():
    program = PROGRAM.replace("print(", "import bkagent.job.warm_process, bkagent.agent.run\nprint(")
    argv = [sys.executable, "-I", "-S", "-c", program, code_root()]
    loaded = subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    assert "bkagent.agent.run" in loaded
    avoided = {"dataclasses", "inspect", "logging", "ssl", "subprocess", "tempfile"}
    # On Windows the functions of the system are called by it.
    assert [name for name in loaded if name in avoided | ({"ctypes"} if sys.platform == "linux" else set())] == []


def test_a_job_of_an_earlier_agent_is_seen_through_while_the_registration_is_refused(plane, start, tmp_path):
    go = tmp_path / "go"
    job = plane.add_job(f"echo begin; while [ ! -e {go} ]; do sleep 0.1; done; echo end")
    agent = start()
    assert job.wait_printed(b"begin\r\n"), agent.said
    agent.signal("SIGKILL")
    agent.wait()
    fault = plane.break_down("POST register", 503)
    again = start()
    assert plane.wait_for(lambda: fault.hits and plane.sessions[job.session]["beats"] > 0), again.said
    go.touch()
    assert job.wait_finished(), again.said
    assert job.finish["exit_status"] == "0" and len(plane.sessions) == 1
    again.signal("SIGTERM")
    assert again.wait() == 0, again.said


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="has no modes of folders")
def test_an_agent_whose_spool_cannot_be_read_leaves_again(plane, start, tmp_path):
    spool = tmp_path / "agent" / "state" / "spool"
    spool.parent.mkdir(mode=0o700, parents=True)
    spool.write_text("no folder")
    agent = start("--state-path", str(spool.parent), "--spawn", "3")
    assert agent.wait() != 0
    assert "spool" in agent.said and "Traceback" not in agent.said
    assert until(lambda: [seen["state"] for seen in plane.sessions.values()] == 3 * ["disconnected"]), agent.said


@pytest.mark.parametrize("status", [401, 503], ids=["refused", "stopped-before-the-next-try"])
def test_workers_that_are_registered_leave_again_where_another_cannot_be(plane, start, status):
    fault = plane.break_down("POST register", status, every=2)
    agent = start("--spawn", "2")
    if status == 503:
        assert plane.wait_for(lambda: fault.hits and plane.sessions), agent.said
        agent.signal("SIGTERM")
    assert (agent.wait() == 0) == (status == 503), agent.said
    assert [seen["state"] for seen in plane.sessions.values()] == ["disconnected"], agent.said


def test_an_agent_whose_parts_cannot_be_loaded_leaves_again(plane, start, tmp_path):
    """A Python that lacks a module of its own, say: that is not seen before the agent is registered."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['bkagent.agent.run'] = None\n")
    agent = start(env={"PYTHONPATH": os.pathsep.join([str(tmp_path), code_root()])})
    assert agent.wait() != 0 and "bkagent.agent.run" in agent.said
    assert [seen["state"] for seen in plane.sessions.values()] == ["disconnected"], agent.said


def test_a_session_that_comes_after_the_agent_has_left_is_ended(monkeypatch):
    answer, left = threading.Event(), []

    def register(client, own, **_):
        assert answer.wait(30)
        return Registered(own.name, own.name, "at-1", 1.0, 1.0, 1.0)

    monkeypatch.setattr(agents, "register", register)
    monkeypatch.setattr(agents, "disconnect", lambda client, **_: left.append(client.token))
    settings = AgentSettings(defaults(agent_options.START), job_settings(), "t", "/state")
    client = Client("http://127.0.0.1:9/v3", "t", environ={}, user_agent="test")
    registering = Registering(client, settings, Shutdown(), lambda level, text, event="": None)
    leaving = threading.Thread(target=registering.leave)
    leaving.start()
    until(lambda: registering._has_left)
    answer.set()
    leaving.join(30)
    assert left == ["at-1"] and registering.sessions() == []
