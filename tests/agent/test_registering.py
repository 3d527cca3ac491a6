"""An agent registers before all else: what it does not need for that is loaded after it, and nothing waits for it."""

import os
import subprocess
import sys

import pytest

from bkagent.config.launching.self_command import code_root
from tests.fakes.conditions import until

# Each of these takes longer than the whole request.
HEAVY = {"dataclasses", "inspect", "json", "logging", "shutil", "ssl", "subprocess", "tempfile", "typing"}
OF_JOBS = ("bkagent.agent.jobs", "bkagent.artifacts", "bkagent.job.", "bkagent.logs", "bkagent.spool", "bkagent.warm")
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
