"""What the jobs of a real agent call is run by its warm process, which ends with the agent and is part of no job."""

import os
import re

import pytest

from bkagent.system.stand_in import stand_in
from tests.fakes.control_plane import deadline

pytestmark = pytest.mark.skipif(not stand_in.AVAILABLE, reason="no process can stand in for another here")

# The agent itself answers under another file's number, until its process is warm.
_WAIT = """
calls=$(dirname "$(command -v buildkite-agent)")/calls
until read -r pid file <"$calls/server" && [ "$file" = 0 ]; do buildkite-agent env get HOME >/dev/null; done
"""


def test_a_jobs_commands_run_warm(plane, start):
    asked = f'{_WAIT} echo "warm $pid"; buildkite-agent meta-data set key "$(buildkite-agent env get HOME)"'
    job = plane.add_job(asked.strip().replace("\n", "; ").replace("do;", "do"))
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0", job.text
    assert plane.meta_data["key"] == str(agent.root)
    pid = re.search(r"warm (\d+)\r?\n", job.text)
    assert pid and "command-process" not in job.text, job.text
    patient = deadline()
    while os.path.exists(f"/proc/{pid.group(1)}"):
        assert patient(), "the process has outlived its agent"


def test_a_job_whose_agent_is_killed_goes_on_by_itself(plane, start, tmp_path):
    script = tmp_path / "job.sh"
    script.write_text(
        f'{_WAIT}\necho ready; read -r line <"{tmp_path}/go"\nbuildkite-agent meta-data set key value && echo done\n'
    )
    os.mkfifo(tmp_path / "go")
    job = plane.add_job(f"sh {script}")
    first = start()
    assert job.wait_printed(b"ready\r\n"), first.said
    first.signal("SIGKILL")
    first.wait()
    with open(tmp_path / "go", "w", encoding="ascii") as go:
        go.write("go\n")
    again = start()
    assert job.wait_finished(), again.said
    assert job.finish["exit_status"] == "0" and plane.meta_data["key"] == "value" and "done" in job.text
